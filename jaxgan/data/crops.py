"""Random parts of large pictures, and the same with fewer pixels, for super-resolution."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from jaxgan.core.errors import DataError
from jaxgan.core.pixels import to_float
from jaxgan.data.hashing import uniform
from jaxgan.data.images import to_array
from jaxgan.data.mirror import DRAW, mirror_some
from jaxgan.data.pictures import open_picture
from jaxgan.data.pipeline import example_order
from jaxgan.data.source import NumpyBatch, Source

_ROW, _COLUMN = 1, 2  # what is drawn for an element, beside `mirror.DRAW`


def cropped_pairs(
    name: str,
    files: Sequence[Path],
    sizes: Sequence[tuple[int, int]],
    size: int,
    factor: int,
    channels: int,
    flip: bool = False,
) -> Source:
    """Parts of `size` pixels of pictures in their own size, and the same of size / factor.

    In training the part's place is drawn for each element of the stream, a function of the seed and
    the element alone; outside it is the centre. Pictures are decoded when they are read.

    Args:
      name: of the source.
      files: the pictures, each with sides of at least `size`.
      sizes: of each file, as `pictures.read_sizes` gives them.
      size: side of the parts in pixels.
      factor: how many times smaller the source's side is; it divides `size`.
      channels: 1 (grey) or 3 (RGB).
      flip: whether to mirror at random in training.

    Returns:
      A `Source` of `image` and of `source`, which Pillow makes of it (BICUBIC, antialiased).

    Raises:
      DataError: a picture is smaller.

    Example:
      See `super_resolution`.

    References:
      Ledig et al., 2017 (arXiv:1609.04802), section 3.2.
    """
    _check_sizes(name, files, sizes, size)
    small = size // factor
    order = functools.lru_cache(maxsize=4)(functools.partial(example_order, len(files)))

    def part(index: int, across: float, down: float) -> Image.Image:
        picture = open_picture(name, files[index], channels)
        left, top = (
            int(u * (n - size + 1)) for u, n in zip((across, down), picture.size, strict=True)
        )
        return picture.crop((left, top, left + size, top + size))

    def batch_of(parts: list[Image.Image]) -> NumpyBatch:
        shrunk = [one.resize((small, small), Image.Resampling.BICUBIC) for one in parts]
        named = {"image": parts, "source": shrunk}
        return {
            key: to_float(np.stack([to_array(one) for one in made])) for key, made in named.items()
        }

    def read(indices: np.ndarray) -> NumpyBatch:
        return batch_of([part(index, 0.5, 0.5) for index in indices])

    def read_elements(elements: np.ndarray, seed: int) -> NumpyBatch:
        chosen = order(seed)(elements)
        across, down = (uniform(elements, seed, draw) for draw in (_COLUMN, _ROW))
        batch = batch_of([part(*drawn) for drawn in zip(chosen, across, down, strict=True)])
        if not flip:
            return batch
        return {key: mirror_some(made, elements, seed, DRAW) for key, made in batch.items()}

    spec = {
        key: jax.ShapeDtypeStruct((side, side, channels), jnp.float32)
        for key, side in (("image", size), ("source", small))
    }
    return Source(
        name=name,
        element_spec=spec,
        num_examples=len(files),
        num_classes=None,
        class_names=(),
        read=read,
        read_elements=read_elements,
    )


def _check_sizes(
    name: str, files: Sequence[Path], sizes: Sequence[tuple[int, int]], size: int
) -> None:
    for file, found in zip(files, sizes, strict=True):
        if min(found) < size:
            raise DataError(
                f"{name}: {file.name} has a side of {min(found)} pixels, too few for parts of "
                f"{size}; take larger pictures, or crop false to resize them"
            )
