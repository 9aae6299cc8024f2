"""Parts of a file: opened each time, so that nothing is held open and any thread may read."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer


def read_part(path: Path, offset: int, size: int) -> bytes:
    """Bytes from the middle of a file.

    Args:
      path: the file.
      offset: where they begin.
      size: how many.

    Returns:
      All of them.

    Raises:
      ValueError: if the file ends before.
      OSError: if it cannot be read.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a"
    >>> _ = path.write_bytes(b"abcdef")
    >>> read_part(path, 2, 3)
    b'cde'
    """
    with path.open("rb", buffering=0) as file:
        file.seek(offset)
        content = file.read(size)
    if len(content) != size:
        raise ValueError(f"the file ends {size - len(content)} bytes too early")
    return content


class Part(io.RawIOBase):
    """A part of a file as a file of its own.

    Args:
      path: the file.
      offset: where the part begins.
      size: how many bytes it has.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a"
    >>> _ = path.write_bytes(b"abcdef")
    >>> with Part(path, 2, 3) as part:
    ...     part.read()
    b'cde'
    """

    def __init__(self, path: Path, offset: int, size: int) -> None:
        self._file: IO[bytes] = path.open("rb", buffering=0)
        self._offset = offset
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Goes to a place in the part."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def tell(self) -> int:
        """Where it is in the part."""
        return self._at

    def readinto(self, buffer: Buffer) -> int:
        """Reads what fits, up to the part's end."""
        view = memoryview(buffer).cast("B")
        size = max(0, min(len(view), self._size - self._at))
        self._file.seek(self._offset + self._at)
        content = self._file.read(size)
        view[: len(content)] = content
        self._at += len(content)
        return len(content)

    def close(self) -> None:
        """Closes the file."""
        if not self.closed:
            self._file.close()
        super().close()
