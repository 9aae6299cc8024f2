"""Pictures of any stored data set, brought to one size, as the entries of a StyleGAN zip."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, NamedTuple

import numpy as np
from PIL import Image

from jaxgan.core.errors import DataError
from jaxgan.core.ranges import checked
from jaxgan.data.archive import DATASET_JSON
from jaxgan.data.images import Channels, Side, resize_and_crop
from jaxgan.data.progress import with_progress
from jaxgan.data.stored import Stored

Crop = Literal["center", "stretch", "none"]

_CHUNK = 256
_IN_A_FOLDER = 1000
"""As many pictures does StyleGAN's `dataset_tool.py` put into one."""


class Converted(NamedTuple):
    """The entries of an archive, and what became of the pictures.

    Attributes:
      entries: (name, content), each made when it is asked for.
      cut: how many pictures lost a part so far.
    """

    entries: Iterator[tuple[str, bytes]]
    cut: list[int]


@checked
def converted(
    stored: Stored,
    *,
    image_size: Side | None = None,
    crop: Crop = "center",
    channels: Channels = 3,
) -> Converted:
    """Brings pictures to one size, as PNGs under the names that StyleGAN's `dataset_tool.py` gives.

    Args:
      stored: the data.
      image_size: side in pixels; None if pictures have one size already.
      crop: `"center"` resizes the shorter side (LANCZOS, antialiased) and crops the centre, as all
        sources do; `"stretch"` resizes both sides; `"none"` takes pictures of this size alone.
      channels: 1 (grey) or 3 (RGB).

    Returns:
      A `Converted`, whose last entry is `dataset.json`.

    Raises:
      DataError: labels below 0; or, while entries are made, a picture that cannot be read, or has
        another size.

    >>> from jaxgan.data.stored import open_stored
    >>> entries, _ = converted(open_stored("digits"), image_size=16, channels=1)
    >>> next(entries)[0]
    '00000/img00000000.png'
    """
    if stored.classes is not None and stored.classes.min() < 0:
        num = int(np.count_nonzero(stored.classes < 0))
        raise DataError(f"{stored.name}: {num} pictures have a label below 0; it must be 0 or more")
    cut: list[int] = []
    sizes: set[tuple[int, int]] = set()

    def picture(index: int) -> bytes:
        image = stored.picture(index, channels)
        width, height = image.size
        if image_size is not None and (width, height) != (image_size, image_size):
            image = _resized(stored, index, image, image_size, crop)
            if crop == "center" and width != height:
                cut.append(index)
        sizes.add(image.size)
        if len(sizes) > 1:
            (a, b), (c, d) = sorted(sizes)[:2]
            raise DataError(
                f"{stored.name}: pictures of {a}x{b} and {c}x{d}; they must have one size, or a "
                "size to bring them to"
            )
        buffer = io.BytesIO()
        image.save(buffer, "png")
        return buffer.getvalue()

    return Converted(_entries(stored, picture), cut)


def name_of(index: int) -> str:
    """What a picture is called in the archive.

    >>> name_of(1234)
    '00001/img00001234.png'
    """
    return f"{index // _IN_A_FOLDER:05d}/img{index:08d}.png"


def _entries(stored: Stored, picture: Callable[[int], bytes]) -> Iterator[tuple[str, bytes]]:
    chunks = [range(i, min(i + _CHUNK, stored.num)) for i in range(0, stored.num, _CHUNK)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for chunk in with_progress(chunks, len(chunks), stored.name):
            yield from zip(map(name_of, chunk), pool.map(picture, chunk), strict=True)
    labels = None
    if stored.classes is not None:
        labels = [[name_of(i), label] for i, label in enumerate(stored.classes.tolist())]
    names = {"class_names": list(stored.class_names)} if stored.class_names else {}
    yield DATASET_JSON, json.dumps({"labels": labels, **names}).encode()


def _resized(stored: Stored, index: int, image: Image.Image, size: int, crop: Crop) -> Image.Image:
    if crop == "center":
        return resize_and_crop(image, size)
    if crop == "stretch":
        return image.resize((size, size), Image.Resampling.LANCZOS)
    found = f"{image.width}x{image.height}"
    allowed = f"it must be {size}x{size}, or crop center or stretch"
    raise DataError(f"{stored.label_of(index)} is {found}; {allowed}")
