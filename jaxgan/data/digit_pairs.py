"""The embedded digits as data for translation: nothing to download, so every clone has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np

from jaxgan.core.errors import bad_value
from jaxgan.core.ranges import checked
from jaxgan.data.arrays import array_source
from jaxgan.data.digits import digits
from jaxgan.data.images import Side
from jaxgan.data.pair_files import Domain
from jaxgan.data.pairs import pairs_of, unpaired_of
from jaxgan.data.source import Source


def edges(images: np.ndarray) -> np.ndarray:
    """How fast the ink changes: the length of the gradient, -1 where it is flat.

    2 min(‖∇x‖, 1) - 1, ∇ by central differences.

    Args:
      images: float32 [N, H, W, C] in [-1, 1].

    Returns:
      The same shape, in [-1, 1].

    >>> float(edges(np.ones((1, 4, 4, 1), np.float32)).max())
    -1.0
    """
    vertical, horizontal = np.gradient(images, axis=(1, 2))
    length = np.hypot(vertical, horizontal)
    lines: np.ndarray = (2 * np.minimum(length, 1) - 1).astype(np.float32)
    return lines


def inverted(images: np.ndarray) -> np.ndarray:
    """White on black where it was black on white.

    >>> inverted(np.ones((1, 1, 1, 1), np.float32)).item()
    -1.0
    """
    return -images


def halved(images: np.ndarray) -> np.ndarray:
    """Half the pixels per side: means of blocks of 2x2.

    >>> halved(np.ones((1, 4, 4, 1), np.float32)).shape
    (1, 2, 2, 1)
    """
    num, height, width, channels = images.shape
    blocks = images.reshape(num, height // 2, 2, width // 2, 2, channels)
    means: np.ndarray = blocks.mean(axis=(2, 4), dtype=np.float32)
    return means


Task = Literal["edges", "halved", "inverted"]
TASKS: Mapping[Task, Callable[[np.ndarray], np.ndarray]] = {
    "edges": edges,
    "halved": halved,
    "inverted": inverted,
}


@checked
def paired_digits(*, task: Task = "edges", image_size: Side | None = None) -> Source:
    """Opens the handwritten digits as images to be made of what `task` leaves of them.

    Args:
      task: `"edges"`, `"inverted"` or `"halved"`.
      image_size: side in pixels, even; None keeps 8.

    Returns:
      A `Source` of `image` and `source`.

    Raises:
      ValueError: an option out of its range.

    >>> paired_digits(task="halved", image_size=16).element_spec["source"].shape
    (8, 8, 1)
    """
    source, image = _domains(task, image_size)
    return pairs_of("paired_digits", source, image)


@checked
def unpaired_digits(*, task: Task = "inverted", image_size: Side | None = None) -> Source:
    """Opens the handwritten digits and, shuffled independently, what `task` leaves of them.

    Odd examples are the images and even ones make the sources, so that no digit is in both.

    Args:
      task: `"edges"`, `"inverted"` or `"halved"`.
      image_size: side in pixels, even; None keeps 8.

    Returns:
      A `Source` of `image` and `source`.

    Raises:
      ValueError: an option out of its range.

    >>> unpaired_digits().num_examples
    898
    """
    source, image = _domains(task, image_size, apart=True)
    return unpaired_of("unpaired_digits", source, image)


def _domains(task: Task, image_size: int | None, apart: bool = False) -> tuple[Domain, Domain]:
    if image_size is not None and image_size % 2:
        raise ValueError(bad_value("image_size", image_size, "even"))
    whole = digits(image_size=image_size, labels=False)
    images = whole.read(np.arange(whole.num_examples))["image"]
    first, second = (images[::2], images[1::2]) if apart else (images, images)
    source = array_source("digits", TASKS[task](first))
    image = array_source("digits", second)
    return Domain(source, source), Domain(image, image)
