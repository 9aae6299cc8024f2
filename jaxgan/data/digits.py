"""The handwritten digits that scikit-learn carries in its package: nothing to download."""

from __future__ import annotations

import numpy as np
from PIL import Image

from jaxgan.core.ranges import checked
from jaxgan.data.arrays import array_source
from jaxgan.data.images import Side
from jaxgan.data.source import Source

NATIVE_SIZE = 8


@checked
def digits(*, image_size: Side | None = None, labels: bool = True) -> Source:
    """Opens 1,797 handwritten digits of 8x8 pixels, in grey, with their labels.

    A pixel v in 0..16 becomes v / 8 - 1, so that paper is -1 and full ink 1.

    Args:
      image_size: side in pixels to resize to, bilinearly; None keeps 8.
      labels: whether examples have a label, 0 to 9.

    Returns:
      A `Source` of images [image_size, image_size, 1].

    Raises:
      ValueError: an option out of its range.

    >>> source = digits()
    >>> source.num_examples, source.num_classes, source.element_spec["image"].shape
    (1797, 10, (8, 8, 1))

    References:
      Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits", UCI, 1998 (the test part).
    """
    from sklearn.datasets import load_digits  # takes a second to import

    pixels, classes = load_digits(return_X_y=True)
    images = pixels.reshape(-1, NATIVE_SIZE, NATIVE_SIZE).astype(np.float32) / 8 - 1
    if image_size not in (None, NATIVE_SIZE):
        images = np.stack([_resized(image, image_size) for image in images])
    return array_source(
        "digits",
        images[..., None],
        classes if labels else None,
        class_names=[str(digit) for digit in range(10)],
    )


def _resized(image: np.ndarray, image_size: int) -> np.ndarray:
    """Resizes one grey image, float32 [H, W], bilinearly; convex weights keep [-1, 1]."""
    size = (image_size, image_size)
    resized = Image.fromarray(image).resize(size, Image.Resampling.BILINEAR)
    clipped: np.ndarray = np.clip(np.asarray(resized), -1, 1)
    return clipped
