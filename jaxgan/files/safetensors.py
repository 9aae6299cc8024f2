"""Files of the safetensors format: a length, a JSON header of that length, then the numbers."""

from __future__ import annotations

import math
import os
import struct
from typing import IO, Any

import ml_dtypes
import numpy as np

from jaxgan.core.errors import FileError
from jaxgan.core.text import one_line
from jaxgan.files.base import reading
from jaxgan.files.json_file import check_json, parse_json

MAX_HEADER_BYTES = 100_000_000
"""As the format has it."""

_DTYPES: dict[str, np.dtype[Any]] = {
    name: np.dtype(kind)
    for name, kind in (
        *(("BOOL", np.bool_), ("U8", np.uint8), ("I8", np.int8)),
        *(("U16", np.uint16), ("I16", np.int16), ("U32", np.uint32), ("I32", np.int32)),
        *(("U64", np.uint64), ("I64", np.int64)),
        *(("F16", np.float16), ("F32", np.float32), ("F64", np.float64)),
        *(("BF16", ml_dtypes.bfloat16),),
        *(("F8_E4M3", ml_dtypes.float8_e4m3fn), ("F8_E5M2", ml_dtypes.float8_e5m2)),
    )
}


def read_safetensors(
    path: str | os.PathLike[str],
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The tensors of a .safetensors file.

    Args:
      path: the file.

    Returns:
      (arrays by name, what the file says of itself).

    Raises:
      FileError: if the file is damaged, or no such file.
      OSError: if it cannot be read.

    Example:
      >>> import tempfile
      >>> header = b'{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}'
      >>> with tempfile.NamedTemporaryFile() as file:
      ...     _ = file.write(struct.pack("<Q", len(header)) + header + bytes([3, 4]))
      ...     file.flush()
      ...     read_safetensors(file.name)
      ({'a': array([3, 4], dtype=uint8)}, {})
    """
    with open(path, "rb") as file, reading(path, "a .safetensors file"):
        total = file.seek(0, os.SEEK_END)
        file.seek(0)
        (length,) = struct.unpack("<Q", file.read(8))
        if length > min(MAX_HEADER_BYTES, total - 8):
            raise FileError(path, f"its header has {length} bytes of {total}")
        header = parse_json(file.read(length), path, dict[str, dict[str, Any]])
        about = check_json(header.pop("__metadata__", {}), path, dict[str, str])
        entries = {name: _entry(path, name, entry) for name, entry in header.items()}
        end = 0
        for name, (_, _, start, stop) in sorted(entries.items(), key=lambda e: e[1][2:]):
            if start != end:
                raise FileError(path, f"tensor {one_line(name)!r} begins at {start}, not at {end}")
            end = stop
        if 8 + length + end != total:
            raise FileError(path, f"it has {total} bytes; its header says {8 + length + end}")
        return {name: _tensor(file, 8 + length, *e) for name, e in entries.items()}, about


Entry = tuple[np.dtype[Any], tuple[int, ...], int, int]


def _entry(path: str | os.PathLike[str], name: str, entry: dict[str, Any]) -> Entry:
    kind, shape, offsets = (entry.get(key) for key in ("dtype", "shape", "data_offsets"))
    if not isinstance(kind, str) or kind not in _DTYPES:
        known = ", ".join(_DTYPES)
        raise FileError(
            path, f"tensor {one_line(name)!r} has dtype {one_line(kind)}; it must be one of {known}"
        )
    numbers = check_json(shape, path, list[int]), check_json(offsets, path, list[int])
    if len(numbers[1]) != 2 or min(*numbers[0], *numbers[1]) < 0:
        raise FileError(path, f"tensor {one_line(name)!r} has {one_line(numbers)}")
    dtype, (start, stop) = _DTYPES[kind], numbers[1]
    if stop - start != math.prod(numbers[0]) * dtype.itemsize:
        raise FileError(
            path,
            f"tensor {one_line(name)!r} of shape {one_line(numbers[0])} has {stop - start} bytes",
        )
    return dtype, tuple(numbers[0]), start, stop


def _tensor(
    file: IO[bytes], base: int, dtype: np.dtype[Any], shape: tuple[int, ...], start: int, stop: int
) -> np.ndarray:
    file.seek(base + start)
    return np.ndarray(shape, dtype, bytearray(file.read(stop - start)))
