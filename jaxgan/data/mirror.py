"""Real images mirrored at random, in training."""

from __future__ import annotations

import functools

import numpy as np

from jaxgan.core.errors import DataError
from jaxgan.data.hashing import uniform
from jaxgan.data.pipeline import example_order
from jaxgan.data.source import DeviceSource, NumpyBatch, Source

DRAW = 3
"""Which of the numbers drawn for an element says whether it is mirrored; see `hashing.uniform`."""


def mirrored(source: Source | DeviceSource) -> Source:
    """Mirrors every second image of the stream, left to right; of stored images only.

    Element i of the stream of seed s is mirrored if u(s, i) < 1/2, u uniform and a function of the
    two alone: so a resumed run, and any number of processes, mirror the same ones. What `read`
    gives, which is what is evaluated against, stays as it is.

    Args:
      source: a data set of images.

    Returns:
      A `Source` of as many examples. Of partly labelled data the labelled images are mirrored too,
      each for itself.

    Raises:
      DataError: points, data that are sampled, or images made of images, whose own option is
        `flip`.

    >>> from jaxgan.data import digits
    >>> source = mirrored(digits())
    >>> batch = source.read_elements(np.arange(6), 0)
    >>> plain = digits().read(example_order(1797, seed=0)(np.arange(6)))
    >>> [bool((a == b).all()) for a, b in zip(batch["image"], plain["image"], strict=True)]
    [True, True, True, True, False, True]

    References:
      `mirror_augment` in the code of Karras et al., 2018 (arXiv:1710.10196), `xflip` in later ones.
    """
    if isinstance(source, DeviceSource):
        raise DataError(f"{source.name}: mirror is true; it is for stored images only")
    shape = source.element_spec["image"].shape
    if len(shape) != 3:
        raise DataError(f"{source.name}: mirror is true; it must be false for points")
    if "source" in source.element_spec:
        raise DataError(
            f"{source.name}: mirror is true for images made of images; it must be false: flip "
            "mirrors what belongs together alike"
        )
    order = functools.lru_cache(maxsize=4)(functools.partial(example_order, source.num_examples))
    names: list[str] = [name for name in ("image", "labelled_image") if name in source.element_spec]

    def read_elements(elements: np.ndarray, seed: int) -> NumpyBatch:
        if source.read_elements is None:
            batch = source.read(order(seed)(elements))
        else:
            batch = source.read_elements(elements, seed)
        changed = {
            name: mirror_some(batch[name], elements, seed, DRAW + place)
            for place, name in enumerate(names)
        }
        return {**batch, **changed}

    return source._replace(read_elements=read_elements)


def mirror_some(
    images: np.ndarray, elements: np.ndarray, seed: int, draw: int = DRAW
) -> np.ndarray:
    """Mirrors the images of those elements of a stream for which that is drawn.

    Args:
      images: [n, H, W, C].
      elements: their numbers in the stream, int [n].
      seed: of the stream.
      draw: which of the numbers drawn for an element decides.

    Returns:
      An array like `images`.

    >>> row = np.arange(2.0).reshape(1, 1, 2, 1)
    >>> [mirror_some(row, np.asarray([i]), seed=0).ravel().tolist() for i in (3, 4)]
    [[0.0, 1.0], [1.0, 0.0]]
    """
    is_mirrored = uniform(elements, seed, draw) < 0.5
    return np.where(is_mirrored[:, None, None, None], images[:, :, ::-1], images)
