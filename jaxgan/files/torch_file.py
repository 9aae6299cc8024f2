"""Reads the tensors of a PyTorch state file without PyTorch, and without running what is in it.

A state file is a pickle, and a pickle is a program that may call any function it names. This reader
runs none: it goes through the operations itself, and knows those that make dicts of tensors. Of
names it knows an ordered dict, the types of storages and the two functions that make a tensor of a
storage, which it replaces by its own; whatever else a file names is refused before it is looked up.
"""

from __future__ import annotations

import io
import math
import pickletools
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NamedTuple

import ml_dtypes
import numpy as np

from jaxgan.files import zip_file
from jaxgan.files.base import reading
from jaxgan.files.pickle_machine import Function, Machine, key_of, shown_plainly

MAX_PICKLE_BYTES = 2**22
"""The part of a file that is a program; that of Inception-v3 has 60 kB."""

MAX_SHARED = 16
"""Numbers that a file stores may be shared by tensors, so many times on average."""

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001

_DTYPES: dict[str, np.dtype[Any]] = {
    "DoubleStorage": np.dtype(np.float64),
    "FloatStorage": np.dtype(np.float32),
    "HalfStorage": np.dtype(np.float16),
    "BFloat16Storage": np.dtype(ml_dtypes.bfloat16),
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


def _rebuild(args: list[Any]) -> _Tensor:
    storage, offset, shape, strides, *_ = args
    if not isinstance(storage, _Storage) or not isinstance(shape, tuple | list):
        raise ValueError("a tensor is not made of a storage and a shape")
    if not isinstance(strides, tuple | list):
        raise ValueError("a tensor is not made of strides")
    shape, strides = tuple(shape), tuple(strides)
    if not all(isinstance(n, int) for n in (offset, *shape, *strides)):
        raise ValueError("a tensor has a shape and strides that are no numbers")
    return _Tensor(storage, offset, shape, strides)


def _ordered_dict(args: list[Any]) -> dict[Any, Any]:
    """Python 2 gives all entries, in one list; later ones are empty at first."""
    pairs = args[0] if args else []
    return {key_of(key): value for key, value in pairs}


_ADMITTED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): Function("OrderedDict", _ordered_dict),
    ("torch._utils", "_rebuild_tensor_v2"): Function("_rebuild_tensor_v2", _rebuild),
    ("torch._utils", "_rebuild_parameter"): Function("_rebuild_parameter", lambda args: args[0]),
    **{("torch", name): _StorageType(dtype) for name, dtype in _DTYPES.items()},
}


def _storage(pid: Any) -> _Storage:
    kind, storage_type, key, _, size, *view = pid
    if kind != "storage" or not isinstance(storage_type, _StorageType) or any(view):
        raise ValueError(f"it refers to a {type(kind).__name__} in a way that is not known")
    if not isinstance(key, str) or not isinstance(size, int) or size < 0:
        raise ValueError(f"it has a storage {shown_plainly(key)} of {shown_plainly(size)} numbers")
    return _Storage(key, storage_type.dtype, size)


def _build(made: Any, state: Any) -> Any:
    """The attributes of an ordered dict, such as the versions of modules, are left out."""
    if not isinstance(made, dict):
        raise ValueError(f"it alters a {type(made).__name__}")
    return made


def _unpickled(content: bytes) -> tuple[Any, int]:
    """What a pickle makes, and how many bytes it has."""
    buffer = io.BytesIO(content)
    machine = Machine(_ADMITTED, "file of tensors", _storage, _build)
    made = machine.run(pickletools.genops(buffer))
    return made, buffer.tell()


