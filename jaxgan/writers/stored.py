"""Samples in files as they come: an archive of arrays or files, or a folder of pictures."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.lib import format as npy

from jaxgan.files.atomic import replacing
from jaxgan.writers.pictures import SAVERS


class Rows(NamedTuple):
    """An array that is there a few rows at a time.

    Attributes:
      shape: of the whole.
      dtype: of the numbers.
      chunks: parts of it along the first axis, in their order.
    """

    shape: tuple[int, ...]
    dtype: type[np.generic]
    chunks: Iterable[np.ndarray]


def save_npz(path: Path, arrays: Mapping[str, np.ndarray | Rows]) -> None:
    """Writes what `numpy.savez` would, whole or not at all, in the memory of one chunk.

    Args:
      path: the file; its folder is created.
      arrays: by name.

    Raises:
      ValueError: if the chunks of an array do not make its shape.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.npz"
    >>> save_npz(path, {"a": Rows((3, 2), np.uint8, iter([np.zeros((2, 2)), np.ones((1, 2))]))})
    >>> from jaxgan.files import read_npz
    >>> read_npz(path)["a"].tolist()
    [[0, 0], [0, 0], [1, 1]]
    """
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, array in arrays.items():
            rows = (
                array if isinstance(array, Rows) else Rows(array.shape, array.dtype.type, [array])
            )
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                header = {
                    "descr": npy.dtype_to_descr(np.dtype(rows.dtype)),
                    "fortran_order": False,
                    "shape": rows.shape,
                }
                npy.write_array_header_1_0(entry, header)
                num = 0
                for chunk in rows.chunks:
                    entry.write(np.ascontiguousarray(chunk, rows.dtype).tobytes())
                    num += len(chunk) if rows.shape else 0
                    if chunk.shape[1:] != rows.shape[1:]:
                        raise ValueError(f"{name}: a chunk of shape {chunk.shape} in {rows.shape}")
            if rows.shape and num != rows.shape[0]:
                raise ValueError(f"{name}: {num} rows of shape {rows.shape}")


def save_folder(
    folder: Path, chunks: Iterator[np.ndarray], places: Iterable[str], *, suffix: str = "png"
) -> None:
    """Writes a file for each image, named by its number.

    Args:
      folder: which is created.
      chunks: of images, uint8 [n, H, W, 1 or 3].
      places: the folder within `folder` of each image, such as its class; `""` for none.
      suffix: of the files, one of `SAVERS`.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> save_folder(folder, iter([np.zeros((2, 4, 4, 1), np.uint8)]), ["cat", ""])
    >>> sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))
    ['000001.png', 'cat/000000.png']
    """
    images = (image for chunk in chunks for image in chunk)
    for number, (image, place) in enumerate(zip(images, places, strict=True)):
        SAVERS[suffix](folder / place / f"{number:06d}.{suffix}", image)


def save_zip(path: Path, entries: Iterable[tuple[str, bytes]]) -> None:
    """Writes an archive of files that are stored as they are, whole or not at all.

    The same files make the same bytes, whenever it is written.

    Args:
      path: the file; its folder is created.
      entries: (name, content), written as they come.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.zip"
    >>> save_zip(path, [("a.txt", b"text")])
    >>> with zipfile.ZipFile(path) as archive:
    ...     archive.namelist()
    ['a.txt']
    """
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, content in entries:
            archive.writestr(zipfile.ZipInfo(name), content)
