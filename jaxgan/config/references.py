"""People's own code: `"mine.py:soft_hinge"`, `"package.module:soft_hinge"`."""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib
import importlib.util
import inspect
import os
import re
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from jaxgan.core.errors import ConfigError
from jaxgan.core.text import did_you_mean, one_line, shown

_REFERENCE = re.compile(r"(?P<place>.+\.py|[A-Za-z_]\w*(\.[A-Za-z_]\w*)*):(?P<name>[A-Za-z_]\w*)")

_PREFIX = "jaxgan_code_"

_INSTALLED = [sysconfig.get_path(key) for key in ("stdlib", "platstdlib", "purelib", "platlib")]
"""Folders of Python and of packages."""

_OF_OTHERS = (
    *("<doctest", "<frozen"),
    *(f"{folder}{os.sep}" for folder in (Path(__file__).parents[1], *_INSTALLED)),
)
"""Where the code is that is not of jaxgan's user."""

_READING: list[Path] = []
"""The files that are being read now, each by the one before."""


def is_reference(text: Any) -> bool:
    """Whether a text names something in a file or a module.

    Args:
      text: anything.

    Returns:
      Whether it is `FILE.py:NAME` or `MODULE:NAME`.

    Example:
      >>> is_reference("mine.py:soft_hinge"), is_reference("optax:adam"), is_reference("hinge")
      (True, True, False)
    """
    return isinstance(text, str) and _REFERENCE.fullmatch(text) is not None


def find(reference: str) -> Callable[..., Any]:
    """What a reference names.

    Args:
      reference: as `is_reference` knows it, a file's with its absolute path.

    Returns:
      A function or a class.

    Raises:
      ConfigError: if there is no such file, module or name, or if importing it fails.

    Example:
      >>> find("jaxgan.losses:hinge").__name__
      'hinge'
      >>> find("jaxgan.losses:hing")
      Traceback (most recent call last):
      ...
      jaxgan.core.errors.ConfigError: 'jaxgan.losses' has no function 'hing'; did you mean hinge?
    """
    place, _, name = reference.rpartition(":")
    module = read_file(Path(place)) if place.endswith(".py") else _module(place)
    found = getattr(module, name, None)
    if not callable(found):
        hint = did_you_mean(name, [k for k, v in vars(module).items() if callable(v)])
        raise ConfigError(f"{place!r} has no function {name!r}{hint and ';'}{hint}")
    function: Callable[..., Any] = found
    return function


def _module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise ConfigError(f"{name!r} cannot be imported: {one_line_of(error)}") from error


def one_line_of(error: BaseException) -> str:
    """An exception in one line.

    Args:
      error: any.

    Returns:
      Its type and what it says.

    Example:
      >>> one_line_of(KeyError("a"))
      "KeyError: 'a'"
    """
    return f"{type(error).__name__}: {one_line(error)}"


def own_place(error: BaseException) -> str | None:
    """Where people's own code failed.

    Args:
      error: what was raised.

    Returns:
      `FILE:LINE` of the innermost frame that is not of jaxgan, Python or a package that is
      installed; None if there is none.

    Example:
      >>> own_place(ValueError("of jaxgan"))
    """
    frames = [
        f"{frame.f_code.co_filename}:{line}"
        for frame, line in traceback.walk_tb(error.__traceback__)
        if not frame.f_code.co_filename.startswith(_OF_OTHERS)
    ]
    return frames[-1] if frames else None


def is_reading() -> bool:
    """Whether a file is being read for its functions, so that its statements are run.

    Example:
      >>> is_reading()
      False
    """
    return bool(_READING)


@contextmanager
def in_one_line(path: str) -> Iterator[None]:
    """What own code raises within, as one line that says where; so are bad values and types.

    Args:
      path: dotted key of what is called.

    Raises:
      ConfigError: in their place.

    Example:
      >>> with in_one_line("latent"):
      ...     raise ValueError("dim is 0")
      Traceback (most recent call last):
      ...
      jaxgan.core.errors.ConfigError: latent: dim is 0
    """
    try:
        yield
    except Exception as error:
        if type(error).__module__.startswith("jaxgan."):
            raise
        if place := own_place(error):
            raise ConfigError(f"{path}: {place}: {one_line_of(error)}") from error
        if not isinstance(error, ValueError | TypeError | AssertionError):
            raise
        raise ConfigError(f"{path}: {str(error).strip().splitlines()[0]}") from error


