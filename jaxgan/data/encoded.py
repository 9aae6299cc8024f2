"""Encoded pictures with their classes, in files of their own or inside larger ones, as a source."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from jaxgan.core.errors import DataError
from jaxgan.data.arrays import Decoded, decoded_source
from jaxgan.data.images import resize_and_crop, to_array
from jaxgan.data.pictures import File, Files, decode_all, open_picture, read_sizes
from jaxgan.data.source import Source

ClassOrder = Literal["natural", "text"]
"""Of classes that are numbered by their names: 1, 2, 10, or 1, 10, 2."""


class Pictures(NamedTuple):
    """What a reader of encoded pictures finds before it decodes any.

    Attributes:
      files: the pictures, in order.
      classes: integers [N]; None when unlabelled.
      class_names: one name per class, or () when unknown.
      digest: as in `Source`.
      passed_over: as in `Source`.
    """

    files: Files
    classes: np.ndarray | None
    class_names: tuple[str, ...]
    digest: str
    passed_over: tuple[str, ...] = ()


def picture_source(
    name: str,
    pictures: Pictures,
    *,
    image_size: int | None,
    channels: int,
    labels: bool,
    decode_limit_bytes: int,
) -> Source:
    """Makes a source of encoded pictures, whose headers are all looked at first.

    Args:
      name: what to call it in messages and logs.
      pictures: at least one.
      image_size: side in pixels to bring them to, see `images.resize_and_crop`; None if they have
        one size.
      channels: 1 (grey) or 3 (RGB).
      labels: whether to use the classes, if there are any.
      decode_limit_bytes: as of `decoded_source`.

    Returns:
      A `Source`.

    Raises:
      DataError: pictures that cannot be read, all of them named; or of several sizes.

    Example:
      See `folder`.
    """
    files = pictures.files
    sizes = read_sizes(name, files)
    height, width = (image_size,) * 2 if image_size else _common_size(name, files, sizes)
    classes = pictures.classes if labels else None

    def decode_one(file: File) -> np.ndarray:
        image = open_picture(name, file, channels)
        return to_array(image if image_size is None else resize_and_crop(image, image_size))

    def decode(indices: np.ndarray) -> Decoded:
        images = decode_all(name, [files[index] for index in indices], decode_one)
        return images, np.zeros(len(indices), int) if classes is None else classes[indices]

    source = decoded_source(
        name,
        decode,
        (len(files), height, width, channels),
        num_classes=None if classes is None else num_classes(classes, pictures.class_names),
        class_names=pictures.class_names,
        decode_limit_bytes=decode_limit_bytes,
    )
    return source._replace(digest=pictures.digest, passed_over=pictures.passed_over)


def num_classes(classes: np.ndarray, class_names: tuple[str, ...]) -> int:
    """How many classes there are, by name or else by number.

    >>> num_classes(np.array([0, 2]), ()), num_classes(np.array([0]), ("cat", "dog"))
    (3, 2)
    """
    return len(class_names) or int(classes.max()) + 1


def _common_size(name: str, files: Files, sizes: list[tuple[int, int]]) -> tuple[int, int]:
    """Returns the (height, width) that all the files share."""
    width, height = sizes[0]
    for file, size in zip(files, sizes, strict=True):
        if size != sizes[0]:
            raise DataError(
                f"{name}: {files[0].name} is {width}x{height} and {file.name} is "
                f"{size[0]}x{size[1]}; they must have one size, or image_size"
            )
    return height, width
