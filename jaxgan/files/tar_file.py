"""Tar archives: where each of their files lies, so that it can be read alone."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from jaxgan.files.base import reading
from jaxgan.files.part import read_part


class TarEntry(NamedTuple):
    """A file in a tar archive.

    Attributes:
      name: with its folders.
      offset: where its bytes begin.
      size: how many they are.
    """

    name: str
    offset: int
    size: int


def tar_entries(path: Path) -> Iterator[TarEntry]:
    """The files of a tar archive, in its order; links, folders and devices are left out.

    Args:
      path: the archive, not compressed: a compressed one can only be read from its beginning.

    Yields:
      Where each file is.

    Raises:
      FileError: if it is damaged, compressed, or no tar archive.
      OSError: if it cannot be read.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.tar"
    >>> with tarfile.open(path, "w") as archive:
    ...     archive.add(__file__, "code.py")
    >>> [entry.name for entry in tar_entries(path)]
    ['code.py']
    """
    with reading(path, "a tar archive, which must not be compressed"):
        size = path.stat().st_size
        with tarfile.open(path, "r:", errorlevel=2) as archive:
            while (entry := archive.next()) is not None:
                vars(archive)["members"].clear()  # it would keep every entry
                if entry.issparse():
                    raise ValueError(f"its entry {entry.name!r} is sparse")
                if entry.offset_data + entry.size > size:
                    raise ValueError(f"{entry.name!r} is not all there")
                if entry.isreg():
                    yield TarEntry(entry.name, entry.offset_data, entry.size)
            end = read_part(path, archive.offset, tarfile.BLOCKSIZE)
        if any(end):  # a damaged header is an end, for tarfile
            raise ValueError(f"its entry at {archive.offset} is damaged")
