"""Archives of NumPy arrays, read without pickles and within limits."""

from __future__ import annotations

import math
import os
import zipfile
from collections.abc import Collection
from typing import IO, Any, Literal

import numpy as np
from numpy.lib import format as npy

from jaxgan.core.errors import FileError
from jaxgan.core.text import one_line
from jaxgan.files import zip_file
from jaxgan.files.base import reading
from jaxgan.files.zip_file import MAX_UNPACKED_BYTES

SUFFIX = ".npy"
_CHUNK_BYTES = 2**20
_KINDS = "biufcUSV"


def read_npz(
    path: str | os.PathLike[str],
    *,
    allowed: Collection[str] | None = None,
    max_unpacked_bytes: int = MAX_UNPACKED_BYTES,
) -> dict[str, np.ndarray]:
    """The arrays of a .npz file.

    Args:
      path: the file.
      allowed: the names that it may have; None for any.
      max_unpacked_bytes: that its compressed arrays may take together. Those that are not
        compressed take what the file takes.

    Returns:
      Arrays by name.

    Raises:
      FileError: if the file is damaged, is no such file, unpacks to more, or holds other names,
        pickles or records.
      OSError: if it cannot be read.

    Example:
      >>> import tempfile
      >>> path = os.path.join(tempfile.mkdtemp(), "a.npz")
      >>> np.savez(path, a=np.arange(3))
      >>> read_npz(path)["a"].tolist()
      [0, 1, 2]
    """
    with open(path, "rb") as file:
        return parse_npz(
            file, os.fspath(path), allowed=allowed, max_unpacked_bytes=max_unpacked_bytes
        )


def parse_npz(
    file: IO[bytes],
    name: str,
    *,
    allowed: Collection[str] | None = None,
    max_unpacked_bytes: int = MAX_UNPACKED_BYTES,
) -> dict[str, np.ndarray]:
    """As `read_npz`, of a file that is open.

    Args:
      file: opened to read bytes.
      name: of it, for messages.
      allowed: see `read_npz`.
      max_unpacked_bytes: likewise.

    Returns:
      Arrays by name.

    Raises:
      FileError: as `read_npz`.
    """
    with reading(name, "a .npz file"), zipfile.ZipFile(file) as archive:
        infos = zip_file.entries(archive, file, max_unpacked_bytes)
        if other := [entry for entry in infos if not entry.endswith(SUFFIX)]:
            raise FileError(name, f"it has an entry {other[0]!r}; all must be arrays, {SUFFIX}")
        named = {entry.removesuffix(SUFFIX): info for entry, info in infos.items()}
        if allowed is not None and (unknown := sorted(set(named) - set(allowed))):
            raise FileError(name, f"unknown arrays {one_line(unknown)}")
        return {key: _array(archive, info) for key, info in named.items()}


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(info) as stream:
        shape, is_fortran, dtype = _header(stream)
        if dtype.kind not in _KINDS or not dtype.itemsize or dtype.names or dtype.subdtype:
            raise ValueError(f"{info.filename} has dtype {dtype}; pickles and records are not read")
        size = math.prod(shape) * dtype.itemsize
        # Before anything is reserved for it: a header may say what it likes.
        if min(shape, default=0) < 0 or stream.tell() + size != info.file_size:
            raise ValueError(
                f"{info.filename} of shape {shape} and dtype {dtype} does not take the "
                f"{info.file_size} bytes of its entry"
            )
        content, done = bytearray(size), 0
        while chunk := stream.read(min(_CHUNK_BYTES, size - done)):
            content[done : done + len(chunk)] = chunk
            done += len(chunk)
        if done != size or stream.read(1):
            raise ValueError(f"{info.filename} is truncated")
    order: Literal["C", "F"] = "F" if is_fortran else "C"
    array = np.ndarray(shape, dtype, content, order=order)
    return array if dtype.isnative else array.astype(dtype.newbyteorder("="))


def _header(stream: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = npy.read_magic(stream)
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"an array of format {version}; formats (1, 0) and (2, 0) are read")
    shape, is_fortran, dtype = readers[version](stream)
    return shape, is_fortran, dtype
