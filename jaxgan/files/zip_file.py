"""Zip archives, with limits on what their entries unpack to."""

from __future__ import annotations

import os
import struct
import sys
import zipfile
import zlib
from pathlib import Path
from typing import IO

from jaxgan.files.base import reading

MAX_UNPACKED_BYTES = 2**33
"""All compressed entries of an archive together, unpacked (8 GiB)."""

MAX_ENTRIES = 100_000

_MAX_RATIO = 1032
"""No deflated bytes unpack to more than this many times their number."""

_LOCAL_BYTES, _NAME_BYTES = 30, 128
"""In front of an entry, and what its name and extras there seldom have more than."""

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def entries(
    archive: zipfile.ZipFile,
    file: IO[bytes],
    max_unpacked_bytes: int = MAX_UNPACKED_BYTES,
    max_entries: int = MAX_ENTRIES,
) -> dict[str, zipfile.ZipInfo]:
    """The entries of an archive, if all that it says of them can be so.

    Entries that are stored are in the file as they are, so they take no more than the file. Those
    that are compressed are limited by what they say they unpack to; `read` takes no more than that.

    Args:
      archive: opened from `file`.
      file: the file.
      max_unpacked_bytes: of all compressed entries together.
      max_entries: how many there may be.

    Returns:
      Entries by name.

    Raises:
      ValueError: one line: what is wrong with which entry.

    Example:
      >>> import io
      >>> file = io.BytesIO()
      >>> with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
      ...     archive.writestr("a", bytes(10**6))
      >>> with zipfile.ZipFile(file) as archive:
      ...     entries(archive, file, 10**5)
      Traceback (most recent call last):
      ...
      ValueError: its compressed entries unpack to 1000000 bytes; at most 100000 are allowed
    """
    found: dict[str, zipfile.ZipInfo] = {}
    infos = archive.infolist()
    if len(infos) > max_entries:
        raise ValueError(f"it has {len(infos)} entries; at most {max_entries} are allowed")
    for info in infos:
        if info.filename in found:
            raise ValueError(f"its entry {info.filename!r} is there twice")
        if info.flag_bits & 1:
            raise ValueError(f"its entry {info.filename!r} is encrypted")
        if info.compress_type not in _METHODS:
            raise ValueError(f"its entry {info.filename!r} is neither stored nor deflated")
        is_stored = info.compress_type == zipfile.ZIP_STORED
        if info.file_size > (info.compress_size if is_stored else info.compress_size * _MAX_RATIO):
            raise ValueError(
                f"its entry {info.filename!r} says that {info.compress_size} bytes unpack to "
                f"{info.file_size}"
            )
        found[info.filename] = info
    # More would mean that entries overlap, or lie beyond the end.
    if sum(info.compress_size for info in infos) > file.seek(0, os.SEEK_END):
        raise ValueError("its entries are larger than the file")
    unpacked = sum(i.file_size for i in infos if i.compress_type != zipfile.ZIP_STORED)
    if unpacked > max_unpacked_bytes:
        raise ValueError(
            f"its compressed entries unpack to {unpacked} bytes; at most {max_unpacked_bytes} "
            "are allowed"
        )
    return found


def read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, max_bytes: int) -> bytes:
    """One entry.

    Args:
      archive: the archive.
      info: of the entry, as `entries` gives it.
      max_bytes: that it may have.

    Returns:
      Its bytes, as many as it says.

    Raises:
      ValueError: if it has more, or not as many as it says.
    """
    if info.file_size > max_bytes:
        raise ValueError(
            f"its entry {info.filename!r} has {info.file_size} bytes; at most {max_bytes} are "
            "allowed"
        )
    with archive.open(info) as stream:
        content = stream.read(info.file_size)
        # Reading on is what compares the checksum, also of an entry without bytes.
        if len(content) != info.file_size or stream.read(1):
            raise ValueError(f"its entry {info.filename!r} has not the size that it says")
    return content


def read_alone(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, max_bytes: int, path: Path
) -> bytes:
    """As `read`; an entry that is stored is read past the archive, which threads share.

    Args:
      archive: the archive.
      info: of the entry.
      max_bytes: that it may have.
      path: of the archive.

    Returns:
      Its bytes.

    Raises:
      ValueError: as `read`, or if its checksum is another.
      OSError: if the file cannot be read.
    """
    if info.compress_type != zipfile.ZIP_STORED or info.file_size > max_bytes:
        return read(archive, info, max_bytes)
    with path.open("rb", buffering=0) as file:
        file.seek(info.header_offset)
        found = file.read(_LOCAL_BYTES + _NAME_BYTES + info.file_size)
        begin, *_, name_bytes, extra_bytes = struct.unpack_from("<4s22xHH", found)
        start = _LOCAL_BYTES + name_bytes + extra_bytes
        if len(found) < start + info.file_size:
            file.seek(info.header_offset + start)
            found, start = file.read(info.file_size), 0
    content = found[start : start + info.file_size]
    if begin != b"PK\3\4" or len(content) != info.file_size or zlib.crc32(content) != info.CRC:
        raise ValueError(f"its entry {info.filename!r} is damaged")
    return content


def open_zip(path: Path, max_entries: int) -> tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]:
    """An archive of files that are unpacked one at a time, so that their sum has no limit.

    Args:
      path: the archive.
      max_entries: how many there may be.

    Returns:
      The archive, open, which several threads may read; and its files, without folders.

    Raises:
      FileError: if it is damaged, encrypted, or says of an entry what cannot be.
      OSError: if it cannot be read.

    Example:
      >>> import tempfile
      >>> path = Path(tempfile.mkdtemp()) / "a.zip"
      >>> with zipfile.ZipFile(path, "w") as archive:
      ...     archive.writestr("a.txt", "text")
      >>> archive, files = open_zip(path, max_entries=1)
      >>> read(archive, files[0], max_bytes=4)
      b'text'
    """
    with reading(path, "a zip archive"), path.open("rb") as file:
        archive = zipfile.ZipFile(path)
        found = entries(archive, file, max_unpacked_bytes=sys.maxsize, max_entries=max_entries)
    return archive, [info for info in found.values() if not info.is_dir()]
