"""A data set of your own, as one array in a .npy file, which may be larger than memory."""

from __future__ import annotations

import os

import numpy as np

from jaxgan.core.errors import DataError, bad_value
from jaxgan.core.ranges import checked
from jaxgan.data.arrays import DECODE_LIMIT_BYTES
from jaxgan.data.images import Channels, Side
from jaxgan.data.paths import existing_file
from jaxgan.data.rows import Rows, row_source
from jaxgan.data.source import Bytes, Source
from jaxgan.files.npy_file import map_npy


@checked
def npy(
    path: str | os.PathLike[str],
    *,
    label_path: str | None = None,
    image_size: Side | None = None,
    channels: Channels | None = None,
    labels: bool = True,
    decode_limit_bytes: Bytes = DECODE_LIMIT_BYTES,
) -> Source:
    """Opens the images of a .npy file, as `numpy.save` writes it.

    Args:
      path: the file: uint8 [N, H, W, C] or [N, H, W]. It is mapped, not read.
      label_path: another .npy file: integers [N], from 0 on; None for no labels.
      image_size: side in pixels to bring images to; see `images.resize_and_crop`.
      channels: 1 (grey), 3 (RGB), or None to keep the images' own.
      labels: whether to use the labels, if there are any.
      decode_limit_bytes: up to this size the set is held in memory.

    Returns:
      A `Source`.

    Raises:
      ValueError: an option out of its range.
      DataError: there is no such file, or its array is not as above.
      FileError: the file is damaged.

    >>> import tempfile
    >>> file = os.path.join(tempfile.mkdtemp(), "grey.npy")
    >>> np.save(file, np.zeros((10, 4, 4), np.uint8))
    >>> npy(file).element_spec["image"].shape
    (4, 4, 1)
    """
    name = f"npy:{os.fspath(path)}"
    images = map_npy(existing_file(name, path, ".npy"))
    if images.dtype != np.uint8:
        raise DataError(bad_value(f"{name}: the images' dtype", images.dtype, "uint8"))
    if images.ndim == 3:
        images = images[..., None]
    return row_source(
        name,
        Rows(lambda indices: np.asarray(images[indices]), images.shape, _labels(name, label_path)),
        image_size=image_size,
        channels=channels,
        labels=labels,
        decode_limit_bytes=decode_limit_bytes,
    )


def _labels(name: str, path: str | None) -> np.ndarray | None:
    if path is None:
        return None
    classes = np.asarray(map_npy(existing_file(f"{name}: label_path {path}", path, ".npy")))
    if classes.dtype.kind not in "iu" or classes.ndim != 1:
        said = f"{classes.dtype} {list(classes.shape)}"
        raise DataError(bad_value(f"{name}: labels in {path}", said, "integers [N]"))
    return classes
