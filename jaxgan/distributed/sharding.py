"""Where things are computed: meshes and shardings.

A step is one program over the global batch. Under `jit` with these shardings the batch is split
over all devices and the state is replicated, or, where the mesh has a `model` axis, its large
leaves are split along that; what the step computes does not depend on how many devices there are.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jax import lax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jaxgan.core.algorithm import Algorithm
from jaxgan.core.errors import bad_value
from jaxgan.core.typing import Batch, Key, PyTree

DATA_AXIS = "data"
MODEL_AXIS = "model"
MIN_SIZE = 2**16
"""Leaves of fewer elements are replicated: splitting them costs more than it saves."""

Rules = Mapping[str, int | None]
"""From a regular expression on a leaf's path to the axis that is split; None for no axis."""


def make_mesh(
    num_devices: int | None = None, *, model: int = 1, devices: Sequence[jax.Device] | None = None
) -> Mesh:
    """A mesh of devices, `data` by `model`.

    Batches are split over both axes, and large leaves of the state along `model`; with `model`
    equal to the number of devices that is fully sharded data parallelism (FSDP).

    Args:
      num_devices: how many to use; all of them by default.
      model: devices over which a large leaf is split; it divides the number of devices.
      devices: to choose from; those of all processes by default, one process after the other, so
        that each holds consecutive examples of a batch.

    Returns:
      A mesh with the axes `data` and `model`.

    Raises:
      ValueError: if there are not so many devices, or `model` does not divide them.

    Example:
      >>> dict(make_mesh(1).shape)
      {'data': 1, 'model': 1}

    References:
      Zhao et al., 2023 (arXiv:2304.11277).
    """
    if devices is None:
        devices = sorted(jax.devices(), key=lambda device: (device.process_index, device.id))
    num = len(devices) if num_devices is None else num_devices
    if not 1 <= num <= len(devices):
        raise ValueError(f"num_devices is {num_devices}; there are 1 to {len(devices)} to use")
    if model < 1 or num % model:
        raise ValueError(f"mesh.model is {model}; it must divide the {num} devices")
    grid = np.asarray(devices[:num]).reshape(num // model, model)
    return Mesh(grid, (DATA_AXIS, MODEL_AXIS), axis_types=(AxisType.Auto, AxisType.Auto))


def replicated(mesh: Mesh) -> NamedSharding:
    """The sharding of what every device has a full copy of.

    Args:
      mesh: the devices.

    Returns:
      A sharding for arrays of any rank.

    Example:
      >>> tuple(replicated(make_mesh(1)).spec)
      ()
    """
    return NamedSharding(mesh, PartitionSpec())


def batch_sharding(mesh: Mesh, num_batches: tuple[int, ...] = ()) -> NamedSharding:
    """The sharding of a batch: split along the batch axis, behind the leading axes.

    Args:
      mesh: the devices.
      num_batches: the leading axes of an algorithm's batch.

    Returns:
      A sharding for arrays of shape `[*num_batches, B, ...]`.

    Example:
      >>> tuple(batch_sharding(make_mesh(1), (10, 2)).spec)
      (None, None, ('data', 'model'))
    """
    return NamedSharding(mesh, PartitionSpec(*(None for _ in num_batches), mesh.axis_names))


def is_host(mesh: Mesh) -> bool:
    """Whether the only device is the CPU, whose memory is that of the data.

    Args:
      mesh: the devices.

    Returns:
      Whether a compiled step may as well be called with NumPy arrays.

    Example:
      >>> is_host(make_mesh(1)), is_host(make_mesh(8))
      (True, False)
    """
    return mesh.size == 1 and mesh.devices.flat[0].platform == "cpu"


def state_shardings(
    state_like: PyTree, mesh: Mesh, rules: Rules | None = None, min_size: int = MIN_SIZE
) -> PyTree:
    """How each leaf of a state lies on the devices, by its path and size.

    The first rule whose expression is found in the leaf's path, such as
    `opt_state/gen/0/mu/Dense_0/kernel`, says which axis is split. Without one, a leaf of at least
    `min_size` elements is split along the longest axis that `model` divides; others are replicated.

    Args:
      state_like: arrays or ShapeDtypeStructs.
      mesh: the devices.
      rules: expressions and axes, in order; negative axes count from the end.
      min_size: elements from which a leaf is split.

    Returns:
      The same tree, of `NamedSharding`.

    Raises:
      ValueError: if a rule is no regular expression, matches no leaf, or names an axis that a leaf
        does not have or that `model` does not divide.

    Example:
      >>> import jax.numpy as jnp
      >>> mesh = make_mesh(4, model=2)
      >>> state = {"kernel": jnp.zeros((8, 1024)), "bias": jnp.zeros(1024)}
      >>> shardings = state_shardings(state, mesh, {"bias": None}, min_size=1)
      >>> {name: tuple(sharding.spec) for name, sharding in shardings.items()}
      {'bias': (), 'kernel': (None, 'model')}
    """
    num = mesh.shape[MODEL_AXIS]
    compiled = _compile_rules(rules or {})
    used = set()

    def sharding(path: tuple[Any, ...], leaf: Any) -> NamedSharding:
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        rule = next((rule for rule in compiled if rule.search(name)), None)
        if rule is None:
            return _along(mesh, _longest_axis(leaf.shape, num) if leaf.size >= min_size else None)
        used.add(rule)
        axis = compiled[rule]
        where = f"mesh.rules: {rule.pattern!r}: {axis!r}; {name} of shape {leaf.shape}"
        if axis is None or leaf.ndim == 0:
            return replicated(mesh)
        if not -leaf.ndim <= axis < leaf.ndim:
            raise ValueError(f"{where} has no such axis")
        if leaf.shape[axis] % num:
            raise ValueError(f"{where} is not divided by the {num} devices of mesh.model")
        return _along(mesh, axis % leaf.ndim)

    shardings = jax.tree_util.tree_map_with_path(sharding, state_like)
    if idle := [rule.pattern for rule in compiled if rule not in used]:
        raise ValueError(f"mesh.rules: {idle[0]!r} is found in no leaf's path")
    return shardings


def _compile_rules(rules: Rules) -> dict[re.Pattern[str], int | None]:
    compiled = {}
    for pattern, axis in rules.items():
        try:
            compiled[re.compile(pattern)] = axis
        except re.error as error:
            raise ValueError(f"mesh.rules: {pattern!r} is no regular expression: {error}") from None
        if isinstance(axis, bool) or not isinstance(axis, int | None):
            raise ValueError(bad_value(f"mesh.rules: {pattern!r}", axis, "an integer or null"))
    return compiled


def _longest_axis(shape: tuple[int, ...], num: int) -> int | None:
    divided = [axis for axis, size in enumerate(shape) if size % num == 0]
    return max(divided, key=lambda axis: shape[axis], default=None)


def _along(mesh: Mesh, axis: int | None) -> NamedSharding:
    if axis is None or mesh.shape[MODEL_AXIS] == 1:
        return replicated(mesh)
    return NamedSharding(mesh, PartitionSpec(*(None for _ in range(axis)), MODEL_AXIS))


def state_template(
    algorithm: Algorithm, mesh: Mesh, rules: Rules | None = None, min_size: int = MIN_SIZE
) -> PyTree:
    """Shapes of a state and how it lies on the devices, nothing computed.

    Args:
      algorithm: whose state.
      mesh: the devices.
      rules: see `state_shardings`.
      min_size: likewise.

    Returns:
      A TrainState of ShapeDtypeStructs with shardings.

    Raises:
      ValueError: as `state_shardings`.

    Example:
      >>> from jaxgan.algorithms import simultaneous
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import bilinear
      >>> from jaxgan.optimizers import sgd
      >>> sgds = {"gen": sgd(0.1), "disc": sgd(0.1)}
      >>> algorithm = simultaneous(gradient(bilinear()), optimizers=sgds)
      >>> state_template(algorithm, make_mesh(2)).step.sharding.mesh.size
      2
    """
    state = jax.eval_shape(algorithm.init, jax.random.key(0))
    return jax.tree.map(
        lambda x, sharding: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding),
        state,
        state_shardings(state, mesh, rules, min_size),
    )


