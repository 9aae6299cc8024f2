"""PyTorch state files without PyTorch, deterministic weights, and where reference values are."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jaxgan.features.lpips import recipe
from jaxgan.features.weights import Published, Recipe

REFERENCES = Path(
    os.environ.get("JAXGAN_REFERENCES_DIR", Path(__file__).parents[3] / "shared/references")
)
METRICS = REFERENCES / "metrics"

needs_references = pytest.mark.skipif(
    not METRICS.is_dir(), reason="no reference values; JAXGAN_REFERENCES_DIR says where they are"
)


def inception_array(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """The weights for which the reference values were computed."""
    draw = np.random.RandomState(zlib.crc32(name.encode()) & 0xFFFFFFFF)
    if name.endswith("num_batches_tracked"):
        return np.zeros(shape, np.int64)
    if name.endswith("running_mean"):
        return (draw.randn(*shape) * 0.05).astype(np.float32)
    if name.endswith("running_var"):
        return (0.5 + draw.rand(*shape)).astype(np.float32)
    if name.endswith("bn.weight"):
        return (0.8 + 0.4 * draw.rand(*shape)).astype(np.float32)
    if name.endswith("bias"):
        return (draw.randn(*shape) * 0.05).astype(np.float32)
    return (draw.randn(*shape) * np.sqrt(2.0 / np.prod(shape[1:]))).astype(np.float32)


def lpips_array(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """As `inception_array`; the heads are not negative."""
    draw = np.random.RandomState(zlib.crc32(name.encode()))
    if name.startswith("lin"):
        return np.abs(draw.randn(*shape)).astype(np.float32)
    return inception_array(name, shape)


def lpips_arrays(network: str) -> dict[str, np.ndarray]:
    """Deterministic weights as jaxgan keeps them."""
    own = recipe(network)
    shapes = own.state_shapes()
    return own.convert({name: lpips_array(name, shape) for name, shape in shapes.items()})


class Global:
    """Pickled as the name of something, which need not exist."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name


class Call:
    """Pickled as the call of a `Global`."""

    def __init__(self, function: Global, *args: Any) -> None:
        self.function, self.args = function, args


class StorageId(tuple[Any, ...]):
    """Pickled as a persistent id."""


Pickler: Any = vars(pickle)["_Pickler"]  # the one in Python


class _Pickler(Pickler):
    """Writes names without importing them."""

    def persistent_id(self, obj: Any) -> Any:
        return tuple(obj) if isinstance(obj, StorageId) else None

    def save(self, obj: Any, save_persistent_id: bool = True) -> None:
        if isinstance(obj, Global):
            self.write(pickle.GLOBAL + f"{obj.module}\n{obj.name}\n".encode())
        elif isinstance(obj, Call):
            self.save(obj.function)
            self.save(obj.args)
            self.write(pickle.REDUCE)
        else:
            super().save(obj, save_persistent_id)


def pickled(content: Any) -> bytes:
    buffer = io.BytesIO()
    _Pickler(buffer, protocol=2).dump(content)
    return buffer.getvalue()


def tensor(
    key: str,
    size: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...] | None = None,
    *,
    offset: int = 0,
    storage: str = "FloatStorage",
) -> Call:
    if strides is None:
        strides = tuple(int(np.prod(shape[axis + 1 :])) for axis in range(len(shape)))
    place = StorageId(("storage", Global("torch", storage), key, "cpu", size))
    hooks = Call(Global("collections", "OrderedDict"))
    rebuild = Global("torch._utils", "_rebuild_tensor_v2")
    return Call(rebuild, place, offset, shape, strides, False, hooks)


def write_zip(
    path: Path, content: Any, storages: Mapping[str, bytes], compression: int = zipfile.ZIP_STORED
) -> None:
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("state/data.pkl", pickled(content))
        for key, numbers in storages.items():
            archive.writestr(f"state/data/{key}", numbers)


def write_state(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """A state file as PyTorch writes them."""
    kinds = {"float32": "FloatStorage", "int64": "LongStorage"}
    content, storages = {}, {}
    for index, (name, array) in enumerate(arrays.items()):
        kind = kinds[array.dtype.name]
        content[name] = tensor(str(index), array.size, array.shape, storage=kind)
        storages[str(index)] = np.ascontiguousarray(array).tobytes()
    write_zip(path, content, storages)


def small_recipe() -> Recipe:
    """Of a network with one matrix, of which PyTorch keeps the transpose."""
    return Recipe(
        "small",
        (Published("small.pth", "https://example.org/small.pth", "ab" * 32),),
        lambda: {"fc.weight": (3, 2)},
        lambda name: name.endswith("num_batches_tracked"),
        lambda: {"fc/kernel": (2, 3)},
        lambda state: {"fc/kernel": state["fc.weight"].T},
    )
