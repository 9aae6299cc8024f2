"""What kind of data lies at a path: by what is in it, not by its name alone."""

from __future__ import annotations

import gzip
import os
import struct
import tarfile
import zlib
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from jaxgan.core.errors import DataError, FileError
from jaxgan.data.cifar import BATCHES, FOLDERS
from jaxgan.data.files import SUFFIXES
from jaxgan.data.idx import images_in
from jaxgan.data.open import options_of
from jaxgan.data.paths import expand_braces, shards
from jaxgan.data.zip_archive import MAX_ENTRIES
from jaxgan.files.tar_file import tar_entries
from jaxgan.files.tfrecord_file import is_tfrecord
from jaxgan.files.zip_file import open_zip

_HEAD_BYTES = 512
_BATCH = (BATCHES["train"][0], f"{BATCHES['train'][0]}.bin")
_LOOKED_AT = 64
"""Of the files in an archive so many are looked at."""


def recognized(path: str | os.PathLike[str]) -> str:
    """The name by which `open_source` opens what lies at a path.

    Args:
      path: a file, a folder, or a pattern of shards, `a-{000..127}.tar`.

    Returns:
      The path with its kind in front: `zip:PATH`.

    Raises:
      DataError: if nothing is there, or it is of no kind that is known.

    >>> import tempfile, zipfile
    >>> folder = tempfile.mkdtemp()
    >>> recognized(folder).replace(folder, "FOLDER")
    'folder:FOLDER'
    >>> with zipfile.ZipFile(f"{folder}/a.zip", "w") as archive:
    ...     archive.writestr("a.png", "")
    >>> recognized(f"{folder}/a.zip").replace(folder, "FOLDER")
    'zip:FOLDER/a.zip'
    """
    text = os.fspath(path)
    place = Path(os.path.expanduser(text))
    if place.is_dir():
        kind = next((kind for kind, holds in _FOLDERS.items() if holds(place)), "folder")
        return f"{kind}:{text}"
    if not place.is_file():
        if len(expand_braces(text)) > 1 or "*" in text:
            first = shards(text, text, "")[0]
            return f"{'tfrecord' if is_tfrecord(_head(first)) else 'webdataset'}:{text}"
        raise DataError(f"{text}: no such file or folder; it must be there, or a pattern of files")
    kind = _kind_of_file(place)
    if not kind:
        known = "an archive, arrays, Parquet, HDF5, LMDB, TFRecord or IDX"
        alone = place.suffix.lower() in SUFFIXES
        hint = "; one picture is no data set: give its folder" if alone else ""
        raise DataError(f"{text}: a file of no kind that is known; it must be {known}{hint}")
    return f"{kind}:{text}"


def spec_of(text: str) -> str:
    """What a person wrote of data, as `open_source` takes it.

    Args:
      text: a name or KIND:PATH as `open_source` has it, or a path, whose kind is recognized.

    Returns:
      The name, or KIND:PATH.

    Raises:
      DataError: as `recognized`.

    >>> spec_of("digits"), spec_of("folder:cats")
    ('digits', 'folder:cats')
    """
    is_spec = options_of(text) is not None and not Path(os.path.expanduser(text)).exists()
    return text if is_spec else recognized(text)


def _kind_of_file(path: Path) -> str:
    head = _head(path)
    if head.startswith(b"PK"):
        return "npz" if _is_npz(path) else "zip"
    if head.startswith(b"\x1f\x8b"):
        return _kind_of_gzip(path)
    if _is_tar(head):
        return _kind_of_tar(path)
    if head[16:20] == struct.pack("<I", 0xBEEFC0DE):
        return "lmdb"
    beginnings = {
        b"PAR1": "parquet",
        b"\x89HDF\r\n\x1a\n": "hdf5",
        b"\x93NUMPY": "npy",
        b"\0\0\x08\x03": "idx",
    }
    found = next((kind for magic, kind in beginnings.items() if head.startswith(magic)), "")
    is_records = is_tfrecord(head) or ".tfrecord" in path.name
    return found or ("tfrecord" if is_records else "")


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)


def _is_npz(path: Path) -> bool:
    try:
        archive, entries = open_zip(path, MAX_ENTRIES)
    except FileError:
        return path.suffix == ".npz"
    archive.close()
    return bool(entries) and all(entry.filename.endswith(".npy") for entry in entries)


def _is_tar(head: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(head, tarfile.ENCODING, "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def _kind_of_tar(path: Path) -> str:
    """WebDataset's if a class lies beside a picture, under its name."""
    try:
        names = [entry.name for entry in islice(tar_entries(path), _LOOKED_AT)]
    except FileError:
        return "tar"
    if any(name.endswith(_BATCH) for name in names):
        return "cifar"
    stems = {name.rpartition(".")[0] for name in names if name.lower().endswith(SUFFIXES)}
    labels = {name.rpartition(".")[0] for name in names if name.endswith((".cls", ".json", ".txt"))}
    return "webdataset" if stems & labels else "tar"


def _kind_of_gzip(path: Path) -> str:
    """An archive that is not CIFAR's is called a tar, which says what is wrong with it."""
    try:
        with gzip.open(path) as unpacked:
            head = unpacked.read(_HEAD_BYTES)
        if not _is_tar(head):
            return "idx" if head.startswith(b"\0\0\x08\x03") else ""
        with tarfile.open(path, "r:gz") as archive:
            names = [entry.name for entry in islice(archive, _LOOKED_AT)]
    except (OSError, EOFError, zlib.error, tarfile.TarError):
        return ""
    return "cifar" if any(name.endswith(_BATCH) for name in names) else "tar"


def _has(pattern: str) -> Callable[[Path], bool]:
    return lambda folder: next(folder.glob(pattern), None) is not None


def _is_cifar(folder: Path) -> bool:
    return any((folder / inner / one).is_file() for inner in FOLDERS for one in _BATCH)


def _has_images(folder: Path) -> bool:
    with os.scandir(folder) as entries:
        return any(entry.name.lower().endswith(SUFFIXES) for entry in entries)


_FOLDERS: dict[str, Callable[[Path], bool]] = {
    "folder": _has_images,
    "lmdb": _has("data.mdb"),
    "cifar": _is_cifar,
    "idx": lambda folder: any(images_in(folder, split) for split in ("train", "test")),
    "parquet": lambda folder: _has("*.parquet")(folder) or _has("*/*.parquet")(folder),
    "tfrecord": _has("*.tfrecord*"),
    "webdataset": _has("*.tar"),
}
"""What a folder is known by; one of none of these is one of images in folders."""
