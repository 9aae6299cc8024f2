"""Bytes that are put aside on the disk and read again in any order."""

from __future__ import annotations

import os
import tempfile
import weakref
from array import array


class Spool:
    """Pieces in a temporary file without a name, which is gone with the last use of this object.

    >>> spool = Spool()
    >>> spool.append(b"ab"), spool.append(b"c")
    (None, None)
    >>> spool.read(1), spool.sizes()
    (b'c', [2, 1])
    """

    def __init__(self) -> None:
        self._descriptor, path = tempfile.mkstemp(prefix="jaxgan-")
        weakref.finalize(self, os.close, self._descriptor)
        os.unlink(path)
        self._ends = array("q", [0])

    def append(self, content: bytes) -> None:
        """Puts a piece aside.

        Args:
          content: its bytes.

        Raises:
          OSError: if the disk is full.
        """
        left = memoryview(content)
        while left:
            left = left[os.write(self._descriptor, left) :]
        self._ends.append(self._ends[-1] + len(content))

    def read(self, index: int) -> bytes:
        """One of the pieces; called from several threads.

        Args:
          index: its number, from 0 on.

        Returns:
          Its bytes.
        """
        first, last = self._ends[index], self._ends[index + 1]
        return os.pread(self._descriptor, last - first, first)

    def sizes(self) -> list[int]:
        """How many bytes each piece has.

        Returns:
          One number a piece.
        """
        return [b - a for a, b in zip(self._ends, self._ends[1:], strict=False)]
