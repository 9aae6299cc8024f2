"""What a data set is: sizes, classes, values, duplicates, files that cannot be read."""

from __future__ import annotations

import collections
import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from PIL import Image

from jaxgan.core.errors import DataError, UnreadableError
from jaxgan.data.alike import THUMBNAIL, groups_alike
from jaxgan.data.encoded import num_classes
from jaxgan.data.progress import with_progress
from jaxgan.data.stored import Stored

_CHUNK = 256

_Size = tuple[int, int, int]
"""Height, width, channels: 1 where pictures are stored as grey, else 3."""


class Survey(NamedTuple):
    """What was found when every picture of a data set was decoded once.

    Attributes:
      name: of the data set.
      num: how many examples it has.
      sizes: how many pictures have each (height, width, channels), the most frequent first.
      classes: how many examples each class has; () when unlabelled. Labels below 0 do not count.
      class_names: one name per class, or () when unknown.
      values: the least and the greatest byte.
      duplicates: groups of pictures that are equal to the pixel, by index.
      alike: groups of pictures that look the same and are not all equal.
      broken: index, and what is wrong, of each that cannot be read.
      passed_over: as in `Source`.
    """

    name: str
    num: int
    sizes: dict[_Size, int]
    classes: tuple[int, ...]
    class_names: tuple[str, ...]
    values: tuple[int, int]
    duplicates: list[list[int]]
    alike: list[list[int]]
    broken: list[tuple[int, str]]
    passed_over: tuple[str, ...]


class _Seen(NamedTuple):
    size: _Size
    values: tuple[int, int]
    digest: bytes
    thumbnail: np.ndarray


def survey(stored: Stored) -> Survey:
    """Decodes every picture once, and says what the data set is.

    Args:
      stored: the data.

    Returns:
      A `Survey`. Memory is that of some 400 bytes a picture.

    Raises:
      DataError: not one picture can be read.

    >>> from jaxgan.data.stored import open_stored
    >>> found = survey(open_stored("digits"))
    >>> found.num, found.sizes, found.values, len(found.broken)
    (1797, {(8, 8, 1): 1797}, (0, 255), 0)
    """
    sizes: collections.Counter[_Size] = collections.Counter()
    broken: list[tuple[int, str]] = []
    by_digest: dict[bytes, list[int]] = {}
    thumbnails = np.zeros((stored.num, *THUMBNAIL), np.uint8)
    is_read = np.zeros(stored.num, bool)
    least, most = 255, 0
    for index, seen in enumerate(_look(stored)):
        if isinstance(seen, str):
            broken.append((index, seen))
            continue
        sizes[seen.size] += 1
        least, most = min(least, seen.values[0]), max(most, seen.values[1])
        by_digest.setdefault(seen.digest, []).append(index)
        thumbnails[index] = seen.thumbnail
        is_read[index] = True
    if not by_digest:
        raise DataError(f"{stored.name}: no picture can be read; the first: {broken[0][1]}")
    firsts = np.array([group[0] for group in by_digest.values()])
    return Survey(
        name=stored.name,
        num=stored.num,
        sizes=dict(sizes.most_common()),
        classes=_counts(stored),
        class_names=stored.class_names,
        values=(least, most),
        duplicates=[group for group in by_digest.values() if len(group) > 1],
        alike=[firsts[group].tolist() for group in groups_alike(thumbnails[firsts])],
        broken=broken,
        passed_over=stored.passed_over,
    )


def examples_of_classes(stored: Stored, found: Survey, num: int) -> list[list[int]]:
    """The first examples of each class that can be read.

    Args:
      stored: the data.
      found: what `survey` found of them.
      num: how many of each.

    Returns:
      At most `num` indices for each class, in the order of classes; of unlabelled data a single
      list, spread over the whole.
    """
    broken = {index for index, _ in found.broken}
    good = np.array([index for index in range(stored.num) if index not in broken])
    if stored.classes is None:
        return [np.unique(good[np.linspace(0, len(good) - 1, num).astype(int)]).tolist()]
    classes = stored.classes[good]
    return [good[classes == label][:num].tolist() for label in range(len(found.classes))]


def _look(stored: Stored) -> Iterator[_Seen | str]:
    """What is seen in each picture, or what is wrong with it."""

    def look_at(chunk: Sequence[int]) -> list[_Seen | str]:
        return [_look_at(stored, index) for index in chunk]

    chunks = [range(i, min(i + _CHUNK, stored.num)) for i in range(0, stored.num, _CHUNK)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for found in with_progress(pool.map(look_at, chunks), len(chunks), stored.name):
            yield from found


def _look_at(stored: Stored, index: int) -> _Seen | str:
    try:
        image = stored.picture(index, None)
    except UnreadableError as error:
        return error.broken[0][1]
    channels = len(image.getbands())
    size = (image.height, image.width, channels)
    extrema = np.array(image.getextrema())
    content = hashlib.blake2b(image.tobytes(), digest_size=16, key=repr(size).encode()).digest()
    small = image.convert("L").resize(THUMBNAIL[::-1], Image.Resampling.BOX)
    return _Seen(size, (int(extrema.min()), int(extrema.max())), content, np.asarray(small))


def _counts(stored: Stored) -> tuple[int, ...]:
    if stored.classes is None:
        return ()
    minlength = num_classes(stored.classes, stored.class_names)
    known = stored.classes[stored.classes >= 0]
    counts: list[int] = np.bincount(known, minlength=minlength).tolist()
    return tuple(counts)
