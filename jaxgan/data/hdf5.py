"""Images in an HDF5 file, as StudioGAN and others write them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan.core.errors import DataError, bad_value
from jaxgan.core.ranges import checked
from jaxgan.data.arrays import CHANNELS, DECODE_LIMIT_BYTES
from jaxgan.data.extras import library
from jaxgan.data.images import Channels, Side
from jaxgan.data.paths import existing_file
from jaxgan.data.rows import Rows, row_source
from jaxgan.data.source import Bytes, Source
from jaxgan.files.base import reading

IMAGES = ("imgs", "images")
LABELS = ("labels", "label")


@checked
def hdf5(
    path: str | os.PathLike[str],
    *,
    image_size: Side | None = None,
    channels: Channels | None = None,
    labels: bool = True,
    decode_limit_bytes: Bytes = DECODE_LIMIT_BYTES,
) -> Source:
    """Opens the images of an HDF5 file.

    The file holds `imgs` (or `images`), uint8 [N, C, H, W] as StudioGAN writes it, or [N, H, W, C]
    or [N, H, W]; and perhaps `labels`, integers [N], from 0 on. C is 1 or 3.

    Args:
      path: the file.
      image_size: side in pixels to bring images to; see `images.resize_and_crop`.
      channels: 1 (grey), 3 (RGB), or None to keep the images' own.
      labels: whether to use the labels, if there are any.
      decode_limit_bytes: up to this size the set is held in memory.

    Returns:
      A `Source`.

    Raises:
      ValueError: an option out of its range.
      DataError: there is no such file, or no such arrays in it.
      FileError: the file is damaged.
      ImportError: `jaxgan[formats]` is not installed.

    >>> import h5py, tempfile
    >>> file = os.path.join(tempfile.mkdtemp(), "a.h5")
    >>> with h5py.File(file, "w") as archive:
    ...     archive["imgs"] = np.zeros((10, 3, 4, 4), np.uint8)
    >>> hdf5(file).element_spec["image"].shape
    (4, 4, 3)
    """
    name = f"hdf5:{os.fspath(path)}"
    file = existing_file(name, path, ".h5 or .hdf5")
    archive = _open(name, file)
    images = _array(archive, IMAGES)
    if images is None or images.dtype != np.uint8 or images.ndim not in (3, 4):
        held = ", ".join(f"{key} {getattr(one, 'shape', '')}" for key, one in archive.items())
        raise DataError(
            f"{name}: holds {held or 'nothing'}; it must have imgs or images of uint8, "
            "[N, C, H, W], [N, H, W, C] or [N, H, W]"
        )
    classes = _array(archive, LABELS)
    if classes is not None and (classes.dtype.kind not in "iu" or classes.ndim != 1):
        said = f"{classes.dtype} {list(classes.shape)}"
        raise DataError(bad_value(f"{name}: labels", said, "integers [N]"))
    is_first = images.ndim == 4 and images.shape[-1] not in CHANNELS
    shape = (*images.shape, 1) if images.ndim == 3 else images.shape

    def read(indices: np.ndarray) -> np.ndarray:
        with reading(file, "an HDF5 file"):
            # h5py takes twenty times as long for a list of rows, and more yet for many of them.
            rows = np.stack([images[index] for index in indices.tolist()])
        return np.moveaxis(rows, 1, -1) if is_first else rows.reshape(-1, *shape[1:])

    with reading(file, "an HDF5 file"):
        found = None if classes is None else classes[:]
    return row_source(
        name,
        Rows(read, (shape[0], *shape[2:], shape[1]) if is_first else shape, found),
        image_size=image_size,
        channels=channels,
        labels=labels,
        decode_limit_bytes=decode_limit_bytes,
    )


def _open(name: str, file: Path) -> Any:
    h5py: Any = library(name, "h5py")
    with reading(file, "an HDF5 file"):
        return h5py.File(file, "r")


def _array(archive: Any, names: tuple[str, ...]) -> Any:
    """The array of one of these names, if there is one."""
    found = next((archive[key] for key in names if key in archive), None)
    return found if hasattr(found, "dtype") else None