def shardings_of(tree: PyTree) -> PyTree:
    """How arrays lie on the devices.

    Args:
      tree: arrays, or ShapeDtypeStructs with shardings.

    Returns:
      The same tree, of shardings.

    Example:
      >>> import jax.numpy as jnp
      >>> shardings_of({"x": jnp.zeros(2)})["x"].is_fully_replicated
      True
    """
    return jax.tree.map(lambda x: x.sharding, tree)


def members_mesh(num_members: int, devices: Sequence[jax.Device] | None = None) -> Mesh:
    """A mesh over which members side by side are split evenly.

    Args:
      num_members: how many there are.
      devices: to choose from; those of this process by default.

    Returns:
      A mesh of the most devices that divide them.

    Example:
      >>> members_mesh(6).size, members_mesh(7, jax.devices()[:4]).size
      (6, 1)
    """
    found = jax.local_devices() if devices is None else devices
    num = max(num for num in range(1, len(found) + 1) if num_members % num == 0)
    return make_mesh(num, devices=found)


def member_shardings(tree: PyTree, mesh: Mesh) -> PyTree:
    """How members side by side lie on the devices: each on one, as they have nothing in common.

    Args:
      tree: arrays or ShapeDtypeStructs with a leading axis of members; scalars are everywhere.
      mesh: as `members_mesh` gives it.

    Returns:
      The same tree, of `NamedSharding`.

    Example:
      >>> import jax.numpy as jnp
      >>> found = member_shardings({"x": jnp.zeros((4, 3)), "step": jnp.int32(0)}, members_mesh(4))
      >>> {name: tuple(one.spec) for name, one in found.items()}
      {'step': (), 'x': (('data', 'model'),)}
    """
    split = NamedSharding(mesh, PartitionSpec(mesh.axis_names))
    return jax.tree.map(lambda x: split if x.ndim else replicated(mesh), tree)


