"""Images in an LMDB database, as LSUN and others have them."""

from __future__ import annotations

import os
import re
import weakref
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan.core.errors import DataError, FileError, bad_value
from jaxgan.core.ranges import checked
from jaxgan.data.archive import digest
from jaxgan.data.arrays import DECODE_LIMIT_BYTES
from jaxgan.data.encoded import Pictures, picture_source
from jaxgan.data.extras import library
from jaxgan.data.images import Channels, Side
from jaxgan.data.pictures import Member, Members
from jaxgan.data.source import Bytes, Source
from jaxgan.files.base import reading

COUNTS = (b"length", b"num-samples", b"num_samples", b"__len__", b"__keys__")
"""Keys that tell how many there are, and are no pictures."""

_OPEN: weakref.WeakValueDictionary[str, Any] = weakref.WeakValueDictionary()
"""A process may open a database once."""


@checked
def lmdb(
    path: str | os.PathLike[str],
    *,
    image_size: Side | None = None,
    channels: Channels = 3,
    labels: bool = True,
    decode_limit_bytes: Bytes = DECODE_LIMIT_BYTES,
) -> Source:
    """Opens the images of an LMDB database, in the order of their keys.

    Each value is an encoded picture, as in LSUN. Where keys are `image-...`, `label-...` with the
    same ending is a class in digits. Keys that count (`length`, `num-samples`) are passed over;
    pickled values are no pictures, and are not unpickled.

    Args:
      path: the folder of `data.mdb`, or the file.
      image_size: as of `folder`.
      channels: as of `folder`.
      labels: whether to use the labels, if there are any.
      decode_limit_bytes: up to this size the decoded set is held in memory.

    Returns:
      A `Source`.

    Raises:
      ValueError: an option out of its range.
      DataError: there is no such database, no pictures in it, or such that cannot be read.
      FileError: the database is damaged.
      ImportError: `jaxgan[formats]` is not installed.

    >>> lmdb("/data/lsun/bedroom_val_lmdb", image_size=64).num_examples  # doctest: +SKIP
    300
    """
    name = f"lmdb:{os.fspath(path)}"
    return picture_source(
        name,
        lmdb_pictures(name, Path(os.path.expanduser(path))),
        image_size=image_size,
        channels=channels,
        labels=labels,
        decode_limit_bytes=decode_limit_bytes,
    )


def lmdb_pictures(name: str, path: Path) -> Pictures:
    """What `lmdb` reads, before it is decoded.

    Args:
      name: of the source, for messages.
      path: as of `lmdb`.

    Returns:
      The pictures, whose index is their keys.

    Raises:
      DataError: as `lmdb`.
      FileError: likewise.
      ImportError: likewise.
    """
    environment = _open(name, path)
    keys, sizes, classes = [], [], {}
    with reading(path, "an LMDB database"), environment.begin(buffers=True) as transaction:
        for key, value in transaction.cursor():
            found = bytes(key)
            if found.startswith(b"label-"):
                classes[found[6:]] = _label(path, found, bytes(value[:16]))
            elif found not in COUNTS:
                keys.append(found)
                sizes.append(len(value))
    if not keys:
        raise DataError(f"{name}: no image in it; its values must be encoded pictures")
    endings = [key.removeprefix(b"image-") for key in keys]
    if classes and classes.keys() != set(endings):
        raise DataError(
            f"{name}: {len(classes)} labels and {len(keys)} images; each image must have one"
        )

    def load(index: int) -> bytes:
        with reading(path, "an LMDB database"), environment.begin() as transaction:
            return bytes(transaction.get(keys[index], b""))

    def member(index: int) -> Member:
        return Member(keys[index].decode(errors="replace"), str(path), lambda: load(index))

    return Pictures(
        files=Members(len(keys), member),
        classes=np.array([classes[one] for one in endings]) if classes else None,
        class_names=(),
        digest=digest([key.decode(errors="surrogateescape") for key in keys], sizes),
    )


def _open(name: str, path: Path) -> Any:
    """The database, which is only read, and by any number of processes."""
    reader: Any = library(name, "lmdb")
    data = path / "data.mdb" if path.is_dir() else path
    if not data.is_file():
        raise DataError(f"{name}: no such database; it must be the folder of data.mdb, or the file")
    real = str(data.resolve())
    environment = _OPEN.get(real)
    if environment is None:
        with reading(path, "an LMDB database"):
            environment = reader.open(
                real, subdir=False, readonly=True, lock=False, readahead=False, meminit=False
            )
            pages = environment.info()["last_pgno"] + 1
            # Pages are mapped: those beyond the end of a truncated file would end the process.
            if data.stat().st_size < pages * environment.stat()["psize"]:
                raise ValueError("it is truncated")
        _OPEN[real] = environment
    return environment


def _label(path: Path, key: bytes, value: bytes) -> int:
    if not re.fullmatch(rb"\d{1,9}", value.strip()):
        raise FileError(path, bad_value(f"its {key.decode(errors='replace')}", value, "a class"))
    return int(value)
