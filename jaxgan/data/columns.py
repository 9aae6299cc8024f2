"""Data of any columns, for games of one's own; and no data, for games that need none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from jaxgan.core.errors import DataError, bad_value
from jaxgan.data.arrays import array_source, digest_of
from jaxgan.data.source import DeviceSource, NumpyBatch, Source

_KEPT = {"b": np.bool_, "f": np.float32, "i": np.int32, "u": np.int32}
"""The dtype of a column on the devices, by the kind of its own."""


def columns(arrays: Mapping[str, Any], *, name: str = "columns") -> Source:
    """A source of examples that have several columns, of any shapes.

    Args:
      arrays: `{column: [N, ...]}`, the same N for all: numbers or booleans, which come as float32,
        int32 and bool. Where the columns are an `image`, or that and a `label`, bytes are images as
        `array_source` knows them; a `label` [N] of integers from 0 on says the class.
      name: what to call it in messages and logs.

    Returns:
      A `Source`.

    Raises:
      DataError: if columns differ in length, hold no numbers, or not finite ones.

    >>> source = columns({"age": np.array([30, 4]), "series": np.zeros((2, 16, 3))})
    >>> {name: (one.shape, one.dtype) for name, one in source.element_spec.items()}
    {'age': ((), dtype('int32')), 'series': ((16, 3), dtype('float32'))}
    >>> source.read(np.array([1]))["age"].tolist()
    [4]
    """
    if not isinstance(arrays, Mapping) or not arrays:
        raise DataError(bad_value(name, arrays, "{column: array [N, ...]}"))
    found = {column: np.asarray(array) for column, array in arrays.items()}
    digest = digest_of(found)
    if set(found) <= {"image", "label"} and "image" in found:
        source = array_source(name, found["image"], found.get("label"))
        return source._replace(digest=digest)
    kept = {column: _kept(f"{name}.{column}", array) for column, array in found.items()}
    lengths = {column: len(array) for column, array in kept.items()}
    if len(set(lengths.values())) > 1 or 0 in lengths.values():
        raise DataError(bad_value(f"{name}: lengths", lengths, "one number, at least 1"))
    label = kept.get("label")
    is_class = (
        label is not None and label.ndim == 1 and label.dtype == np.int32 and label.min() >= 0
    )

    def read(indices: np.ndarray) -> NumpyBatch:
        return {column: array[indices] for column, array in kept.items()}

    return Source(
        name=name,
        element_spec={
            column: jax.ShapeDtypeStruct(array.shape[1:], array.dtype)
            for column, array in kept.items()
        },
        num_examples=next(iter(lengths.values())),
        num_classes=int(label.max()) + 1 if label is not None and is_class else None,
        class_names=(),
        read=read,
        digest=digest,
    )


def no_data() -> DeviceSource:
    """The source of a game that is played without data: its batches are empty.

    Returns:
      A `DeviceSource` of examples without columns.

    >>> no_data().sample(jax.random.key(0), 5)
    {}
    """
    return DeviceSource(name="none", element_spec={}, num_classes=None, sample=lambda key, num: {})


def _kept(name: str, array: np.ndarray) -> np.ndarray:
    if array.dtype.kind not in _KEPT or not array.ndim:
        said = f"{array.dtype} {list(array.shape)}"
        raise DataError(bad_value(name, said, "numbers or booleans [N, ...]"))
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise DataError(f"{name} has values that are not finite")
    limits = np.iinfo(np.int32)
    if (
        array.dtype.kind in "iu"
        and array.size
        and not (limits.min <= array.min() and array.max() <= limits.max)
    ):
        raise DataError(
            bad_value(name, f"up to {array.max()}", f"from {limits.min} to {limits.max}")
        )
    return array.astype(_KEPT[array.dtype.kind])
