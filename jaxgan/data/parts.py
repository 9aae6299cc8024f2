"""Pictures that lie as they are in larger files: their index is names and places."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np

from jaxgan.data.archive import HEADER_BYTES, MAX_PICTURE_BYTES
from jaxgan.data.pictures import Member, Members
from jaxgan.files.part import Part, read_part


def parts_of(
    containers: Sequence[Path], which: np.ndarray, names: Sequence[str], places: np.ndarray
) -> Members:
    """Makes pictures of their places.

    Args:
      containers: the larger files.
      which: of them each picture is in, int [N].
      names: of the pictures there.
      places: (offset, size) of each, int [N, 2].

    Returns:
      The pictures.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.tar"
    >>> _ = path.write_bytes(b"abcdef")
    >>> parts_of([path], np.array([0]), ["b.png"], np.array([[2, 3]]))[0].load()
    b'cde'
    """

    def member(index: int) -> Member:
        path, (offset, size) = containers[which[index]], places[index].tolist()

        def load() -> bytes:
            if size > MAX_PICTURE_BYTES:
                raise ValueError(f"{size} bytes; it must have at most {MAX_PICTURE_BYTES}")
            return read_part(path, offset, size)

        def opened() -> IO[bytes]:
            return io.BufferedReader(Part(path, offset, size))

        header_alone = HEADER_BYTES < size <= MAX_PICTURE_BYTES
        return Member(names[index], str(path), load, opened if header_alone else None)

    return Members(len(names), member)