def jit_step(algorithm: Algorithm, mesh: Mesh, shardings: PyTree) -> Any:
    """The step that a training run dispatches: compiled once, its state donated.

    Args:
      algorithm: what to run.
      mesh: the devices.
      shardings: of the state, as `state_shardings` gives them.

    Returns:
      The jitted (state, batch) -> (state, metrics); metrics are replicated.

    Example:
      >>> from jaxgan.algorithms import simultaneous
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import bilinear
      >>> from jaxgan.optimizers import sgd
      >>> sgds = {"gen": sgd(0.1), "disc": sgd(0.1)}
      >>> algorithm = simultaneous(gradient(bilinear()), optimizers=sgds)
      >>> mesh, state = make_mesh(1), algorithm.init(jax.random.key(0))
      >>> state, _ = jit_step(algorithm, mesh, state_shardings(state, mesh))(state, {})
      >>> int(state.step)
      1
    """
    return jax.jit(
        algorithm.step,
        donate_argnums=0,
        in_shardings=(shardings, batch_sharding(mesh, algorithm.num_batches)),
        out_shardings=(shardings, replicated(mesh)),
    )


def gather(tree: PyTree, mesh: Mesh) -> PyTree:
    """A whole copy on one device of this process, of what lies on all devices of all.

    Args:
      tree: arrays on the mesh. Every process calls this.
      mesh: the devices.

    Returns:
      The tree; in a job of one process just as it is.

    Example:
      >>> import jax.numpy as jnp
      >>> gather({"x": jnp.int32(3)}, make_mesh(1))["x"].item()
      3
    """
    if jax.process_count() == 1:
        return tree
    whole = jax.jit(lambda tree: tree, out_shardings=replicated(mesh))(tree)
    return jax.tree.map(lambda x: x.addressable_data(0), whole)


def shard_sampler(sample: Callable[[Key, int], Batch], mesh: Mesh) -> Callable[[Key, int], Batch]:
    """Splits over the mesh what is sampled on the device.

    Args:
      sample: (key, num) -> batch.
      mesh: the devices.

    Returns:
      The same function, its output split along the first axis.

    Example:
      >>> import jax.numpy as jnp
      >>> sample = shard_sampler(lambda key, num: {"image": jnp.zeros((num, 2))}, make_mesh(1))
      >>> sample(jax.random.key(0), 4)["image"].shape
      (4, 2)
    """
    sharding = batch_sharding(mesh)

    def sharded(key: Key, num: int) -> Batch:
        placed: Batch = lax.with_sharding_constraint(sample(key, num), sharding)
        return placed

    return sharded


def check_batch_size(batch_size: int, mesh: Mesh, num_parts: int = 1) -> None:
    """Raises unless the devices divide the batch.

    Args:
      batch_size: examples in the global batch.
      mesh: the devices.
      num_parts: microbatches, each of which the devices divide too.

    Raises:
      ValueError: naming the numbers.

    Example:
      >>> check_batch_size(64, make_mesh(1))
    """
    num = math.prod(mesh.shape.values())
    if batch_size % (num * num_parts):
        parts = f" in {num_parts} microbatches" if num_parts > 1 else ""
        raise ValueError(f"batch_size is {batch_size}, which {num} devices do not divide{parts}")
