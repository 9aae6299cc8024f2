"""JSON files, read with a check of their shape: a type says what is in them."""

from __future__ import annotations

import functools
import json
import os
import types
import typing
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from jaxgan.core.errors import FileError
from jaxgan.core.text import one_line

MAX_BYTES = 2**28
"""Of a file that is JSON as a whole (256 MiB)."""

T = TypeVar("T")

_UNIONS = (typing.Union, types.UnionType)
_NAMES = {
    bool: "true or false",
    int: "an integer",
    float: "a number",
    str: "a string",
    dict: "an object",
    list: "a list",
    types.NoneType: "null",
}


def read_json(path: str | os.PathLike[str], kind: type[T]) -> T:
    """The content of a JSON file.

    Args:
      path: the file.
      kind: what it must be: `int`, `float`, `bool`, `str`, `list[X]`, `tuple[X, Y]`, `dict[str, X]`
        or a TypedDict, in which X may be any of these, `Any`, or a union.

    Returns:
      The content, of that kind; a TypedDict with the other keys that it has.

    Raises:
      FileError: if it is no JSON, or of another shape: one line that names the entry.
      OSError: if it cannot be read.

    Example:
      >>> import tempfile
      >>> with tempfile.NamedTemporaryFile("w", suffix="a.json") as file:
      ...     _ = file.write('{"a": [1, "2"]}')
      ...     file.flush()
      ...     try:
      ...         read_json(file.name, dict[str, list[int]])
      ...     except FileError as error:
      ...         print(error.reason)
      a[1] is '2'; it must be an integer
    """
    with open(path, "rb") as file:
        if (size := os.fstat(file.fileno()).st_size) > MAX_BYTES:
            raise FileError(path, f"it has {size} bytes; at most {MAX_BYTES} are read as JSON")
        return parse_json(file.read(), path, kind)


def parse_json(text: str | bytes, path: str | os.PathLike[str], kind: type[T]) -> T:
    """As `read_json`, of a text that was read already.

    Args:
      text: JSON.
      path: of the file that it comes from, for messages.
      kind: what it must be.

    Returns:
      The content.

    Raises:
      FileError: as `read_json`.

    Example:
      >>> parse_json(b'{"a": 1}', "a.json", dict[str, float])
      {'a': 1}
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileError(path, f"it is damaged: no JSON ({one_line(error)})") from error
    return check_json(value, path, kind)


def check_json(value: Any, path: str | os.PathLike[str], kind: type[T]) -> T:
    """As `read_json`, of what was made of the text already.

    Args:
      value: the content.
      path: of the file that it comes from, for messages.
      kind: what it must be.

    Returns:
      The value.

    Raises:
      FileError: if it is of another shape.

    Example:
      >>> check_json("2", "a.json", int)
      Traceback (most recent call last):
      jaxgan.core.errors.FileError: a.json: it is '2'; it must be an integer
    """
    if problem := _problem(value, kind, ""):
        raise FileError(path, problem)
    found: T = value
    return found


def read_json_lines(
    path: str | os.PathLike[str], kind: type[T], tell: Callable[[str], None]
) -> Iterator[tuple[bytes, T]]:
    """The lines of a log that has one JSON value in each; damaged ones are left out.

    Args:
      path: the file.
      kind: what every line must be, see `read_json`.
      tell: is given a line for each damaged one. A last line that was not finished is none.

    Yields:
      (line, its content).

    Raises:
      OSError: if it cannot be read.

    Example:
      >>> import tempfile
      >>> with tempfile.NamedTemporaryFile("w") as file:
      ...     _ = file.write('{"step": 1}\\n{"step": 2')
      ...     file.flush()
      ...     list(read_json_lines(file.name, dict[str, int], print))
      [(b'{"step": 1}\\n', {'step': 1})]
    """
    with open(path, "rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.endswith(b"\n"):
                return
            try:
                row = parse_json(line, f"{os.fspath(path)}, line {number}", kind)
            except FileError as error:
                tell(f"{error}; the line is left out")
            else:
                yield line, row


@functools.cache
def _test(kind: Any) -> Callable[[Any], bool]:
    """Whether a value is of a kind; logs have millions of them, so it is looked at once."""
    origin, args = typing.get_origin(kind) or kind, typing.get_args(kind)
    if kind is Any:
        return lambda value: True
    if origin is typing.Literal:
        return lambda value: value in args
    if typing.is_typeddict(kind):
        required = _required(kind)
        tests = {key: _test(hint) for key, hint in typing.get_type_hints(kind).items()}
        return lambda value: (
            isinstance(value, dict)
            and all(key in value for key in required)
            and all(test(value[key]) for key, test in tests.items() if key in value)
        )
    parts = [_test(one) for one in args]
    if origin in _UNIONS:
        return lambda value: any(test(value) for test in parts)
    if origin is dict:
        return lambda value: isinstance(value, dict) and all(map(parts[1], value.values()))
    if origin is list:
        return lambda value: isinstance(value, list) and all(map(parts[0], value))
    if origin is tuple:
        return lambda value: (
            isinstance(value, list)
            and len(value) == len(parts)
            and all(test(one) for test, one in zip(parts, value, strict=True))
        )
    return lambda value: _is_a(value, kind)


def _problem(value: Any, kind: Any, where: str) -> str | None:
    """What is wrong with a value, in one line; None if nothing is."""
    if _test(kind)(value):
        return None
    origin, args = typing.get_origin(kind) or kind, typing.get_args(kind)
    entries: list[tuple[Any, Any, str]] = []
    if typing.is_typeddict(kind) and isinstance(value, dict):
        if missing := [key for key in _required(kind) if key not in value]:
            return f"{where or 'it'} lacks {', '.join(missing)}"
        hints = typing.get_type_hints(kind).items()
        entries = [(value[key], hint, _within(where, key)) for key, hint in hints if key in value]
    elif origin is dict and isinstance(value, dict):
        entries = [(entry, args[1], _within(where, key)) for key, entry in value.items()]
    elif origin is list and isinstance(value, list):
        entries = [(entry, args[0], f"{where}[{i}]") for i, entry in enumerate(value)]
    elif origin is tuple and isinstance(value, list):
        if len(value) != len(args):
            return f"{where or 'it'} has {len(value)} entries; it must have {len(args)}"
        entries = [(value[i], one, f"{where}[{i}]") for i, one in enumerate(args)]
    inside = (problem for entry in entries if (problem := _problem(*entry)))
    return next(inside, None) or _said(value, kind, where)


def _required(record: Any) -> list[str]:
    # Its own `__required_keys__` are blind where annotations are not evaluated at once.
    hints = typing.get_type_hints(record, include_extras=True)
    return [key for key, kind in hints.items() if typing.get_origin(kind) is not typing.NotRequired]


def _is_a(value: Any, kind: Any) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def _said(value: Any, kind: Any, where: str) -> str:
    shown = {dict: "an object", list: "a list", types.NoneType: "null"}.get(type(value))
    return f"{where or 'it'} is {shown or one_line(repr(value))}; it must be {_name(kind)}"


def _name(kind: Any) -> str:
    origin = typing.get_origin(kind)
    if origin in _UNIONS:
        return " or ".join(_name(one) for one in typing.get_args(kind))
    if origin is typing.Literal:
        return " or ".join(repr(one) for one in typing.get_args(kind))
    if typing.is_typeddict(kind):
        return _NAMES[dict]
    return _NAMES[list if origin is tuple else origin or kind]


def _within(where: str, key: str) -> str:
    return f"{where}.{one_line(key)}" if where else one_line(key)
