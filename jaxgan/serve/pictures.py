"""What the page asks for: a picture as PNG, and to keep one."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan.core.errors import ExploreError
from jaxgan.core.pixels import to_uint8
from jaxgan.files.atomic import replacing
from jaxgan.files.json_file import parse_json
from jaxgan.sampling.explore import Controls, Settings, check_settings
from jaxgan.writers import as_image, save_png

Draw = Callable[[bytes], tuple[Settings, np.ndarray]]
"""Settings as JSON -> (the settings, their picture, uint8 [H, W, C])."""


def make_draw(controls: Controls) -> Draw:
    """What draws a picture of settings that came from outside.

    Args:
      controls: of the generator.

    Returns:
      A `Draw`, which raises an `InputError` of one line for settings that are none.

    Raises:
      ExploreError: if the generator's images can be no PNG.

    Example:
      >>> def picture(settings):
      ...     return np.full((1, 1, 1), 2.0 * settings.get("share", 0.0) - 1, np.float32)
      >>> draw = make_draw(Controls(picture, 1, 2, 0, None, True, (), ()))
      >>> draw(b'{"start": {"seed": 0, "number": 0}}')[1].tolist()
      [[[0]]]
    """
    first = controls.picture({"start": {"seed": 0, "number": 0}})
    if first.shape[-1] not in (1, 3):
        raise ExploreError(f"explore: images have {first.shape[-1]} channels; needs 1 or 3")
    to_png(to_uint8(first))  # Pillow brings what it needs for it

    def draw(body: bytes) -> tuple[Settings, np.ndarray]:
        settings = check_settings(parse_json(body, "settings", dict[str, Any]), controls)
        return settings, to_uint8(controls.picture(settings))

    return draw


def to_png(pixels: np.ndarray) -> bytes:
    """A picture as a PNG, packed quickly.

    Args:
      pixels: uint8 [H, W, 1 or 3].

    Returns:
      The file.

    Example:
      >>> to_png(np.zeros((2, 2, 1), np.uint8))[:4]
      b'\\x89PNG'
    """
    file = io.BytesIO()
    as_image(pixels).save(file, format="PNG", compress_level=1)
    return file.getvalue()


def make_save(draw: Draw, folder: Path, about: Mapping[str, Any]) -> Callable[[bytes], str]:
    """What keeps a picture of settings, with all that makes it again.

    Args:
      draw: see `make_draw`.
      folder: where `0001.png` and `0001.json` go, and then the next ones.
      about: what the JSON says besides the settings.

    Returns:
      Settings as JSON -> the path of the PNG, which was there under no name before.

    Example:
      See `jaxgan.cli.explore_serve`.
    """

    def save(body: bytes) -> str:
        settings, pixels = draw(body)
        taken = [int(one.stem) for one in folder.glob("*.*") if one.stem.isdecimal()]
        path = folder / f"{max(taken, default=0) + 1:04d}.png"
        with replacing(path.with_suffix(".json")) as temporary:
            temporary.write_text(json.dumps({**about, "settings": settings}, indent=2) + "\n")
        save_png(path, pixels)
        return str(path)

    return save
