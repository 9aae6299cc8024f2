"""What all readers have in common: their error, and how they show what is in a file."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from jaxgan.core.errors import FileError
from jaxgan.core.text import one_line


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
      jaxgan.core.errors.FileError: a.npz: it cannot be read as a .npz file (EOFError)
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
