"""What commands print: names of files and folders may hold anything, and a terminal obeys none."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxgan.core.errors import InputError, bad_value
from jaxgan.core.text import escaped


def say(text: str) -> None:
    """Prints one line.

    Args:
      text: the line; what is not printable in it is escaped.

    Example:
      >>> say("written: a\\x1b[2J")
      written: a\\x1b[2J
    """
    print(escaped(text))


def warn(text: str) -> None:
    """As `say`, on the standard error.

    Args:
      text: the line.

    Example:
      >>> warn("step 3: something")
    """
    print(escaped(text), file=sys.stderr)


def columns() -> int | None:
    """How wide the terminal is.

    Returns:
      Its columns; None in a pipe or a log, where a row must not be broken into lines.

    Example:
      >>> columns()
    """
    from rich.console import Console

    console = Console()
    return console.width if console.is_terminal else None


def print_table(table: Any) -> None:
    """Prints a table; brackets in its cells are no markup.

    Args:
      table: of `rich`, whose cells are escaped.

    Example:
      >>> from rich.table import Table
      >>> table = Table("run", box=None)
      >>> table.add_row("lr[/x]")
      >>> print_table(table)  # doctest: +NORMALIZE_WHITESPACE
      run
      lr[/x]
    """
    from rich.console import Console

    Console(width=columns() or 500, markup=False, emoji=False).print(table)


class Handler(logging.StreamHandler[Any]):
    """Writes to what is the standard error by then: above a bar, where there is one.

    Example:
      >>> Handler().stream is sys.stderr
      True
    """

    @property
    def stream(self) -> Any:
        """The standard error."""
        return sys.stderr

    @stream.setter
    def stream(self, _: Any) -> None:
        """Has no effect."""


class Formatter(logging.Formatter):
    """Lines of a log as they are, but for what a terminal would obey.

    Example:
      >>> record = logging.LogRecord("a", logging.INFO, "", 0, "folder %s", ("\\x1b[2J",), None)
      >>> Formatter().format(record)
      'folder \\\\x1b[2J'
    """

    def format(self, record: logging.LogRecord) -> str:
        """The text of a record; a message may have several lines.

        Args:
          record: what was logged.

        Returns:
          The lines, escaped.
        """
        return "\n".join(map(escaped, super().format(record).split("\n")))


def check_text(flags: Mapping[str, Any]) -> None:
    r"""Raises if the name of a file or folder is not UTF-8, which checkpoints and JSON have to be.

    Args:
      flags: of a command, by name.

    Raises:
      InputError: naming the flag.

    Example:
      >>> check_text({"workdir": Path("runs/caf\udce9")})
      Traceback (most recent call last):
      ...
      jaxgan.core.errors.InputError: workdir is 'runs/caf\udce9'; it must be UTF-8
    """
    for name, value in flags.items():
        for one in value if isinstance(value, list | tuple) else [value]:
            if isinstance(one, str | Path) and any("\ud800" <= c <= "\udfff" for c in str(one)):
                raise InputError(bad_value(name, str(one), "UTF-8"))
