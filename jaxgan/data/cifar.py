"""CIFAR-10, from the files that its authors give."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path
from typing import Literal

import numpy as np

from jaxgan.core.errors import DataError
from jaxgan.core.ranges import checked
from jaxgan.data.arrays import DECODE_LIMIT_BYTES
from jaxgan.data.images import Channels, Side
from jaxgan.data.rows import Rows, row_source
from jaxgan.data.source import Bytes, Source
from jaxgan.files.base import reading
from jaxgan.files.cifar_batch import parse_batch, parse_binary, parse_pickled

Split = Literal["train", "test"]

BATCHES = {"train": tuple(f"data_batch_{i}" for i in range(1, 6)), "test": ("test_batch",)}
FOLDERS = ("", "cifar-10-batches-py", "cifar-10-batches-bin")

MAX_FILE_BYTES = 2**26


@checked
def cifar(
    path: str | os.PathLike[str],
    *,
    split: Split = "train",
    image_size: Side | None = None,
    channels: Channels | None = None,
    labels: bool = True,
    decode_limit_bytes: Bytes = DECODE_LIMIT_BYTES,
) -> Source:
    """Opens CIFAR-10's own files: those for Python, which are not unpickled, or the binary ones.

    Args:
      path: `cifar-10-python.tar.gz` or `cifar-10-binary.tar.gz`, or the folder of `data_batch_1`
        or `data_batch_1.bin`, ..., or the folder that this is in.
      split: `"train"` or `"test"`.
      image_size: side in pixels to bring images to; see `images.resize_and_crop`.
      channels: 1 (grey), 3 (RGB, as they are), or None.
      labels: whether to use the labels.
      decode_limit_bytes: up to this size the set is held in memory.

    Returns:
      A `Source`.

    Raises:
      ValueError: an option out of its range.
      DataError: there are no such files.
      FileError: a file is damaged.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "test_batch.bin").write_bytes(bytes([7]) + bytes(3072))
    >>> cifar(folder, split="test").read(np.array([0]))["label"].tolist()
    [7]

    References:
      Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
    """
    name = f"cifar:{os.fspath(path)}"
    root = Path(os.path.expanduser(path))
    wanted = [*BATCHES[split], "batches.meta"]
    wanted += [f"{one}.bin" for one in BATCHES[split]] + ["batches.meta.txt"]
    found = _contents(name, root, wanted)
    suffix = ".bin" if f"{BATCHES[split][0]}.bin" in found else ""
    needed = [f"{one}{suffix}" for one in BATCHES[split]]
    if missing := [one for one in needed if one not in found]:
        raise DataError(
            f"{name}: no file {missing[0]} in it; it must be cifar-10-python.tar.gz, "
            "cifar-10-binary.tar.gz, or the folder of what is in them"
        )
    batches = []
    for one in needed:
        with reading(root / one, "a batch of CIFAR-10"):
            batches.append((parse_binary if suffix else parse_batch)(found[one]))
    images, classes = (np.concatenate(part) for part in zip(*batches, strict=True))
    return row_source(
        name,
        Rows(lambda indices: images[indices], images.shape, classes, _class_names(root, found)),
        image_size=image_size,
        channels=channels,
        labels=labels,
        decode_limit_bytes=decode_limit_bytes,
    )


def _contents(name: str, path: Path, wanted: list[str]) -> dict[str, bytes]:
    """The files that are there of those that are wanted, by name."""
    if path.is_dir():
        folders = [path / inner for inner in FOLDERS]
        files = [f / one for f in folders for one in wanted if (f / one).is_file()]
        return {file.name: _limited(file) for file in files}
    if not path.is_file():
        raise DataError(f"{name}: no such file or folder; it must be CIFAR-10's")
    found = {}
    with reading(path, "an archive of CIFAR-10"), tarfile.open(path, "r:*") as archive:
        for entry in archive:
            inner = entry.name.rpartition("/")[2]
            if inner in wanted and entry.isreg():
                if entry.size > MAX_FILE_BYTES:
                    raise ValueError(f"its {inner} has {entry.size} bytes")
                stream = archive.extractfile(entry)
                found[inner] = b"" if stream is None else stream.read()
    return found


def _limited(file: Path) -> bytes:
    with reading(file, "a file of CIFAR-10"):
        if file.stat().st_size > MAX_FILE_BYTES:
            raise ValueError(f"it has {file.stat().st_size} bytes")
        return file.read_bytes()


def _class_names(root: Path, found: dict[str, bytes]) -> tuple[str, ...]:
    if "batches.meta" in found:
        with reading(root / "batches.meta", "the names of CIFAR-10's classes"):
            names = parse_pickled(found["batches.meta"]).get("label_names", [])
            return tuple(map(str, names))
    text = found.get("batches.meta.txt", b"").decode(errors="replace")
    return tuple(line.strip() for line in text.splitlines() if line.strip())
