"""Pixels: between bytes and [-1, 1], and to one size.

The convention of the whole library: an image is NHWC float32 in [-1, 1], and a byte b stands for
b / 127.5 - 1. So black is -1, white is 1, and no byte stands for exactly 0.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from PIL import Image

from jaxgan.core.ranges import Count, Range, checked

Side = Annotated[int, Range(at_least=1, at_most=4096)]
"""Of a square image, in pixels."""

Channels = Literal[1, 3]
"""Grey and RGB."""

MAX_LENGTH = 4
"""Of a picture over so many times as long as wide the ends are cut off before it is resized."""


def convert_channels(image: Image.Image, channels: int | None) -> Image.Image:
    """Makes a Pillow image grey (1 channel) or RGB (3); what is transparent is laid on white.

    Args:
      image: a Pillow image.
      channels: 1, 3, or None for grey where it is stored as grey, else RGB.

    Raises:
      ValueError: the image has more than 8 bits per channel, which Pillow would clip silently.

    >>> convert_channels(Image.new("RGBA", (2, 2), (0, 0, 0, 0)), 1).getpixel((0, 0))
    255
    """
    if image.mode.startswith(("I", "F")):
        raise ValueError(f"its mode is {image.mode}; it must be of 8 bits per channel")
    if channels is None:
        channels = 1 if image.mode in ("1", "L", "LA") else 3
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("L" if channels == 1 else "RGB")


@checked
def resize_and_crop(image: Image.Image, image_size: Count) -> Image.Image:
    """Resizes the shorter side to `image_size` (LANCZOS, antialiased), then crops the centre.

    Args:
      image: an 8-bit Pillow image of any size.
      image_size: the side of the square that is returned, in pixels.

    >>> resize_and_crop(Image.new("L", (90, 60)), 32).size
    (32, 32)
    """
    image = _middle(image)
    width, height = image.size
    scale = image_size / min(width, height)
    resized = (max(image_size, round(width * scale)), max(image_size, round(height * scale)))
    if resized != image.size:
        image = image.resize(resized, Image.Resampling.LANCZOS)
    left, top = (resized[0] - image_size) // 2, (resized[1] - image_size) // 2
    return image.crop((left, top, left + image_size, top + image_size))


def _middle(image: Image.Image) -> Image.Image:
    """What of a long strip can be seen in a square cut from its middle, and more.

    Resized whole, 30000 x 1 pixels would be 30000 squares.
    """
    width, height = image.size
    most = MAX_LENGTH * min(width, height)
    left, top = max(0, width - most) // 2, max(0, height - most) // 2
    if left == top == 0:
        return image
    return image.crop((left, top, left + min(width, most), top + min(height, most)))


def to_array(image: Image.Image) -> np.ndarray:
    """Turns a grey or RGB Pillow image into uint8 [H, W, C].

    >>> to_array(Image.new("L", (3, 2))).shape
    (2, 3, 1)
    """
    array = np.asarray(image, np.uint8)
    return array[..., None] if array.ndim == 2 else array


def resize_array(image: np.ndarray, image_size: int | None, channels: int) -> np.ndarray:
    """Brings one uint8 image to a size and a number of channels, by the rules of this module.

    Args:
      image: uint8 [H, W, C] with C of 1 or 3.
      image_size: side of the square in pixels; None keeps the size.
      channels: 1 or 3.

    Returns:
      uint8 [image_size, image_size, channels].

    >>> resize_array(np.zeros((4, 6, 3), np.uint8), 8, 1).shape
    (8, 8, 1)
    """
    same_size = image_size is None or image.shape[:2] == (image_size, image_size)
    if same_size and image.shape[-1] == channels:
        return image
    picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    picture = convert_channels(picture, channels)
    return to_array(picture if image_size is None else resize_and_crop(picture, image_size))
