"""Sources of arrays in memory, and of examples that are decoded into memory or when read."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import numpy as np

from jaxgan.core.errors import DataError, UnreadableError, bad_value
from jaxgan.core.examples import map_named
from jaxgan.core.pixels import to_float
from jaxgan.core.ranges import Count, Index, checked
from jaxgan.core.typing import PyTree
from jaxgan.data.progress import with_progress
from jaxgan.data.source import Bytes, NumpyBatch, Source, element_spec_of

logger = logging.getLogger("jaxgan.data")

DECODE_LIMIT_BYTES = 2**30
"""Sets whose examples take at most this many bytes (1 GiB) are decoded once, into memory."""

DECODE_CHUNK = 256

CHANNELS = (1, 3)
"""What can be shown: grey and RGB."""

LOOKED_AT = 16
"""Of examples that are decoded when read so many are looked at beforehand, spread over the set."""

Decoded = tuple[np.ndarray, np.ndarray]
"""Images, uint8 [n, H, W, C], and their labels, integers [n]."""


@checked
def array_source(
    name: str,
    images: np.ndarray | Mapping[str, Any],
    labels: np.ndarray | None = None,
    *,
    num_classes: Count | None = None,
    class_names: Sequence[str] = (),
) -> Source:
    """Makes a source of arrays that are already in memory.

    Bytes are kept as bytes and become float32 when they are read, a batch at a time.

    Args:
      name: what to call it in messages and logs.
      images: uint8 [N, H, W, C], or floating point [N, H, W, C] in [-1, 1], or points [N, D] or
        other arrays [N, ...] of floats; or a dict of such arrays, for examples of several parts.
      labels: integers [N], or None.
      num_classes: labels are in [0, num_classes). When None it is the number of `class_names`,
        or without them one more than the largest label.
      class_names: one name per class, or ().

    Returns:
      A `Source`.

    Raises:
      DataError: a wrong shape, dtype or count; NaN or infinite values; an image or a label out of
        range; no examples.

    >>> source = array_source("two", np.zeros((2, 4, 4, 1), np.uint8), np.array([0, 1]))
    >>> batch = source.read(np.array([1, 0, 1]))
    >>> batch["image"].shape, batch["label"].tolist(), source.num_classes
    ((3, 4, 4, 1), [1, 0, 1], 2)
    """
    whole = images if isinstance(images, Mapping) else np.asarray(images)
    parts = map_named(lambda part, x: _checked_images(part, np.asarray(x)), name, whole)
    num = _common_length(name, parts)
    classes: np.ndarray | None = None
    if labels is not None:
        labels = np.asarray(labels)
        if labels.shape != (num,):
            allowed = f"({num},), one per example"
            raise DataError(bad_value(f"{name}: labels.shape", labels.shape, allowed))
        num_classes = num_classes or len(class_names) or None
        classes = _checked_labels(name, labels, num_classes, np.arange(num))
        num_classes = num_classes or int(classes.max()) + 1

    def read(indices: np.ndarray) -> NumpyBatch:
        batch = {"image": jax.tree.map(lambda x: _as_float(x[indices]), parts)}
        return batch if classes is None else batch | {"label": classes[indices]}

    spec = element_spec_of((), labelled=classes is not None)
    spec["image"] = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape[1:], np.float32), parts)
    return Source(
        name=name,
        element_spec=spec,
        num_examples=num,
        num_classes=None if classes is None else num_classes,
        class_names=() if classes is None else tuple(class_names),
        read=read,
        values=", ".join(jax.tree.leaves(map_named(_describe_values, name, parts))),
    )


def digest_of(arrays: Mapping[str, np.ndarray]) -> str:
    """Tells arrays from others.

    Args:
      arrays: by name.

    Returns:
      `sha256:` and the digest of names, dtypes, shapes and bytes.

    >>> digest_of({"x": np.zeros(3)})[:15]
    'sha256:8073d818'
    """
    found = hashlib.sha256()
    for key, array in sorted(arrays.items()):
        found.update(f"{key}{array.dtype}{array.shape}".encode())
        found.update(np.ascontiguousarray(array).data)
    return f"sha256:{found.hexdigest()}"


@checked
def decoded_source(
    name: str,
    decode: Callable[[np.ndarray], Decoded],
    shape: Sequence[Index],
    *,
    num_classes: Count | None = None,
    class_names: Sequence[str] = (),
    decode_limit_bytes: Bytes = DECODE_LIMIT_BYTES,
) -> Source:
    """Makes a source of examples that have to be decoded: at once if they fit, else when read.

    Args:
      name: what to call it in messages and logs.
      decode: maps indices, int [n], to images, uint8 [n, H, W, C], and labels, integers [n];
        called from several threads.
      shape: (N, H, W, C).
      num_classes: labels are in [0, num_classes); None when unlabelled, and labels are ignored.
      class_names: one name per class, or ().
      decode_limit_bytes: a set of at most this many bytes, N H W C, is held in memory.

    Returns:
      A `Source`.

    Raises:
      DataError: as `array_source`, and whatever `decode` raises.

    >>> decode = lambda i: (np.zeros((1, 2, 2, 1), np.uint8) + i[:, None, None, None], i % 2)
    >>> source = decoded_source("grey", decode, (256, 2, 2, 1), num_classes=2)
    >>> batch = source.read(np.array([255, 0]))
    >>> batch["image"].max(axis=(1, 2, 3)).tolist(), batch["label"].tolist()
    ([1.0, -1.0], [1, 0])
    """
    labelled = num_classes is not None
    num_examples = shape[0]
    if int(np.prod(shape)) <= decode_limit_bytes:
        images, labels = _decode_all(name, decode, shape)
        return array_source(
            name,
            images,
            labels if labelled else None,
            num_classes=num_classes,
            class_names=class_names,
        )
    # A set that cannot be read at all is found now, not at the first step.
    few = np.unique(np.linspace(0, num_examples - 1, LOOKED_AT).astype(int))
    few_images, few_labels = decode(few)
    if labelled:
        _checked_labels(name, few_labels, num_classes, few)

    def read(indices: np.ndarray) -> NumpyBatch:
        images, labels = decode(indices)
        batch = {"image": to_float(images)}
        if labelled:
            batch["label"] = _checked_labels(name, labels, num_classes, indices)
        return batch

    return Source(
        name=name,
        element_spec=element_spec_of(shape[1:], labelled),
        num_examples=num_examples,
        num_classes=num_classes,
        class_names=tuple(class_names) if labelled else (),
        read=read,
        values=f"{_describe_values(name, few_images)} ({len(few)} looked at)",
    )


def _common_length(name: str, parts: PyTree) -> int:
    sizes = sorted({len(leaf) for leaf in jax.tree.leaves(parts)})
    if len(sizes) != 1:
        found = " and ".join(map(str, sizes)) or "no"
        raise DataError(f"{name}: arrays of {found} examples; there must be as many in each")
    return sizes[0]


def _as_float(chosen: np.ndarray) -> np.ndarray:
    return to_float(chosen) if chosen.dtype == np.uint8 else chosen


def _decode_all(
    name: str, decode: Callable[[np.ndarray], Decoded], shape: Sequence[int]
) -> Decoded:
    """Decodes a whole set in chunks: a reader takes many examples faster than one at a time."""
    images, labels = np.empty(shape, np.uint8), np.empty(shape[0], np.int64)
    chunks = np.split(np.arange(shape[0]), np.arange(DECODE_CHUNK, shape[0], DECODE_CHUNK))
    broken: list[tuple[str, str]] = []

    def decode_chunk(chunk: np.ndarray) -> Decoded | UnreadableError:
        try:
            return decode(chunk)
        except UnreadableError as error:  # the others are looked at too, so that all are named
            return error

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        decoded = pool.map(decode_chunk, chunks)  # any other failure cancels the chunks not begun
        for chunk, result in zip(chunks, with_progress(decoded, len(chunks), name), strict=True):
            if isinstance(result, UnreadableError):
                broken += result.broken
            else:
                images[chunk], labels[chunk] = result
    if broken:
        raise UnreadableError(name, broken)
    return images, labels


def _describe_values(name: str, images: np.ndarray) -> str:
    """The range of values; a warning where images use that of another convention.

    They are taken as they are: only who made them knows what black and white are.
    """
    least, most = images.min(), images.max()
    kind = "bytes" if images.dtype == np.uint8 else "floats"
    values = f"{kind} in [{least:.6g}, {most:.6g}]"
    if images.ndim == 4:
        if kind == "bytes" and most <= 1:
            logger.warning("%s: %s, all but black; of a mask 1 is 255 as an image", name, values)
        if kind == "floats" and (least >= 0 or most <= 0):
            logger.warning(
                "%s: %s, half of the range at most; black is -1 and white 1, so x in [0, 1] is "
                "2 x - 1",
                *(name, values),
            )
    return values


def _checked_images(name: str, images: np.ndarray) -> np.ndarray:
    """Returns uint8 [N, H, W, C], float32 [N, H, W, C] in [-1, 1], or finite float32 [N, D]."""
    if images.dtype != np.uint8 and images.dtype.kind != "f":
        raise DataError(bad_value(f"{name}: images.dtype", images.dtype, "uint8 or float"))
    if images.ndim != 4 and not (images.ndim > 1 and images.dtype.kind == "f"):
        raise DataError(
            f"{name}: {images.dtype} array of shape {images.shape}; "
            "it must be images [N, H, W, C], or points [N, D] or other [N, ...] of floats"
        )
    if 0 in images.shape:
        raise DataError(bad_value(f"{name}: images.shape", images.shape, "without a 0"))
    if images.ndim == 4 and images.shape[-1] not in CHANNELS:
        is_first = images.shape[1] in CHANNELS
        hint = "; channels come last: move axis 1 to the end" if is_first else ""
        raise DataError(
            f"{name}: images of shape {images.shape[1:]} have {images.shape[-1]} channels; "
            f"they must be 1 or 3, as [N, H, W, C]{hint}"
        )
    if images.dtype == np.uint8:
        return images
    with np.errstate(over="ignore"):
        images = images.astype(np.float32)
    finite = np.isfinite(images)
    if not finite.all():
        first = int(np.argwhere(~finite)[0, 0])
        count = images.size - int(np.count_nonzero(finite))
        raise DataError(
            f"{name}: {count} NaN or infinite values, first in example {first}; all must be finite"
        )
    if images.ndim == 4 and max(images.max(), -images.min()) > 1:
        # As many digits as tell a float32 from its neighbors, so that 1.00000012 is not 1.
        raise DataError(
            f"{name}: float images in [{images.min():.9g}, {images.max():.9g}]; "
            "they must be in [-1, 1], or uint8"
        )
    return images


def _checked_labels(
    name: str, labels: np.ndarray, num_classes: int | None, indices: np.ndarray
) -> np.ndarray:
    """Returns int32 labels, each in [0, num_classes); `indices` says whose they are."""
    if labels.dtype.kind not in "iu":
        raise DataError(bad_value(f"{name}: labels.dtype", labels.dtype, "integer"))
    wrong = (labels < 0) | (labels >= (num_classes or 2**31 - 1))
    if wrong.any():
        first = int(np.argmax(wrong))
        allowed = "0 and above" if num_classes is None else f"0 to {num_classes - 1}"
        where = f"{name}: label of example {indices[first]}"
        raise DataError(bad_value(where, int(labels[first]), allowed))
    return labels.astype(np.int32)
