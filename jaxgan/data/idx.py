"""MNIST, Fashion-MNIST and their kin, from the files that their authors give."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal

from jaxgan.core.errors import DataError, bad_value
from jaxgan.core.ranges import checked
from jaxgan.data.arrays import DECODE_LIMIT_BYTES
from jaxgan.data.images import Channels, Side
from jaxgan.data.rows import Rows, row_source
from jaxgan.data.source import Bytes, Source
from jaxgan.files.idx_file import read_idx

Split = Literal["train", "test"]

_BEGINNINGS = {"train": "train", "test": "t10k|test"}


@checked
def idx(
    path: str | os.PathLike[str],
    *,
    split: Split = "train",
    image_size: Side | None = None,
    channels: Channels | None = None,
    labels: bool = True,
    decode_limit_bytes: Bytes = DECODE_LIMIT_BYTES,
) -> Source:
    """Opens images in MNIST's own format, IDX, compressed by gzip or not.

    Args:
      path: the folder of `train-images-idx3-ubyte.gz`, `train-labels-idx1-ubyte.gz`,
        `t10k-images-idx3-ubyte.gz`, ...; or one file of images, whose labels are beside it if
        there are any.
      split: `"train"`, or `"test"` for `t10k`; of a folder alone.
      image_size: side in pixels to bring images to; see `images.resize_and_crop`.
      channels: 1 (grey, as they are), 3 (RGB), or None.
      labels: whether to use the labels, if there are any.
      decode_limit_bytes: up to this size the set is held in memory.

    Returns:
      A `Source`.

    Raises:
      ValueError: an option out of its range.
      DataError: there are no such files, or they hold something else.
      FileError: a file is damaged.

    >>> import struct, tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> header = struct.pack(">HBBIII", 0, 8, 3, 2, 4, 4)
    >>> _ = (folder / "train-images-idx3-ubyte").write_bytes(header + bytes(2 * 4 * 4))
    >>> idx(folder).element_spec["image"].shape
    (4, 4, 1)
    """
    name = f"idx:{os.fspath(path)}"
    file = _images(name, Path(os.path.expanduser(path)), split)
    images = read_idx(file)
    if images.ndim != 3:
        raise DataError(bad_value(f"{name}: shape in {file.name}", images.shape, "[N, H, W]"))
    beside = labels_of(file)
    classes = None if beside is None else read_idx(beside)
    if classes is not None and classes.ndim != 1:
        raise DataError(bad_value(f"{name}: shape of labels", classes.shape, "[N]"))
    images = images[..., None]
    return row_source(
        name,
        Rows(lambda indices: images[indices], images.shape, classes),
        image_size=image_size,
        channels=channels,
        labels=labels,
        decode_limit_bytes=decode_limit_bytes,
    )


def _images(name: str, path: Path, split: Split) -> Path:
    if path.is_file():
        return path
    found = images_in(path, split) if path.is_dir() else []
    if len(found) != 1:
        what = f"{len(found)} files of images" if found else "no file of images"
        stem = "train" if split == "train" else "t10k"
        raise DataError(
            f"{name}: {what} for split {split}; it must be a folder with one, such as "
            f"{stem}-images-idx3-ubyte.gz, or the file itself"
        )
    return found[0]


def images_in(folder: Path, split: Split) -> list[Path]:
    """The files of images in a folder; of one that is there compressed too, the plain one.

    Args:
      folder: the folder.
      split: as of `idx`.

    Returns:
      The files.
    """
    named = re.compile(rf"(.*-)?({_BEGINNINGS[split]})-images[-.]idx3-ubyte(\.gz)?")
    found = sorted(file for file in folder.iterdir() if named.fullmatch(file.name))
    return [file for file in found if file.suffix != ".gz" or file.with_suffix("") not in found]


def labels_of(images: Path) -> Path | None:
    """The labels beside a file of images.

    Args:
      images: the file.

    Returns:
      The file; None if there is none.
    """
    name = images.name.replace("images", "labels").replace("idx3", "idx1").removesuffix(".gz")
    beside = [images.with_name(one) for one in (name, f"{name}.gz")]
    return next((one for one in beside if one != images and one.is_file()), None)
