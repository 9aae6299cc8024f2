"""Bilinear resizing as the published feature networks do it: two conventions that differ."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from jaxgan.core.errors import bad_value
from jaxgan.core.typing import Array

HALF_PIXEL = "half-pixel"
CORNER = "corner"


def resize_bilinear(images: Array, size: int, centres: str = HALF_PIXEL) -> Array:
    """Resizes images to a square, bilinearly and without antialiasing.

    Output pixel i of n looks at input coordinate (i + 1/2) m / n - 1/2, clipped to the image: the
    convention of PyTorch's `align_corners=False` ("half-pixel"); or at i m / n, that of TensorFlow
    1 ("corner"), which moves the picture by half a pixel. Between two pixels it interpolates,
    beyond the last it repeats.

    Args:
      images: [B, H, W, C].
      size: n, of both sides.
      centres: "half-pixel" or "corner".

    Returns:
      [B, size, size, C].

    Raises:
      ValueError: for another convention.

    Example:
      >>> row = jnp.asarray([0.0, 1.0]).reshape(1, 1, 2, 1)
      >>> resize_bilinear(row, 4)[0, 0, :, 0].tolist()
      [0.0, 0.25, 0.75, 1.0]
      >>> resize_bilinear(row, 4, "corner")[0, 0, :, 0].tolist()
      [0.0, 0.5, 1.0, 1.0]
    """
    if centres not in (HALF_PIXEL, CORNER):
        raise ValueError(bad_value("centres", centres, f"{HALF_PIXEL}, {CORNER}"))
    for axis in (1, 2):
        if images.shape[axis] != size:
            images = _resize_axis(images, axis, size, centres)
    return images


def _resize_axis(images: Array, axis: int, size: int, centres: str) -> Array:
    """The positions are known when it is compiled, hence computed in double precision."""
    old = images.shape[axis]
    index = np.arange(size)
    if centres == HALF_PIXEL:
        position = np.maximum((index + 0.5) * old / size - 0.5, 0.0)
    else:
        position = index * old / size
    low = np.floor(position).astype(np.int32)
    high = np.minimum(low + 1, old - 1)
    shape = [1] * images.ndim
    shape[axis] = size
    share = jnp.asarray((position - low).reshape(shape), images.dtype)
    below, above = jnp.take(images, low, axis), jnp.take(images, high, axis)
    return below + (above - below) * share
