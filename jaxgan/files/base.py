"""What all readers have in common: their error, and how they show what is in a file."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from jaxgan.core.errors import InputError
from jaxgan.core.text import escaped, one_line


class FileError(InputError):
    """A file that is damaged, or not what it should be; the message is one line and names it.

    Args:
      path: of the file.
      reason: what is wrong with it.
    """

    def __init__(self, path: str | os.PathLike[str], reason: str) -> None:
        super().__init__(f"{escaped(os.fspath(path))}: {reason}")
        self.reason = reason


@contextmanager
def reading(path: str | os.PathLike[str], what: str, hint: str = "") -> Iterator[None]:
    """Turns whatever a damaged file makes a parser raise into a `FileError`.

    Args:
      path: of the file.
      what: it should be: `a .npz file`.
      hint: what to do about it.

    Raises:
      FileError: for every exception of the block that comes from the file's content.
      OSError: if the file itself cannot be read.

    Example:
      >>> with reading("a.npz", "a .npz file"):
      ...     raise EOFError
      Traceback (most recent call last):
      jaxgan.files.base.FileError: a.npz: it cannot be read as a .npz file (EOFError)
    """
    try:
        yield
    except FileError:
        raise
    except Exception as error:
        # Offsets in a damaged archive lead to places that no file has: EINVAL.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        reason = "it needs more memory than there is" if isinstance(error, MemoryError) else error
        raise FileError(path, f"it cannot be read as {what} ({one_line(reason)}){hint}") from error
