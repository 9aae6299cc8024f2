"""The leaves of a state as Orbax keeps them: named, typed keys as their data."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.core.errors import CheckpointError
from jaxgan.core.typing import Array, PyTree


def named_leaves(tree: PyTree) -> dict[str, Any]:
    """The leaves by path, `params/gen/Dense_0/kernel`, in the tree's order."""
    named: dict[str, Any] = {}
    for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]:
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        if name in named:
            raise CheckpointError(f"{name} names two leaves; paths must differ")
        named[name] = leaf
    return named


def _is_key(leaf: Any) -> bool:
    return bool(jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key))


def size_of(leaf: Any) -> int:
    """The number of a leaf's elements."""
    return int(np.prod(leaf.shape))


def _signature(leaf: Any) -> str:
    """Dtype and shape, `float32[8,4]`; `key<fry>[]` for one typed key."""
    return f"{leaf.dtype}[{','.join(map(str, leaf.shape))}]"


def signatures(leaves: dict[str, Any]) -> dict[str, str]:
    """Shapes and dtypes by name, as the manifest holds them."""
    return {name: _signature(leaf) for name, leaf in leaves.items()}


def as_data(leaf: Array) -> Array:
    """What is stored: a typed key as its integers."""
    return jax.random.key_data(leaf) if _is_key(leaf) else leaf


def data_like(leaf: Any) -> Any:
    """What Orbax is asked for: a sharded array, or NumPy for a leaf that may go anywhere."""
    raw = jax.eval_shape(jax.random.key_data, leaf) if _is_key(leaf) else leaf
    if not _is_placed(leaf):
        return np.empty(raw.shape, raw.dtype)
    # Valid for a key's integers too: what a sharding does not name is not split.
    return jax.ShapeDtypeStruct(raw.shape, raw.dtype, sharding=leaf.sharding)


def _is_placed(leaf: Any) -> bool:
    """Whether a leaf belongs on given devices."""
    return getattr(leaf, "sharding", None) is not None and getattr(leaf, "committed", True)


def typed_like(found: Any, leaf: Any) -> Array:
    """The stored value as the leaf that was saved; None for an array without elements."""
    if found is None:
        raw = jax.eval_shape(jax.random.key_data, leaf) if _is_key(leaf) else leaf
        empty = np.empty(raw.shape, raw.dtype)
        found = jax.device_put(empty, leaf.sharding) if _is_placed(leaf) else empty
    value = jnp.asarray(found)
    return jax.random.wrap_key_data(value, impl=_key_impl(leaf)) if _is_key(leaf) else value


def _key_impl(leaf: Any) -> str:
    """The generator of a key by name; `jax.random.key_impl` takes no abstract key."""
    for impl in ("threefry2x32", "rbg", "unsafe_rbg"):
        if jax.eval_shape(partial(jax.random.key, 0, impl=impl)).dtype == leaf.dtype:
            return impl
    raise CheckpointError(f"keys of dtype {leaf.dtype} cannot be restored")
