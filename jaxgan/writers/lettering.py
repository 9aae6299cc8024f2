"""Words on pictures: a title above, names over the columns and before the rows."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_LINE_PIXELS = 16
_FONT_PIXELS = 11
_MARGIN = 6
_MAX_NAME_PIXELS = 240
_BACKGROUND = 255


def lettered(
    pixels: np.ndarray,
    *,
    title: str = "",
    columns: Sequence[str] = (),
    rows: Sequence[str] = (),
) -> np.ndarray:
    """Writes what a picture shows around it.

    Args:
      pixels: uint8 of shape [height, width, C], as of `image_grid`.
      title: above all, in as many lines as it needs.
      columns: names of the equally wide columns.
      rows: names of the equally high rows, before them.

    Returns:
      uint8, in whose lower right corner the picture is.

    Example:
      >>> lettered(np.zeros((40, 80, 3), np.uint8), title="two rows", rows=["a", "b"]).shape
      (56, 99, 3)
    """
    whole = with_titles(pixels, columns)
    if rows:
        names = [_shortened(name, _MAX_NAME_PIXELS) for name in rows]
        width = 2 * _MARGIN + round(max(map(_width, names)))
        strip = Image.new("L", (width, len(whole)), _BACKGROUND)
        draw, top = ImageDraw.Draw(strip), len(whole) - len(pixels)
        for number, name in enumerate(names):
            middle = top + (number + 0.5) * len(pixels) / len(names)
            draw.text((width - _MARGIN, middle), name, fill=0, font=_font(), anchor="rm")
        whole = np.concatenate([_like(strip, whole), whole], axis=1)
    if title:
        lines = _wrapped(title, whole.shape[1] - 2 * _MARGIN)
        strip = Image.new("L", (whole.shape[1], _LINE_PIXELS * len(lines)), _BACKGROUND)
        for number, line in enumerate(lines):
            at = (_MARGIN, number * _LINE_PIXELS + 1)
            ImageDraw.Draw(strip).text(at, line, fill=0, font=_font(), anchor="la")
        whole = np.concatenate([_like(strip, whole), whole])
    return whole


def with_titles(pixels: np.ndarray, titles: Sequence[str]) -> np.ndarray:
    """Writes a title over each of the equally wide columns of a picture.

    Args:
      pixels: uint8 of shape [height, width, C], as of `image_grid`.
      titles: one for each column, shortened to what fits; none leaves the picture as it is.

    Returns:
      uint8 of shape [height + 16, width, C].

    >>> with_titles(np.zeros((10, 80, 3), np.uint8), ["cat", "dog"]).shape
    (26, 80, 3)
    """
    if not titles:
        return pixels
    width = pixels.shape[1]
    strip = Image.new("L", (width, _LINE_PIXELS), _BACKGROUND)
    draw, room = ImageDraw.Draw(strip), width / len(titles)
    for column, title in enumerate(titles):
        text = _shortened(title, room - 2)
        draw.text(((column + 0.5) * room, 1), text, fill=0, font=_font(), anchor="ma")
    return np.concatenate([_like(strip, pixels), pixels])


@functools.cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Matplotlib's, which has ψ and the like; found without importing it."""
    found = importlib.util.find_spec("matplotlib")
    if found is not None and found.origin is not None:
        path = Path(found.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
        if path.is_file():
            return ImageFont.truetype(str(path), _FONT_PIXELS)
    return ImageFont.load_default(_FONT_PIXELS)


def _width(text: str) -> float:
    return float(_font().getlength(text))


def _shortened(text: str, room: float) -> str:
    """A text in one line that fits."""
    text = " ".join(text.split())
    while text and _width(text) > room:
        text = text.rstrip("…")[:-1] + "…" if len(text) > 1 else ""
    return text


def _wrapped(text: str, room: float) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and _width(longer) <= room:
            lines[-1] = longer
        else:
            lines.append(_shortened(word, room))
    return lines


def _like(strip: Image.Image, pixels: np.ndarray) -> np.ndarray:
    """A strip with as many channels as a picture."""
    return np.repeat(np.asarray(strip)[..., None], pixels.shape[-1], axis=-1)
