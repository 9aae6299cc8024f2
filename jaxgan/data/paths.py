"""Where the data of a source lie."""

from __future__ import annotations

import os
from pathlib import Path

from jaxgan.core.errors import DataError


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
