"""CIFAR's files: its binary version, and its pickled batches, which are read without unpickling."""

from __future__ import annotations

import math
import pickletools
from typing import Any, NamedTuple

import numpy as np

from jaxgan.files.pickle_machine import Function, Machine

SHAPE = (3, 32, 32)
"""Of an image, as CIFAR's files have it: channels, rows, columns."""

_BYTES = math.prod(SHAPE)


class _Array:
    """Takes the place of an array, until its state is known."""

    content: np.ndarray | None = None


class _Dtype(NamedTuple):
    name: str


def _encoded(args: list[Any]) -> bytes:
    """How Python 3 writes bytes for Python 2."""
    text, encoding = args
    if encoding != "latin1" or not isinstance(text, str):
        raise ValueError("it encodes something that is no bytes")
    return text.encode("latin1")


_RECONSTRUCT = Function("_reconstruct", lambda args: _Array())
_ADMITTED: dict[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy", "ndarray"): "ndarray",
    ("numpy", "dtype"): Function("dtype", lambda args: _Dtype(str(args[0]))),
    ("_codecs", "encode"): Function("encode", _encoded),
}


def _build(made: Any, state: Any) -> Any:
    if isinstance(made, _Dtype):
        return made
    if not isinstance(made, _Array):
        raise ValueError(f"it alters a {type(made).__name__}")
    _, shape, dtype, is_fortran, content = state
    content = content.encode("latin1") if isinstance(content, str) else content
    if dtype != _Dtype("u1") or is_fortran or not isinstance(content, bytes):
        raise ValueError("its array is not of bytes, row after row")
    made.content = np.frombuffer(content, np.uint8).reshape(shape)
    return made


def parse_pickled(content: bytes) -> dict[str, Any]:
    """The entries of a pickled batch, such as `data_batch_1`, or of `batches.meta`.

    Args:
      content: of the file.

    Returns:
      Arrays, lists and numbers by name; texts as `str`.

    Raises:
      ValueError: if it is damaged, or holds anything else.

    >>> import pickle
    >>> parse_pickled(pickle.dumps({b"labels": [6, 9]}, protocol=2))
    {'labels': [6, 9]}
    """
    made = Machine(_ADMITTED, "CIFAR batch", build=_build).run(pickletools.genops(content))
    if not isinstance(made, dict):
        raise ValueError(f"it holds a {type(made).__name__}; it must be a dict")
    return {_text(key): _value(value) for key, value in made.items()}


def parse_batch(content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """The images and labels of a pickled batch.

    Args:
      content: of the file.

    Returns:
      (uint8 [N, 32, 32, 3], int [N]).

    Raises:
      ValueError: if it is damaged, or no such batch.
    """
    found = parse_pickled(content)
    data, labels = found.get("data"), found.get("labels")
    if not isinstance(data, np.ndarray) or data.ndim != 2 or data.shape[1] != _BYTES:
        raise ValueError(f"its data are not an array of bytes, [N, {_BYTES}]")
    if not isinstance(labels, list) or not all(
        type(one) is int and 0 <= one < 2**31 for one in labels
    ):
        raise ValueError("its labels are not a list of integers from 0 on")
    if len(labels) != len(data):
        raise ValueError(f"it has {len(labels)} labels of {len(data)} images")
    return _images(data), np.array(labels)


def parse_binary(content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """The images and labels of a file of the binary version, such as `data_batch_1.bin`.

    Args:
      content: of the file.

    Returns:
      As `parse_batch`.

    Raises:
      ValueError: if it has not so many bytes.

    >>> images, labels = parse_binary(bytes([7]) + bytes(3072))
    >>> images.shape, labels.tolist()
    ((1, 32, 32, 3), [7])
    """
    if not content or len(content) % (1 + _BYTES):
        raise ValueError(f"it has {len(content)} bytes; it must be a multiple of {1 + _BYTES}")
    rows = np.frombuffer(content, np.uint8).reshape(-1, 1 + _BYTES)
    return _images(rows[:, 1:]), rows[:, 0].astype(int)


def _is_class(label: Any) -> bool:
    return type(label) is int and 0 <= label < 2**31


def _images(data: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.moveaxis(data.reshape(-1, *SHAPE), 1, -1))


def _text(value: Any) -> Any:
    return value.decode("latin1") if isinstance(value, bytes) else value


def _value(value: Any) -> Any:
    if isinstance(value, _Array):
        return value.content
    return [_text(one) for one in value] if isinstance(value, list) else _text(value)
