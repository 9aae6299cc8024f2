"""Images in TFRecord files, read without TensorFlow."""

from __future__ import annotations

import os
from array import array
from typing import Any

import numpy as np

from jaxgan.core.errors import DataError, bad_value
from jaxgan.core.ranges import checked
from jaxgan.data.archive import digest
from jaxgan.data.arrays import DECODE_LIMIT_BYTES
from jaxgan.data.encoded import Pictures, picture_source
from jaxgan.data.extras import library
from jaxgan.data.images import Channels, Side
from jaxgan.data.paths import shards
from jaxgan.data.pictures import Member, Members
from jaxgan.data.source import Bytes, Source
from jaxgan.files.base import reading
from jaxgan.files.tfrecord_file import parse_example, read_record, records

IMAGES = ("image/encoded", "image", "image_raw", "encoded")
LABELS = ("image/class/label", "label", "class")


@checked
def tfrecord(
    path: str | os.PathLike[str],
    *,
    image_size: Side | None = None,
    channels: Channels = 3,
    labels: bool = True,
    decode_limit_bytes: Bytes = DECODE_LIMIT_BYTES,
) -> Source:
    """Opens the images of TFRecord files of `tf.train.Example`, without TensorFlow.

    An example has an encoded picture under `image/encoded` (or `image`), and perhaps a class, an
    integer, under `image/class/label` (or `label`). All checksums are compared. For data sets that
    TFDS prepared as array_record there is `tfds`.

    Args:
      path: a file; or several: a folder of files with `.tfrecord` in their names, a pattern
        (`train-*`), or a range in braces (`{000..127}.tfrecord`). Not compressed.
      image_size: as of `folder`.
      channels: as of `folder`.
      labels: whether to use the labels, if there are any.
      decode_limit_bytes: up to this size the decoded set is held in memory.

    Returns:
      A `Source`.

    Raises:
      ValueError: an option out of its range.
      DataError: there are no such files, no images in them, or such that cannot be read.
      FileError: a file is damaged.
      ImportError: `jaxgan[formats]` is not installed.

    >>> tfrecord("/data/imagenet/train-*", image_size=64).num_examples  # doctest: +SKIP
    1281167
    """
    name = f"tfrecord:{os.fspath(path)}"
    return picture_source(
        name,
        tfrecord_pictures(name, os.fspath(path)),
        image_size=image_size,
        channels=channels,
        labels=labels,
        decode_limit_bytes=decode_limit_bytes,
    )


def tfrecord_pictures(name: str, path: str) -> Pictures:
    """What `tfrecord` reads, before it is decoded.

    Args:
      name: of the source, for messages.
      path: as of `tfrecord`.

    Returns:
      The pictures, whose index is the places and sizes of their records.

    Raises:
      DataError: as `tfrecord`.
      FileError: likewise.
      ImportError: likewise.
    """
    library(name, "google_crc32c", "google-crc32c")
    files = shards(name, path, ".tfrecord")
    which, places, classes = array("q"), array("q"), array("q")
    image = label = None
    for number, file in enumerate(files):
        for offset, record in records(file):
            with reading(file, "a TFRecord file of images"):
                example = parse_example(record)
            if image is None:
                image, label = _keys(name, example)
            with reading(file, "a TFRecord file of images"):
                _encoded(example, image)
                if label is not None:
                    classes.append(_class(example, label))
            which.append(number)
            places.extend((offset, len(record)))
    if image is None:
        raise DataError(f"{name}: no image in it; there must be at least 1")
    encoded = image

    def member(index: int) -> Member:
        file, offset, size = files[which[index]], places[2 * index], places[2 * index + 1]

        def load() -> bytes:
            return _encoded(parse_example(read_record(file, offset, size)), encoded)

        return Member(f"record at {offset}", str(file), load)

    sizes = places[1::2].tolist()
    return Pictures(
        files=Members(len(sizes), member),
        classes=None if label is None else np.array(classes),
        class_names=(),
        digest=digest([str(number) for number in range(len(sizes))], sizes),
    )


def _keys(name: str, example: dict[str, list[Any]]) -> tuple[str, str | None]:
    """Where pictures and classes are, by the first example."""
    image = next((key for key in IMAGES if _is(example.get(key), bytes)), None)
    if image is None:
        held = ", ".join(sorted(example)) or "nothing"
        raise DataError(
            f"{name}: examples hold {held}; one must be {' or '.join(IMAGES[:2])}, the bytes of an "
            "encoded picture"
        )
    return image, next((key for key in LABELS if _is(example.get(key), int)), None)


def _is(values: list[Any] | None, kind: type) -> bool:
    return values is not None and len(values) == 1 and isinstance(values[0], kind)


def _encoded(example: dict[str, list[Any]], key: str) -> bytes:
    values = example.get(key)
    if not _is(values, bytes) or values is None:
        raise ValueError(f"a record has no {key}")
    content: bytes = values[0]
    return content


def _class(example: dict[str, list[Any]], key: str) -> int:
    values = example.get(key) or [None]
    if not isinstance(values[0], int) or not 0 <= values[0] < 2**31:
        raise ValueError(bad_value(f"a record's {key}", values[0], "an integer of at least 0"))
    return values[0]
