"""Reads the tensors of a PyTorch state file without PyTorch, and without running what is in it.

A state file is a pickle, and a pickle is a program that may call any function it names. This reader
knows an ordered dict, the types of storages and the two functions that make a tensor of a storage,
which it replaces by its own; whatever else a file names is refused before it is looked up.
"""

from __future__ import annotations

import io
import math
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxgan.features.base import FeatureError

MAX_PICKLE_BYTES = 2**24
"""The part of a file that is a program; that of Inception-v3 has 60 kB."""

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001

_DTYPES: dict[str, np.dtype[Any]] = {
    "DoubleStorage": np.dtype(np.float64),
    "FloatStorage": np.dtype(np.float32),
    "HalfStorage": np.dtype(np.float16),
    "BFloat16Storage": np.dtype(jnp.bfloat16),
    "LongStorage": np.dtype(np.int64),
    "IntStorage": np.dtype(np.int32),
    "ShortStorage": np.dtype(np.int16),
    "CharStorage": np.dtype(np.int8),
    "ByteStorage": np.dtype(np.uint8),
    "BoolStorage": np.dtype(np.bool_),
}


class _StorageType(NamedTuple):
    dtype: np.dtype[Any]


class _Storage(NamedTuple):
    key: str
    dtype: np.dtype[Any]
    size: int


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Rebuild:
    """Takes the place of torch._utils._rebuild_tensor_v2; it has nothing that could be altered."""

    __slots__ = ()

    def __call__(
        self, storage: Any, offset: Any, shape: Any, strides: Any, *unused: Any
    ) -> _Tensor:
        return _Tensor(storage, offset, tuple(shape), tuple(strides))


class _Unwrap:
    """Takes the place of torch._utils._rebuild_parameter: a parameter is its tensor."""

    __slots__ = ()

    def __call__(self, tensor: Any, *unused: Any) -> Any:
        return tensor


_ADMITTED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _Rebuild(),
    ("torch._utils", "_rebuild_parameter"): _Unwrap(),
    **{("torch", name): _StorageType(dtype) for name, dtype in _DTYPES.items()},
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ADMITTED:
            raise FeatureError(f"it names {module}.{name}, which no file of tensors needs: refused")
        return _ADMITTED[module, name]

    def persistent_load(self, pid: Any) -> _Storage:
        kind, storage_type, key, _, size, *view = pid
        if kind != "storage" or not isinstance(storage_type, _StorageType) or any(view):
            raise FeatureError(f"it refers to {kind!r} in a way that is not known")
        if not isinstance(key, str) or not isinstance(size, int) or size < 0:
            raise FeatureError(f"it has a storage {key!r} of {size!r} numbers")
        return _Storage(key, storage_type.dtype, size)


