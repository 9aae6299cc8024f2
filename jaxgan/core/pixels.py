"""Bytes of images, and numbers in [-1, 1]."""

from __future__ import annotations

import numpy as np

from jaxgan.core.errors import bad_value


def to_float(image: np.ndarray) -> np.ndarray:
    """Maps bytes to [-1, 1]: `image / 127.5 - 1`.

    Args:
      image: uint8, of any shape.

    Returns:
      float32 of the same shape.

    Raises:
      ValueError: `image` is not uint8.

    >>> to_float(np.array([0, 51, 255], np.uint8)).tolist()
    [-1.0, -0.6000000238418579, 1.0]
    """
    if image.dtype != np.uint8:
        raise ValueError(bad_value("image.dtype", image.dtype, "uint8"))
    return image / np.float32(127.5) - np.float32(1.0)


def to_uint8(image: np.ndarray) -> np.ndarray:
    """Maps [-1, 1] to bytes: `round(127.5 (image + 1))`, clipped to [0, 255].

    The inverse of `to_float` on every byte. Values outside [-1, 1] are clipped and NaN is written
    as black, because this serves to look at samples, and a diverged sample must still be drawn.

    Args:
      image: floating point, of any shape; NumPy or JAX.

    Returns:
      uint8 of the same shape.

    >>> to_uint8(np.array([-1.0, 0.0, 1.0, 7.0, np.nan])).tolist()
    [0, 128, 255, 255, 0]
    """
    scaled = (np.asarray(image, np.float32) + np.float32(1.0)) * np.float32(127.5)
    rounded: np.ndarray = np.clip(np.rint(np.nan_to_num(scaled, nan=0.0)), 0, 255).astype(np.uint8)
    return rounded
