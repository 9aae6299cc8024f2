"""Checkpoints of a training run: the only file that imports Orbax.

A checkpoint is one directory named after its step. Orbax writes it under a temporary name and
renames it when every byte is there, so a directory with a plain number is complete. It holds a
flat dict from leaf path (`params/gen/Dense_0/kernel`) to array, and, as custom metadata in JSON,
the shape and dtype of each leaf and the state of the data stream.
"""

from __future__ import annotations

import logging
import shutil
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils
from orbax.checkpoint import v1 as ocp

from jaxgan.typing import Array, PyTree

_LOGGER = logging.getLogger("jaxgan.checkpoint")
_DELETED = ".deleted"
_TEMPORARY = ".orbax-checkpoint-tmp"


class CheckpointError(ValueError):
    """A checkpoint that is missing, damaged, or of another structure than what is asked for."""


class _Pending(Protocol):
    def result(self) -> Any: ...


class Checkpoints:
    """The checkpoints of one run, in one directory.

    Opening and reading change nothing on disk, so a run in progress can be sampled or evaluated
    from another process; the first `save` clears what a crashed run left half-written. In a
    multi-process run every process makes the same calls.

    Args:
      directory: where the checkpoints are; created by the first save.
      keep: how many of the newest checkpoints stay.

    Raises:
      ValueError: if `keep` is below 1.

    >>> import tempfile
    >>> state = {"step": jnp.int32(5), "key": jax.random.key(0), "opt_state": ()}
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     checkpoints = Checkpoints(Path(directory))
    ...     checkpoints.save(5, state, {"batch": 40})
    ...     checkpoints.wait()
    ...     step, restored, data_state = checkpoints.restore(state)
    >>> step, restored["key"] == state["key"], data_state
    (5, Array(True, dtype=bool), {'batch': 40})
    """

    def __init__(self, directory: Path, *, keep: int = 3) -> None:
        if keep < 1:
            raise ValueError(f"keep is {keep}; at least one checkpoint must be kept")
        self._directory = Path(directory).absolute()
        self._keep = keep
        self._pending: tuple[int, _Pending] | None = None
        self._cleared = False

    def save(self, step: int, state: PyTree, data_state: dict[str, int]) -> None:
        """Starts writing a checkpoint; returns when `state` is copied and may be donated.

        A run that went back to an earlier checkpoint writes its future anew: one at `step` is
        replaced, and those beyond it are dropped when this one is complete. A save that is still
        under way is waited for.

        Args:
          step: number of steps done, the checkpoint's name.
          state: a pytree of JAX arrays: any shapes, dtypes and shardings, typed PRNG keys too.
          data_state: what the data stream needs to go on from here.

        Raises:
          CheckpointError: if a leaf of `state` is no JAX array, or two leaves have one path.
          Exception: what went wrong in the background during the save before this one.
        """
        leaves = _named_leaves(state)
        for name, leaf in leaves.items():
            if not isinstance(leaf, jax.Array):
                raise CheckpointError(f"{name} is a {type(leaf).__name__}; must be a JAX array")
        self.wait()
        if jax.process_index() == 0:
            self._prepare(step)
        if jax.process_count() > 1:
            # Or another process would still see the checkpoint that is being dropped.
            multihost_utils.sync_global_devices(f"jaxgan checkpoint {step}")
        response = ocp.save_async(
            self._directory / str(step),
            # Orbax stores no array without elements; the shape below says all of it.
            {name: _raw(leaf) for name, leaf in leaves.items() if leaf.size},
            custom_metadata={
                "data_state": {name: int(value) for name, value in data_state.items()},
                "leaves": {name: _signature(leaf) for name, leaf in leaves.items()},
            },
        )
        self._pending = (step, response)

    def steps(self) -> list[int]:
        """The steps of the complete checkpoints, oldest first; half-written ones are left out."""
        if not self._directory.is_dir():
            return []
        names = [path.name for path in self._directory.iterdir() if path.is_dir()]
        steps = sorted(int(name) for name in names if name.isascii() and name.isdigit())
        return [step for step in steps if ocp.is_orbax_checkpoint(self._directory / str(step))]

    def restore(
        self, state_like: PyTree, step: int | None = None
    ) -> tuple[int, PyTree, dict[str, int]]:
        """Reads a checkpoint back, bit for bit.

        Args:
          state_like: structure, shapes, dtypes and shardings: arrays or ShapeDtypeStructs. A leaf
            without a sharding, or an uncommitted array, comes back uncommitted.
          step: which one; None takes the newest that can be read, and logs one warning line for
            each newer one that cannot.

        Returns:
          (step, state, data_state).

        Raises:
          CheckpointError: in one line: there is none, none can be read, or the first leaf that
            differs from `state_like`, with what was expected and what was found.
        """
        like = _named_leaves(state_like)
        steps = self.steps()
        if step is not None and step not in steps:
            raise CheckpointError(f"no checkpoint of step {step} in {self._directory}, has {steps}")
        reasons = []
        for candidate in reversed(steps) if step is None else [step]:
            try:
                leaves, data_state = self._load(candidate, like)
            except CheckpointError:
                raise
            except Exception as error:
                # Whatever a damaged file makes Orbax and TensorStore raise, older ones may do.
                reason = f"checkpoint {candidate} cannot be read: {_one_line(error)}"
                reasons.append(reason)
                if step is None:
                    _LOGGER.warning("%s", reason)
                continue
            treedef = jax.tree.structure(state_like)
            return candidate, jax.tree.unflatten(treedef, leaves), data_state
        raise CheckpointError("; ".join(reasons) or f"no checkpoint in {self._directory}")

    def wait(self) -> None:
        """Waits until the save under way is complete on disk, and drops what it supersedes."""
        pending, self._pending = self._pending, None
        if pending is None:
            return
        saved, response = pending
        response.result()
        if jax.process_index() == 0:
            steps = self.steps()
            kept = [step for step in steps if step <= saved][-self._keep :]
            for step in steps:
                if step not in kept:
                    self._delete(step)

    def close(self) -> None:
        """Completes the save under way; saving again afterwards is allowed."""
        self.wait()

    def _load(self, step: int, like: dict[str, Any]) -> tuple[list[Array], dict[str, int]]:
        """The leaves in the order of `like`, once the structure is known to agree."""
        path = self._directory / str(step)
        metadata = ocp.metadata(path).custom_metadata
        _check_structure(step, like, metadata["leaves"])
        raw_like = {name: _raw_like(leaf) for name, leaf in like.items() if _size(leaf)}
        found = ocp.load(path, raw_like)
        leaves = [_typed(found.get(name), leaf) for name, leaf in like.items()]
        return leaves, dict(metadata["data_state"])

    def _prepare(self, step: int) -> None:
        """Makes room for the checkpoint of `step`."""
        self._directory.mkdir(parents=True, exist_ok=True)
        if not self._cleared:
            for path in self._directory.iterdir():
                if path.name.endswith(_DELETED) or _TEMPORARY in path.name:
                    shutil.rmtree(path)
            self._cleared = True
        if (self._directory / str(step)).exists():
            self._delete(step)

    def _delete(self, step: int) -> None:
        """Renames first, so that a crash half way leaves no damaged checkpoint in the list."""
        path = self._directory / str(step)
        shutil.rmtree(path.rename(path.with_name(path.name + _DELETED)))


