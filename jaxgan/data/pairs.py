"""Data for translation: every element has an `image` and a `source` that it could be made of."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable

import numpy as np
from PIL import Image

from jaxgan.core.errors import bad_value
from jaxgan.core.ranges import Several, checked
from jaxgan.data.arrays import DECODE_LIMIT_BYTES
from jaxgan.data.crops import cropped_pairs
from jaxgan.data.hashing import hashed, uniform
from jaxgan.data.images import Channels, Side, resize_and_crop
from jaxgan.data.mirror import mirror_some
from jaxgan.data.pair_files import (
    Direction,
    Domain,
    directed,
    open_domains,
    open_files,
    picture_domain,
    sizes_of,
)
from jaxgan.data.pipeline import example_order
from jaxgan.data.source import Bytes, ElementSpec, NumpyBatch, Source

_SOURCE, _ROW, _COLUMN = range(3)  # what is drawn for an element, beside `mirror.DRAW`


@checked
def paired(
    path: str | os.PathLike[str],
    *,
    image_size: Side = 256,
    channels: Channels = 3,
    direction: Direction = "AtoB",
    jitter: bool = False,
    flip: bool = False,
    decode_limit_bytes: Bytes = DECODE_LIMIT_BYTES,
) -> Source:
    """Opens pairs of images: pictures side by side, or files of the same names in two folders.

    Names belong together whatever their suffixes. A is the left half, or the first folder. Both are
    brought to `image_size` as by `folder`. In training, and the same for both of a pair, `jitter`
    cuts a random part out of images 286 / 256 times as large, and `flip` mirrors every second one.

    Args:
      path: a folder of pictures twice as wide as high, or two folders, `"A,B"`.
      image_size: side in pixels.
      channels: 1 (grey) or 3 (RGB).
      direction: `"AtoB"` for A as the source and B as the image, or `"BtoA"`.
      jitter: whether to cut out random parts.
      flip: whether to mirror at random.
      decode_limit_bytes: up to this size the decoded set is held in memory.

    Returns:
      A `Source` of `image` and `source`.

    Raises:
      ValueError: an option out of its range.
      DataError: a folder is missing or empty, names do not match or are there twice, pictures
        cannot be read, one is not twice as wide as high, or two of a pair have other proportions;
        one line.

    >>> import tempfile
    >>> path = tempfile.mkdtemp()
    >>> Image.new("RGB", (8, 4)).save(os.path.join(path, "black.png"))
    >>> sorted(paired(path, image_size=4).element_spec)
    ['image', 'source']

    References:
      Isola et al., 2017 (arXiv:1611.07004), section 6.2.
    """
    name = f"paired:{os.fspath(path)}"
    sizes = sizes_of(image_size, jitter)
    files = open_files(name, path, is_paired=True)
    domains = open_domains(name, files, sizes, channels, decode_limit_bytes)
    source = pairs_of(name, *directed(domains, direction), flip=flip)
    return source._replace(digest=files.digest, passed_over=files.passed_over)


@checked
def unpaired(
    path: str | os.PathLike[str],
    *,
    image_size: Side = 256,
    channels: Channels = 3,
    direction: Direction = "AtoB",
    jitter: bool = False,
    flip: bool = False,
    decode_limit_bytes: Bytes = DECODE_LIMIT_BYTES,
) -> Source:
    """Opens images of two domains, shuffled independently: what stands beside what means nothing.

    As `paired`, except that every element of the stream has an image and, drawn for itself, a
    source, each with its own crop and mirroring. Of pictures side by side the halves are the
    domains; two folders may hold any names and as many files as they like.

    Args:
      path: two folders, `"A,B"`, or a folder of pictures twice as wide as high.
      image_size: side in pixels.
      channels: 1 (grey) or 3 (RGB).
      direction: `"AtoB"` for A as the source and B as the image, or `"BtoA"`.
      jitter: whether to cut out random parts.
      flip: whether to mirror at random.
      decode_limit_bytes: up to this size the decoded set is held in memory.

    Returns:
      A `Source` of `image` and `source`, with as many examples as there are images.

    Raises:
      ValueError: an option out of its range.
      DataError: as `paired`, without names that have to match.

    >>> import tempfile
    >>> path = tempfile.mkdtemp()
    >>> Image.new("RGB", (8, 4)).save(os.path.join(path, "black.png"))
    >>> unpaired(path, image_size=4).num_examples
    1

    References:
      Zhu et al., 2017 (arXiv:1703.10593).
    """
    name = f"unpaired:{os.fspath(path)}"
    sizes = sizes_of(image_size, jitter)
    files = open_files(name, path, is_paired=False)
    domains = open_domains(name, files, sizes, channels, decode_limit_bytes)
    source = unpaired_of(name, *directed(domains, direction), flip=flip)
    return source._replace(digest=files.digest, passed_over=files.passed_over)


@checked
def super_resolution(
    path: str | os.PathLike[str],
    *,
    image_size: Side = 128,
    factor: Several = 4,
    channels: Channels = 3,
    flip: bool = False,
    crop: bool = False,
    decode_limit_bytes: Bytes = DECODE_LIMIT_BYTES,
) -> Source:
    """Opens images and the same with fewer pixels.

    Whole pictures are brought to `image_size`, as by `folder`; or, with `crop`, parts of that size
    are cut out of them as they are: at random in training, in the middle else.

    Args:
      path: a folder of images, made smaller by Pillow (BICUBIC, antialiased), or two folders of
        files of the same names, `"SMALL,LARGE"`.
      image_size: side of the image in pixels.
      factor: how many times smaller the source's side is; it divides `image_size`.
      channels: 1 (grey) or 3 (RGB).
      flip: whether to mirror at random.
      crop: whether images are parts of pictures, which are then decoded whenever they are read; of
        a single folder.
      decode_limit_bytes: up to this size the decoded set is held in memory.

    Returns:
      A `Source` of `image`, and of `source` with sides of image_size / factor.

    Raises:
      ValueError: an option out of its range.
      DataError: as `paired`.

    >>> import tempfile
    >>> path = tempfile.mkdtemp()
    >>> Image.new("RGB", (8, 8)).save(os.path.join(path, "black.png"))
    >>> super_resolution(path, image_size=8).element_spec["source"].shape
    (2, 2, 3)
    """
    name = f"super_resolution:{os.fspath(path)}"
    if image_size % factor:
        raise ValueError(bad_value("factor", factor, f"a divisor of image_size, {image_size}"))
    files = open_files(name, path, is_paired=True)
    if crop:
        if len(files.domains) > 1:
            raise ValueError(
                f"crop is true for {len(files.domains)} folders; it is for one folder of images"
            )
        cropped = cropped_pairs(
            name, files.domains[0], files.sizes[0], image_size, factor, channels, flip
        )
        return cropped._replace(digest=files.digest, passed_over=files.passed_over)
    small = image_size // factor

    def shrunk(image: Image.Image) -> Image.Image:
        return resize_and_crop(image, image_size).resize((small, small), Image.Resampling.BICUBIC)

    make = functools.partial(picture_domain, name, channels=channels, limit=decode_limit_bytes)
    high = make(files.domains[-1], sizes=(image_size, image_size))
    change = shrunk if len(files.domains) == 1 else None
    low = make(files.domains[0], sizes=(small, small), change=change)
    source = pairs_of(name, low, high, flip=flip)
    return source._replace(digest=files.digest, passed_over=files.passed_over)


def pairs_of(name: str, source: Domain, image: Domain, flip: bool = False) -> Source:
    """A source of pairs of two domains with equally many examples, of which i belongs to i.

    Args:
      name: what to call it.
      source: what images are made of.
      image: what is to be made.
      flip: whether to mirror at random in training.

    Returns:
      A `Source`.

    Example:
      See `paired`.
    """
    order = functools.lru_cache(maxsize=4)(
        functools.partial(example_order, image.plain.num_examples)
    )

    def read(indices: np.ndarray) -> NumpyBatch:
        return {"image": _read(image.plain, indices), "source": _read(source.plain, indices)}

    def read_elements(elements: np.ndarray, seed: int) -> NumpyBatch:
        chosen = order(seed)(elements)
        return {
            key: _changed(_read(domain.large, chosen), _size(domain), elements, seed, flip)
            for key, domain in (("image", image), ("source", source))
        }

    is_plain = image.large is image.plain and not flip
    return _source(name, source, image, read, None if is_plain else read_elements)


def unpaired_of(name: str, source: Domain, image: Domain, flip: bool = False) -> Source:
    """A source of images and, beside each, an independently shuffled one of another domain.

    Args:
      name: what to call it.
      source: the domain that is translated.
      image: the domain that it is translated to.
      flip: whether to mirror at random in training.

    Returns:
      A `Source` whose `read` takes source i mod N beside image i.

    Example:
      See `unpaired`.
    """
    domains = (("image", image, 0), ("source", source, 1))

    @functools.lru_cache(maxsize=8)
    def order(num_examples: int, seed: int) -> Callable[[np.ndarray], np.ndarray]:
        return example_order(num_examples, seed)

    def read(indices: np.ndarray) -> NumpyBatch:
        return {
            key: _read(domain.plain, indices % domain.plain.num_examples)
            for key, domain, _ in domains
        }

    def read_elements(elements: np.ndarray, seed: int) -> NumpyBatch:
        batch = {}
        for key, domain, which in domains:
            own = seed if which == 0 else int(hashed(np.asarray([_SOURCE]), seed)[0])
            chosen = order(domain.plain.num_examples, own)(elements)
            batch[key] = _changed(_read(domain.large, chosen), _size(domain), elements, own, flip)
        return batch

    return _source(name, source, image, read, read_elements)


def _source(
    name: str,
    source: Domain,
    image: Domain,
    read: Callable[[np.ndarray], NumpyBatch],
    read_elements: Callable[[np.ndarray, int], NumpyBatch] | None,
) -> Source:
    spec: ElementSpec = {
        "image": image.plain.element_spec["image"],
        "source": source.plain.element_spec["image"],
    }
    return Source(
        name=name,
        element_spec=spec,
        num_examples=image.plain.num_examples,
        num_classes=None,
        class_names=(),
        read=read,
        read_elements=read_elements,
        values=image.plain.values,
    )


def _read(source: Source, indices: np.ndarray) -> np.ndarray:
    return source.read(indices)["image"]


def _size(domain: Domain) -> int:
    return int(domain.plain.element_spec["image"].shape[0])


def _changed(
    images: np.ndarray, size: int, elements: np.ndarray, seed: int, flip: bool
) -> np.ndarray:
    """Random parts of images [n, L, L, C], of `size` pixels, mirrored at random."""
    room = images.shape[1] - size + 1
    if room > 1:
        rows, columns = (
            (uniform(elements, seed, draw) * room).astype(int) for draw in (_ROW, _COLUMN)
        )
        images = np.stack(
            [
                image[row : row + size, column : column + size]
                for image, row, column in zip(images, rows, columns, strict=True)
            ]
        )
    return mirror_some(images, elements, seed) if flip else images