def read_torch_state(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a file that `torch.save(module.state_dict(), path)` has written.

    Both formats are read: the zip archives since PyTorch 1.6, and the older one, in which most
    published weights are.

    Args:
      path: the file.

    Returns:
      Arrays by name, as they are in the file.

    Raises:
      FileError: if it is no such file, is damaged, or names anything but tensors.
      OSError: if it cannot be read.

    >>> import pickle, tempfile
    >>> from jaxgan.files import FileError
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "not.pth"
    ...     _ = path.write_bytes(pickle.dumps(print))
    ...     try:
    ...         read_torch_state(path)
    ...     except FileError as error:
    ...         print(error.reason.partition("(")[2])
    it names builtins.print, which no file of tensors needs: refused)
    """
    with path.open("rb") as file, reading(path, "a PyTorch state file"):
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                return _read_zip(archive, file)
        file.seek(0)
        return _read_legacy(file)


def _read_zip(archive: zipfile.ZipFile, file: IO[bytes]) -> dict[str, np.ndarray]:
    # PyTorch compresses nothing.
    entries = zip_file.entries(archive, file, max_unpacked_bytes=0)
    found = [name for name in entries if name.endswith("/data.pkl") and name.count("/") == 1]
    if len(found) != 1:
        raise ValueError("it is an archive without one data.pkl; it must be a state file")
    root = found[0].removesuffix("data.pkl")
    if any(name.startswith(f"{root}code/") for name in entries):
        raise ValueError("it is a TorchScript program; it must be a state file")

    def entry(name: str, most: int) -> bytes:
        if name not in entries:
            raise ValueError(f"it has no entry {name!r}")
        return zip_file.read(archive, entries[name], most)

    order = f"{root}byteorder"
    if order in entries and entry(order, len("little")) != b"little":
        raise ValueError("its numbers are big-endian; they must be little-endian")

    def load(storage: _Storage) -> bytes:
        return entry(f"{root}data/{storage.key}", storage.size * storage.dtype.itemsize)

    content, _ = _unpickled(entry(found[0], MAX_PICKLE_BYTES))
    return _arrays(_tensors(content), load)


def _read_legacy(file: IO[bytes]) -> dict[str, np.ndarray]:
    """Four pickles, a list of keys, then for each of them its size and its numbers."""

    def load() -> Any:
        start = file.tell()
        content, size = _unpickled(file.read(MAX_PICKLE_BYTES))
        file.seek(start + size)
        return content

    if load() != _MAGIC or load() != _PROTOCOL:
        raise ValueError("it does not begin as a PyTorch state file does")
    system = load()
    if not isinstance(system, dict) or not system.get("little_endian"):
        raise ValueError("its numbers are big-endian; they must be little-endian")
    tensors = _tensors(load())
    storages = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    contents = {}
    for key in load():
        if not isinstance(key, str) or key not in storages:
            raise ValueError(f"it has a storage {shown_plainly(key)} that no tensor uses")
        storage = storages[key]
        (size,) = struct.unpack("<q", file.read(8))
        if size != storage.size:
            raise ValueError(
                f"its storage {shown_plainly(key)} has {size} numbers, not {storage.size}"
            )
        contents[key] = _exactly(file, size * storage.dtype.itemsize)
    return _arrays(tensors, lambda storage: contents[storage.key])


def _exactly(file: IO[bytes], size: int) -> bytes:
    here = file.tell()
    left = file.seek(0, io.SEEK_END) - here
    if left < size:
        raise ValueError(f"it is truncated: {left} bytes are left of {size}")
    file.seek(here)
    return file.read(size)


def _tensors(content: Any) -> dict[str, _Tensor]:
    if not isinstance(content, dict):
        raise ValueError(f"it holds a {type(content).__name__}; it must be a dict of tensors")
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, _Tensor):
            raise ValueError(
                f"its entry {shown_plainly(name)} is a {type(value).__name__}; all must be tensors"
            )
    return dict(content)


def _arrays(
    tensors: dict[str, _Tensor], load: Callable[[_Storage], bytes]
) -> dict[str, np.ndarray]:
    stored = {tensor.storage.key: tensor.storage.size for tensor in tensors.values()}
    most = max(stored.values(), default=0)  # no tensor has more, as `_view` checks
    sizes = (math.prod(tensor.shape) for tensor in tensors.values())
    total = sum(min(size, most) for size in sizes)
    if total > MAX_SHARED * sum(stored.values()):
        raise ValueError(f"its tensors have {total} numbers, of {sum(stored.values())} stored ones")
    contents: dict[str, np.ndarray] = {}
    arrays = {}
    for name, tensor in tensors.items():
        key, dtype, size = tensor.storage
        if key not in contents:
            content = load(tensor.storage)
            if len(content) != size * dtype.itemsize:
                raise ValueError(f"it is truncated: storage {key} of {name}")
            contents[key] = np.frombuffer(content, np.uint8)
        arrays[name] = _view(name, tensor, contents[key].view(dtype))
    return arrays


def _view(name: str, tensor: _Tensor, storage: np.ndarray) -> np.ndarray:
    """The numbers of a tensor, if all of them are within its storage and none there twice."""
    _, offset, shape, strides = tensor
    if len(shape) != len(strides) or min((offset, *shape, *strides)) < 0:
        raise ValueError(f"its tensor {name} has shape {shape} and strides {strides}")
    if math.prod(shape) == 0:
        return np.zeros(shape, storage.dtype)
    last = offset + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))
    if last >= len(storage) or math.prod(shape) > len(storage):
        raise ValueError(f"its tensor {name} of shape {shape} reaches beyond its storage")
    steps = [stride * storage.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, steps).copy()