def _named_leaves(tree: PyTree) -> dict[str, Any]:
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


def _size(leaf: Any) -> int:
    return int(np.prod(leaf.shape))


def _signature(leaf: Any) -> str:
    """Dtype and shape, `float32[8,4]`; `key<fry>[]` for one typed key."""
    return f"{leaf.dtype}[{','.join(map(str, leaf.shape))}]"


def _raw(leaf: Array) -> Array:
    """What is stored: a typed key as its integers."""
    return jax.random.key_data(leaf) if _is_key(leaf) else leaf


def _raw_like(leaf: Any) -> Any:
    """What Orbax is asked for: a sharded array, or NumPy for a leaf that may go anywhere."""
    raw = jax.eval_shape(jax.random.key_data, leaf) if _is_key(leaf) else leaf
    if not _is_placed(leaf):
        return np.empty(raw.shape, raw.dtype)
    # Valid for a key's integers too: what a sharding does not name is not split.
    return jax.ShapeDtypeStruct(raw.shape, raw.dtype, sharding=leaf.sharding)


def _is_placed(leaf: Any) -> bool:
    """Whether a leaf belongs on given devices."""
    return getattr(leaf, "sharding", None) is not None and getattr(leaf, "committed", True)


def _typed(found: Any, leaf: Any) -> Array:
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


def _check_structure(step: int, like: dict[str, Any], found: dict[str, str]) -> None:
    """Raises a CheckpointError for the first leaf that differs."""
    names = [*like, *(name for name in found if name not in like)]
    for name in names:
        expected = _signature(like[name]) if name in like else "nothing"
        stored = found.get(name, "nothing")
        if expected != stored:
            raise CheckpointError(f"checkpoint {step}: {name}: expected {expected}, found {stored}")


def _one_line(error: Exception) -> str:
    """The type and the first line that says something, at most 200 characters."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:200] if lines else 'no message'}"
