"""A data set of your own, as arrays in one .npz file."""

from __future__ import annotations

import os

import numpy as np

from jaxgan.core.errors import DataError, FileError, bad_value
from jaxgan.core.ranges import checked
from jaxgan.data.arrays import array_source, digest_of
from jaxgan.data.images import Side, resize_array
from jaxgan.data.source import Source
from jaxgan.files import read_npz

ARRAYS = ("images", "points", "labels")


@checked
def npz(
    path: str | os.PathLike[str], *, image_size: Side | None = None, labels: bool = True
) -> Source:
    """Opens the arrays of a .npz file, as `numpy.savez` writes it; pickles are refused.

    The file holds `images`, uint8 [N, H, W, C] or [N, H, W] or floats in [-1, 1] of these shapes,
    or else `points`, floats [N, D]; and perhaps `labels`, integers [N].

    Args:
      path: the file.
      image_size: side in pixels to bring uint8 images to; see `images.resize_and_crop`.
      labels: whether to use the labels, if the file has them.

    Returns:
      A `Source`.

    Raises:
      ValueError: an option out of its range.
      DataError: the file is missing or damaged, or its arrays are not as above.

    >>> import tempfile
    >>> file = os.path.join(tempfile.mkdtemp(), "points.npz")
    >>> np.savez(file, points=np.zeros((10, 2), np.float32))
    >>> npz(file).element_spec["image"].shape
    (2,)
    """
    name = f"npz:{os.fspath(path)}"
    arrays = _load(name, os.path.expanduser(path))
    if ("images" in arrays) == ("points" in arrays):
        raise DataError(
            f"{name}: holds arrays {sorted(arrays)}; they must be images or points, and labels"
        )
    classes = arrays.get("labels") if labels else None
    if "points" in arrays:
        source = _points(name, arrays["points"], classes, image_size)
    else:
        source = _images(name, arrays["images"], classes, image_size)
    return source._replace(digest=digest_of(arrays))


def _images(
    name: str, images: np.ndarray, classes: np.ndarray | None, image_size: int | None
) -> Source:
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4:
        raise DataError(
            bad_value(f"{name}: images.shape", images.shape, "[N, H, W, C] or [N, H, W]")
        )
    if image_size is not None and images.shape[1:3] != (image_size,) * 2:
        if images.dtype != np.uint8 or images.shape[-1] not in (1, 3) or 0 in images.shape:
            raise DataError(
                f"{name}: image_size is {image_size} for {images.dtype} images of shape "
                f"{images.shape[1:]}; it resizes uint8 images of 1 or 3 channels"
            )
        images = np.stack([resize_array(one, image_size, one.shape[-1]) for one in images])
    return array_source(name, images, classes)


def _points(
    name: str, points: np.ndarray, classes: np.ndarray | None, image_size: int | None
) -> Source:
    if image_size is not None:
        raise DataError(f"{name}: image_size is {image_size}; it must be none for points")
    if points.ndim != 2 or points.dtype.kind != "f":
        raise DataError(
            f"{name}: points of dtype {points.dtype} and shape {points.shape}; "
            "they must be floats [N, D]"
        )
    return array_source(name, points, classes)


def _load(name: str, path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Reads the arrays that we know; every other name in the file is an error."""
    if not os.path.isfile(path):
        raise DataError(f"{name}: no such file; it must be a .npz file of {', '.join(ARRAYS)}")
    try:
        return read_npz(path, allowed=ARRAYS)
    except FileError as error:
        raise DataError(
            f"{name}: {error.reason}; it must be an undamaged .npz file of {', '.join(ARRAYS)}, "
            "without pickles"
        ) from error
