"""A NumPy array in a file of its own, mapped into memory rather than read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from jaxgan.files.base import reading


def map_npy(path: Path) -> np.ndarray:
    """The array of a .npy file; its numbers are read from the disk when they are used.

    Args:
      path: the file, as `numpy.save` writes it.

    Returns:
      The array, which cannot be written to.

    Raises:
      FileError: if it is damaged, truncated, or holds pickles.
      OSError: if it cannot be read.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.npy"
    >>> np.save(path, np.arange(3))
    >>> map_npy(path).tolist()
    [0, 1, 2]
    """
    with reading(path, "a .npy file without pickles"):
        array: np.ndarray = npy.open_memmap(path, mode="r")
        return array
