"""Images that are stored as arrays, read a few rows at a time, as a source."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from jaxgan.core.errors import DataError, bad_value
from jaxgan.data.arrays import CHANNELS, LOOKED_AT, Decoded, decoded_source, digest_of
from jaxgan.data.encoded import num_classes
from jaxgan.data.images import resize_array
from jaxgan.data.source import Source


class Rows(NamedTuple):
    """Stored images of one size.

    Attributes:
      read: maps sorted indices without repetition, int [n], to images, uint8 [n, H, W, C]; called
        from several threads.
      shape: (N, H, W, C).
      classes: integers [N]; None when unlabelled.
      class_names: one name per class, or () when unknown.
    """

    read: Callable[[np.ndarray], np.ndarray]
    shape: tuple[int, ...]
    classes: np.ndarray | None = None
    class_names: tuple[str, ...] = ()


def row_source(
    name: str,
    rows: Rows,
    *,
    image_size: int | None,
    channels: int | None,
    labels: bool,
    decode_limit_bytes: int,
) -> Source:
    """Makes a source of stored images.

    Args:
      name: what to call it in messages and logs.
      rows: the images.
      image_size: side in pixels to bring them to, see `images.resize_and_crop`; None keeps theirs.
      channels: 1 (grey), 3 (RGB), or None to keep theirs.
      labels: whether to use the classes, if there are any.
      decode_limit_bytes: as of `decoded_source`.

    Returns:
      A `Source`; its digest is of the shape, all classes and a few images.

    Raises:
      DataError: a wrong shape, or as many classes as there are not images.

    >>> rows = Rows(lambda i: np.zeros((len(i), 4, 6, 1), np.uint8), (9, 4, 6, 1))
    >>> source = row_source(
    ...     "grey", rows, image_size=4, channels=3, labels=True, decode_limit_bytes=0)
    >>> source.read(np.array([8, 0, 8]))["image"].shape
    (3, 4, 4, 3)
    """
    num, height, width, depth = checked_shape(name, rows.shape)
    if rows.classes is not None and len(rows.classes) != num:
        raise DataError(
            f"{name}: {len(rows.classes)} labels of {num} images; there must be as many"
        )
    classes = rows.classes if labels else None
    size = (height, width) if image_size is None else (image_size, image_size)

    def decode(indices: np.ndarray) -> Decoded:
        chosen, place = np.unique(indices, return_inverse=True)
        images = rows.read(chosen)
        if (height, width, depth) != (*size, channels or depth):
            images = np.stack([resize_array(x, image_size, channels or depth) for x in images])
        return images[place], np.zeros(len(indices)) if classes is None else classes[indices]

    source = decoded_source(
        name,
        decode,
        (num, *size, channels or depth),
        num_classes=None if classes is None else num_classes(classes, rows.class_names),
        class_names=rows.class_names,
        decode_limit_bytes=decode_limit_bytes,
    )
    few = rows.read(np.unique(np.linspace(0, num - 1, LOOKED_AT).astype(int)))
    known = {} if rows.classes is None else {"labels": rows.classes}
    return source._replace(digest=digest_of({"shape": np.array(rows.shape), "few": few, **known}))


def checked_shape(name: str, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """(N, H, W, C) of stored images, where it can be one.

    Args:
      name: of the source, for messages.
      shape: of the array.

    Returns:
      The shape.

    Raises:
      DataError: if it is none.

    >>> checked_shape("grey", (9, 4, 6, 1))
    (9, 4, 6, 1)
    """
    if len(shape) != 4 or shape[-1] not in CHANNELS or 0 in shape:
        allowed = "[N, H, W, C] without a 0, with a C of 1 or 3"
        raise DataError(bad_value(f"{name}: the images' shape", tuple(shape), allowed))
    num, height, width, depth = shape
    return num, height, width, depth
