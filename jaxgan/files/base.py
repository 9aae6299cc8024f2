"""What all readers have in common: their error, and how they show what is in a file."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jaxgan.core.errors import InputError

MAX_SHOWN = 200
"""Characters of a foreign text that a message shows."""


class FileError(InputError):
    """A file that is damaged, or not what it should be; the message is one line and names it.

    Args:
      path: of the file.
      reason: what is wrong with it.
    """

    def __init__(self, path: str | os.PathLike[str], reason: str) -> None:
        super().__init__(f"{escaped(os.fspath(path))}: {reason}")
        self.reason = reason


def escaped(text: str) -> str:
    """Text that a terminal shows and does not obey: control characters as their escapes.

    Args:
      text: anything, such as the name of a file; bytes that were not UTF-8 are surrogates in it.

    Returns:
      The text with escapes in place of control characters, surrogates, and marks of direction;
      newlines and tabs too.

    Example:
      >>> escaped("a\\x1b[2Jb\\n\\udcff"), escaped("Größe 5")
      ('a\\\\x1b[2Jb\\\\n\\\\udcff', 'Größe 5')
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text
    )


def one_line(value: Any) -> str:
    """A value from a file, or what a library says of it, for a message.

    Args:
      value: a text, an exception, or anything; texts are quoted by the caller where they should be.

    Returns:
      At most `MAX_SHOWN` printable characters.

    Example:
      >>> one_line(ValueError("two\\n lines")), one_line(ValueError()), one_line("x" * 999)[-5:]
      ('two lines', 'ValueError', 'xx...')
    """
    text = " ".join(str(value).split()) or type(value).__name__
    text = escaped(text)
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 3]}..."


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
