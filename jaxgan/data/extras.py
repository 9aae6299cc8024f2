"""Libraries that read one format each, and come with an extra of jaxgan."""

from __future__ import annotations

import importlib
from types import ModuleType


def library(name: str, module: str, package: str | None = None) -> ModuleType:
    """Imports what reads a format.

    Args:
      name: of the source, for messages.
      module: to import.
      package: that has it, where its name is another.

    Returns:
      The module.

    Raises:
      ImportError: if it is not installed: one line with what to install.

    >>> library("hdf5:a.h5", "no_such_library")
    Traceback (most recent call last):
    ...
    ImportError: hdf5:a.h5: needs no_such_library: pip install "jaxgan[formats]"
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f'{name}: needs {package or module}: pip install "jaxgan[formats]"'
        ) from error
