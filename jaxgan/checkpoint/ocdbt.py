"""What Orbax's saves need around them, that what was written can be read again."""

from __future__ import annotations

import atexit
import glob
import os
import re
import tempfile
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, wait
from contextlib import contextmanager
from pathlib import Path

import tensorstore as ts

_SYSTEM_ERROR = re.compile(r"os_error_code='(\d+)'")
"""As TensorStore has it, behind what it was doing and several long paths."""
_UNDER_WAY: set[Future[None]] = set()


def complete_at_exit(save: Future[None]) -> None:
    """Has a process that ends before a save is complete wait for it.

    Args:
      save: the work in the background.
    """
    _UNDER_WAY.add(save)
    save.add_done_callback(_UNDER_WAY.discard)


def _complete_saves() -> None:
    wait(list(_UNDER_WAY))


# What `atexit` itself calls comes too late: no pool takes work by then, and Orbax has its own.
getattr(threading, "_register_atexit", atexit.register)(_complete_saves)


def has_wildcards(path: Path) -> bool:
    """Whether a path would be taken for a pattern of paths.

    Args:
      path: absolute or not.

    Returns:
      True if it has a `*`, `?` or `[`.

    >>> has_wildcards(Path("runs/lr[0.001]")), has_wildcards(Path("runs/lr=0.001"))
    (True, False)
    """
    return glob.escape(str(path)) != str(path)


@contextmanager
def without_wildcards(path: Path) -> Iterator[Path]:
    """Another way to the same place: Orbax finds by a pattern what it has written itself.

    Args:
      path: where something is to be written, in a folder that is there.

    Yields:
      The path itself, or one through a link beside which no name has wildcards.

    >>> with without_wildcards(Path("runs/a/5")) as path:
    ...     str(path)
    'runs/a/5'
    """
    if not has_wildcards(path):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="jaxgan-") as folder:
        link = Path(folder) / "link"
        link.symlink_to(path.parent)
        yield link / path.name


def check_restorable(path: Path, leaves: Mapping[str, str]) -> None:
    """Raises unless the index that is read first has every array.

    Orbax merges the indices of all processes at the end, and passes over what it does not find.

    Args:
      path: where Orbax has written.
      leaves: dtype and shape by path, `float32[8,4]`; those without elements are not stored.

    Raises:
      OSError: naming the first array that is missing.

    >>> check_restorable(Path("no/such/folder"), {"w": "float32[2]"})
    Traceback (most recent call last):
    ...
    OSError: w is not in what was written
    """
    base = {"driver": "file", "path": f"{(path / 'state').absolute()}/"}
    keys = ts.KvStore.open({"driver": "ocdbt", "base": base}).result().list().result()
    found = {key.decode().removesuffix("/zarr.json") for key in keys}
    for name, signature in leaves.items():
        dimensions = signature.rpartition("[")[2].rstrip("]").split(",")
        if "0" not in dimensions and name not in found:
            raise OSError(f"{name} is not in what was written")


def cause_of(error: Exception) -> str:
    """What went wrong: the system's words if it was the system, else type and first line.

    Args:
      error: of Orbax or TensorStore, or of the system.

    Returns:
      One line.

    >>> cause_of(ValueError("no such thing"))
    'ValueError: no such thing'
    """
    if found := _SYSTEM_ERROR.search(str(error)):
        return os.strerror(int(found[1]))
    if isinstance(error, OSError) and error.strerror:
        return error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"
    line = next(filter(None, map(str.strip, str(error).splitlines())), "no message")
    return f"{type(error).__name__}: {line[:200]}"