def read_torch_state(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a file that `torch.save(module.state_dict(), path)` has written.

    Both formats are read: the zip archives since PyTorch 1.6, and the older one, in which most
    published weights are.

    Args:
      path: the file.

    Returns:
      Arrays by name, as they are in the file.

    Raises:
      FeatureError: if it is no such file, is damaged, or names anything but tensors.
      OSError: if it cannot be read.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "not.pth"
    ...     _ = path.write_bytes(pickle.dumps(print))
    ...     try:
    ...         read_torch_state(path)
    ...     except FeatureError as error:
    ...         print(str(error).partition(": ")[2])
    it names builtins.print, which no file of tensors needs: refused
    """
    try:
        with path.open("rb") as file:
            if zipfile.is_zipfile(file):
                with zipfile.ZipFile(file) as archive:
                    return _read_zip(archive)
            file.seek(0)
            return _read_legacy(file)
    except FeatureError as error:
        raise FeatureError(f"{path}: {error}") from error
    except OSError:
        raise
    except Exception as error:  # what a damaged pickle or archive raises has no common base
        reason = " ".join(str(error).split()) or type(error).__name__
        raise FeatureError(
            f"{path}: it cannot be read as a PyTorch state file ({reason})"
        ) from error


def _read_zip(archive: zipfile.ZipFile) -> dict[str, np.ndarray]:
    entries = {info.filename: info for info in archive.infolist()}
    found = [name for name in entries if name.endswith("/data.pkl") and name.count("/") == 1]
    if len(found) != 1:
        raise FeatureError("it is an archive without one data.pkl; it must be a state file")
    root = found[0].removesuffix("data.pkl")
    if any(name.startswith(f"{root}code/") for name in entries):
        raise FeatureError("it is a TorchScript program; it must be a state file")
    if f"{root}byteorder" in entries and archive.read(f"{root}byteorder") != b"little":
        raise FeatureError("its numbers are big-endian; they must be little-endian")

    def entry(name: str, most: int) -> bytes:
        info = entries[name]
        if info.file_size > most or info.compress_type != zipfile.ZIP_STORED:
            raise FeatureError(f"its entry {name} has {info.file_size} bytes; at most {most}")
        return archive.read(info)

    def load(storage: _Storage) -> bytes:
        return entry(f"{root}data/{storage.key}", storage.size * storage.dtype.itemsize)

    tensors = _tensors(_Unpickler(io.BytesIO(entry(found[0], MAX_PICKLE_BYTES))).load())
    return _arrays(tensors, load)


def _read_legacy(file: IO[bytes]) -> dict[str, np.ndarray]:
    """Four pickles, a list of keys, then for each of them its size and its numbers."""

    def load() -> Any:
        start = file.tell()
        content = _Unpickler(file).load()
        if file.tell() - start > MAX_PICKLE_BYTES:
            raise FeatureError(f"a pickle of more than {MAX_PICKLE_BYTES} bytes")
        return content

    if load() != _MAGIC or load() != _PROTOCOL:
        raise FeatureError("it does not begin as a PyTorch state file does")
    system = load()
    if not isinstance(system, dict) or not system.get("little_endian"):
        raise FeatureError("its numbers are big-endian; they must be little-endian")
    tensors = _tensors(load())
    storages = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    contents = {}
    for key in load():
        if key not in storages:
            raise FeatureError(f"it has a storage {key!r} that no tensor uses")
        storage = storages[key]
        (size,) = struct.unpack("<q", file.read(8))
        if size != storage.size:
            raise FeatureError(f"its storage {key} has {size} numbers, not {storage.size}")
        contents[key] = file.read(size * storage.dtype.itemsize)
    return _arrays(tensors, lambda storage: contents[storage.key])


def _tensors(content: Any) -> dict[str, _Tensor]:
    if not isinstance(content, dict):
        raise FeatureError(f"it holds a {type(content).__name__}; it must be a dict of tensors")
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, _Tensor):
            raise FeatureError(
                f"its entry {name!r} is a {type(value).__name__}; all must be tensors"
            )
        if not isinstance(value.storage, _Storage):
            raise FeatureError(f"its tensor {name} has no storage")
    return dict(content)


def _arrays(
    tensors: dict[str, _Tensor], load: Callable[[_Storage], bytes]
) -> dict[str, np.ndarray]:
    contents: dict[str, np.ndarray] = {}
    arrays = {}
    for name, tensor in tensors.items():
        key, dtype, size = tensor.storage
        if key not in contents:
            content = load(tensor.storage)
            if len(content) != size * dtype.itemsize:
                raise FeatureError(f"it is truncated: storage {key} of {name}")
            contents[key] = np.frombuffer(content, np.uint8)
        arrays[name] = _view(name, tensor, contents[key].view(dtype))
    return arrays


def _view(name: str, tensor: _Tensor, storage: np.ndarray) -> np.ndarray:
    """The numbers of a tensor, if all of them are within its storage and none there twice."""
    _, offset, shape, strides = tensor
    numbers = (offset, *shape, *strides)
    if len(shape) != len(strides) or not all(isinstance(n, int) and n >= 0 for n in numbers):
        raise FeatureError(f"its tensor {name} has shape {shape} and strides {strides}")
    if math.prod(shape) == 0:
        return np.zeros(shape, storage.dtype)
    last = offset + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))
    if last >= len(storage) or math.prod(shape) > len(storage):
        raise FeatureError(f"its tensor {name} of shape {shape} reaches beyond its storage")
    steps = [stride * storage.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, steps).copy()