def read_file(path: Path) -> ModuleType:
    """A file as a module; what it imports beside it is found, and is its own.

    Args:
      path: the file, absolute.

    Returns:
      The module, under a name that no other has; the same one until the file changes.

    Raises:
      ConfigError: if there is no such file, or it fails.

    Example:
      See `find`.
    """
    if not path.is_file():
        raise ConfigError(f"{str(path)!r} is not a file")
    digest = hashlib.sha256()
    for file in sorted({path, *imported(path)}):
        digest.update(file.name.encode() + file.read_bytes())
    return _read(path, digest.hexdigest())


@functools.cache
def _read(path: Path, digest: str) -> ModuleType:
    name = f"{_PREFIX}{hashlib.sha256(f'{path}{digest}'.encode()).hexdigest()[:16]}"
    # Named, or a file without .py at its end would have none.
    loader = SourceFileLoader(name, str(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    assert spec is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    beside = {file.stem for file in imported(path)}
    theirs = {key: sys.modules.pop(key) for key in beside if key in sys.modules}
    sys.path.insert(0, str(path.parent))
    _READING.append(path)
    try:
        loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        place = own_place(error) or path
        raise ConfigError(f"'{place}' fails: {one_line_of(error)}") from error
    finally:
        _READING.pop()
        sys.path.remove(str(path.parent))
        for key in beside:
            sys.modules.pop(key, None)
        sys.modules.update(theirs)
    return module


def imported(path: Path, seen: frozenset[Path] = frozenset()) -> set[Path]:
    """The files in the same folder that a file imports, itself or through them.

    Args:
      path: the file.
      seen: what is known already.

    Returns:
      Their paths.

    Example:
      >>> imported(Path("no_such_file.py"))
      set()
    """
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return set()  # importing it says so
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    files = {path.with_name(f"{name}.py") for name in names} - seen - {path}
    found = {file for file in files if file.is_file()}
    for file in sorted(found):
        found |= imported(file, seen | found | {path})
    return found


def reference_to(function: Any, path: str) -> str:
    """The reference by which a function is found again.

    Args:
      function: a function or a class.
      path: dotted key, for messages.

    Returns:
      `FILE.py:NAME`, of a script, of a file that `read_file` read, or of one beside it; else
      `MODULE:NAME`.

    Raises:
      ConfigError: if it has no name at the top of a file.

    Example:
      >>> from jaxgan.losses import hinge
      >>> reference_to(hinge, "loss")
      'jaxgan.losses._hinge:hinge'
    """
    name = getattr(function, "__qualname__", "")
    if not name.isidentifier():
        raise ConfigError(
            f"{path} is {shown(function)}, a lambda or nested function; it must be a function at "
            "the top of a file, so that it can be found again"
        )
    module, file = function.__module__, _file_of(function)
    is_installed = file is not None and str(file.parent) in _INSTALLED
    if "." not in module and not is_installed:
        if file is None or file.suffix != ".py" or not file.is_file():
            raise ConfigError(
                f"{path} is {shown(function)}, of a notebook or of the prompt; it must be a "
                "function at the top of a file, so that it can be found again"
            )
        return f"{file.resolve()}:{name}"
    return f"{module}:{name}"


def _file_of(function: Any) -> Path | None:
    """The file in which a function or a class is written."""
    parts = [function, *vars(function).values()] if isinstance(function, type) else [function]
    for part in parts:
        code = getattr(inspect.unwrap(part) if callable(part) else part, "__code__", None)
        if code is not None and getattr(part, "__module__", None) == function.__module__:
            return Path(code.co_filename)
    file = getattr(sys.modules.get(function.__module__), "__file__", None)
    return None if file is None else Path(file)
