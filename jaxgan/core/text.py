"""Text of others in messages: one line, of printable characters."""

from __future__ import annotations

import difflib
import numbers
import os
from collections.abc import Iterable
from types import FunctionType
from typing import Any

MAX_SHOWN = 200
"""Characters of a foreign text that a message shows."""


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


def shown(value: Any) -> str:
    """A value in a message: texts quoted, numbers as they print, the large ones by their kind.

    Args:
      value: anything.

    Returns:
      At most `MAX_SHOWN` printable characters.

    Example:
      >>> import numpy as np
      >>> shown("hinge"), shown(np.float64(0.5)), shown([1, "a"]), shown([10**5000])
      ("'hinge'", '0.5', "[1, 'a']", 'too long to show (list)')
    """
    value = os.fspath(value) if isinstance(value, os.PathLike) else value
    if isinstance(value, FunctionType):
        return f"the function {value.__name__}"
    if _is_large(value):
        name = type(value).__name__
        return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"
    is_number = getattr(value, "shape", None) == () or isinstance(value, numbers.Number)
    try:
        return one_line(str(value) if is_number else repr(value))
    except ValueError:  # Python writes no integer of more than 4300 digits
        return f"too long to show ({type(value).__name__})"


def _is_large(value: Any) -> bool:
    """Contracts, modules and their like, whose `repr` is pages."""
    return not isinstance(value, Exception) and type(value).__module__.startswith(
        ("jaxgan.core", "flax", "optax")
    )


def did_you_mean(name: Any, allowed: Iterable[str]) -> str:
    """A hint for a message about a name that is not known.

    Args:
      name: what was given.
      allowed: the names that are known.

    Returns:
      ` did you mean A or B?`, or nothing where no name is near.

    Example:
      >>> did_you_mean("hing", ["hinge", "minimax"]), did_you_mean("x", ["hinge"])
      (' did you mean hinge?', '')
    """
    near = difflib.get_close_matches(str(name), list(allowed))
    return f" did you mean {' or '.join(near)}?" if near else ""
