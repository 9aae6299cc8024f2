"""Pictures of samples: grids of images, scatters of points."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from jaxgan.core.errors import bad_value
from jaxgan.core.pixels import to_uint8
from jaxgan.files.atomic import replacing

_TILE_PIXELS = 64
"""Images are magnified up to this side, so that a person can see an 8x8 digit."""

_BACKGROUND = 255


def image_grid(
    images: np.ndarray, *, columns: int | None = None, pad: int = 1, scale: int | None = None
) -> np.ndarray:
    """Lays images out in rows, left to right and top to bottom, on white.

    Args:
      images: [N, H, W, C] with C 1 or 3: floats in [-1, 1], or uint8.
      columns: images in a row; None makes the grid about square.
      pad: white pixels around each image, before magnifying.
      scale: each pixel becomes scale x scale; None magnifies small images to about 64 pixels.

    Returns:
      uint8 of shape [height, width, C].

    Raises:
      ValueError: for another shape or type, or `columns` or `scale` below 1, or `pad` below 0.

    >>> image_grid(np.zeros((10, 8, 8, 1), np.float32), columns=5).shape
    (152, 368, 1)
    """
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or 0 in images.shape:
        raise ValueError(bad_value("images.shape", images.shape, "[N, H, W, 1 or 3], not empty"))
    num, height, width, channels = images.shape
    columns = min(num, math.ceil(math.sqrt(num))) if columns is None else columns
    scale = max(1, _TILE_PIXELS // max(height, width)) if scale is None else scale
    for name, value, least in (("columns", columns, 1), ("pad", pad, 0), ("scale", scale, 1)):
        if value < least:
            raise ValueError(bad_value(name, value, f"at least {least}"))
    rows = math.ceil(num / columns)
    tiles = np.full((rows * columns, height + pad, width + pad, channels), _BACKGROUND, np.uint8)
    tiles[:num, :height, :width] = _to_uint8(images)
    grid = tiles.reshape(rows, columns, height + pad, width + pad, channels)
    grid = grid.transpose(0, 2, 1, 3, 4).reshape(
        rows * (height + pad), columns * (width + pad), channels
    )
    # Every tile brings its own padding below and to the right; this is the other two sides.
    grid = np.pad(grid, ((pad, 0), (pad, 0), (0, 0)), constant_values=_BACKGROUND)
    return grid.repeat(scale, axis=0).repeat(scale, axis=1)


def as_image(pixels: np.ndarray) -> Image.Image:
    """A picture that can be shown and saved.

    Args:
      pixels: uint8 [height, width, 1 or 3].

    Returns:
      A Pillow image; a notebook shows it.

    Example:
      >>> as_image(np.zeros((4, 6, 1), np.uint8)).size
      (6, 4)
    """
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def save_png(path: Path, pixels: np.ndarray) -> None:
    """Writes a PNG, whole or not at all.

    Args:
      path: the file; its folder is created.
      pixels: uint8 of shape [height, width], or [height, width, 1 or 3].

    Raises:
      ValueError: if `pixels` is anything else.
    """
    _save(path, pixels, format="PNG")


def save_webp(path: Path, pixels: np.ndarray) -> None:
    """Writes a lossless WebP, whole or not at all: the pixels of `save_png` in fewer bytes.

    Args:
      path: the file; its folder is created.
      pixels: uint8 of shape [height, width], or [height, width, 1 or 3]; at most 16383 a side.

    Raises:
      ValueError: if `pixels` is anything else.
    """
    _save(path, pixels, format="WEBP", lossless=True)


def _save(path: Path, pixels: np.ndarray, **options: Any) -> None:
    pixels = np.asarray(pixels)
    if pixels.ndim == 3 and pixels.shape[-1] == 1:
        pixels = pixels[..., 0]
    if pixels.dtype != np.uint8 or not (
        pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[-1] == 3)
    ):
        found = f"{pixels.dtype}{list(pixels.shape)}"
        raise ValueError(f"pixels is {found}; it must be uint8[h, w(, 3)]")
    with replacing(path) as temporary:
        Image.fromarray(pixels).save(temporary, **options)


SAVERS: dict[str, Callable[[Path, np.ndarray], None]] = {"png": save_png, "webp": save_webp}
"""By suffix."""


def scatter(
    fake_points: np.ndarray,
    real_points: np.ndarray,
    *,
    title: str = "",
    dpi: int = 100,
) -> np.ndarray:
    """Draws samples in colour over pale data; the window is the data's, so frames compare.

    Args:
      fake_points: [N, 2].
      real_points: [M, 2].
      title: above the picture.
      dpi: pixels per inch, of 5 x 5 inches.

    Returns:
      uint8 of shape [height, width, 3].

    Raises:
      ValueError: if points are not of shape [N, 2], or there is no data.

    >>> ring = np.asarray([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    >>> scatter(0.9 * ring, ring).shape
    (500, 500, 3)
    """
    # Matplotlib takes a second to import, and toy games are the only ones to need it here.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    fake, real = np.asarray(fake_points, float), np.asarray(real_points, float)
    for name, points in (("fake_points", fake), ("real_points", real)):
        if points.ndim != 2 or points.shape[1] != 2:
            raise ValueError(bad_value(f"{name}.shape", points.shape, "[N, 2]"))
    if not len(real):
        raise ValueError("real_points is empty; the window is drawn around the data")
    center = (real.min(0) + real.max(0)) / 2
    half = 0.7 * max(float(np.ptp(real, axis=0).max()), 1e-6)
    num_outside = int((~(np.abs(fake - center) <= half).all(axis=1)).sum())

    figure = Figure(figsize=(5, 5), dpi=dpi, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.scatter(
        real[:, 0], real[:, 1], s=10, color="0.78", linewidths=0, label=f"data ({len(real)})"
    )
    label = f"samples ({len(fake)}" + (f", {num_outside} outside)" if num_outside else ")")
    axes.scatter(fake[:, 0], fake[:, 1], s=8, color="tab:red", alpha=0.5, linewidths=0, label=label)
    axes.set(
        xlim=(center[0] - half, center[0] + half),
        ylim=(center[1] - half, center[1] + half),
        aspect="equal",
        title=title,
    )
    axes.legend(loc="upper right", fontsize="small", framealpha=0.9, markerscale=2)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _to_uint8(images: np.ndarray) -> np.ndarray:
    """[-1, 1] to [0, 255]; what is outside is clipped, what is no number is black."""
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind in "iu" or images.dtype == np.bool_:
        raise ValueError(bad_value("images.dtype", images.dtype, "uint8 or floats in [-1, 1]"))
    return to_uint8(images)
