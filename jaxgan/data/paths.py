"""Where the data of a source lie."""

from __future__ import annotations

import glob
import os
import re
from pathlib import Path

from jaxgan.core.errors import DataError, bad_value


def existing_file(name: str, path: str | os.PathLike[str], allowed: str) -> Path:
    """The path of a file that is there.

    Args:
      name: of the source, for messages.
      path: as given; `~` is the home folder.
      allowed: what it must be, such as `.zip`.

    Returns:
      The path.

    Raises:
      DataError: if there is no such file.

    >>> existing_file("zip:no.zip", "no.zip", ".zip")
    Traceback (most recent call last):
    ...
    jaxgan.core.errors.DataError: zip:no.zip: no such file; it must be a .zip file
    """
    found = Path(os.path.expanduser(path))
    if not found.is_file():
        raise DataError(f"{name}: no such file; it must be a {allowed} file")
    return found


def shards(name: str, path: str, kind: str) -> list[Path]:
    """The files that a data set is split into.

    Args:
      name: of the source, for messages.
      path: a file; or a folder of them, a pattern with `*`, or ranges in braces.
      kind: what is in their names, in a folder: `.tar`.

    Returns:
      The files, in order.

    Raises:
      DataError: if there is none, or one of a range is not there.

    >>> shards("webdataset:{0..1}.tar", "{0..1}.tar", ".tar")
    Traceback (most recent call last):
    ...
    jaxgan.core.errors.DataError: webdataset:{0..1}.tar: no file 0.tar; it must be there
    """
    path = os.path.expanduser(path)
    if os.path.isdir(path):
        found = sorted(f for f in Path(path).iterdir() if kind in f.name and f.is_file())
    else:
        each = ([one] if "*" not in one else sorted(glob.glob(one)) for one in expand_braces(path))
        found = [Path(one) for listed in each for one in listed]
    if not found:
        raise DataError(f"{name}: no {kind} file; it must be a file, a folder or a pattern of them")
    for file in found:
        if not file.is_file():
            raise DataError(f"{name}: no file {file}; it must be there")
    return found


def expand_braces(path: str) -> list[str]:
    """Writes out ranges in braces, as a shell does.

    Args:
      path: with any number of `{000..127}` and `{a,b}`.

    Returns:
      The paths, in order.

    >>> expand_braces("a-{08..10}.tar"), expand_braces("{x,y}")
    (['a-08.tar', 'a-09.tar', 'a-10.tar'], ['x', 'y'])
    """
    found = re.search(r"\{(\d+)\.\.(\d+)\}|\{([^{}]*,[^{}]*)\}", path)
    if not found:
        return [path]
    first, last, listed = found.groups()
    if listed is None:
        if not 0 <= int(last) - int(first) < 10**6:
            raise DataError(bad_value("a range of shards", found[0], "at most 10^6, upwards"))
        parts = [f"{number:0{len(first)}d}" for number in range(int(first), int(last) + 1)]
    else:
        parts = listed.split(",")
    before, after = path[: found.start()], expand_braces(path[found.end() :])
    return [before + part + rest for part in parts for rest in after]
