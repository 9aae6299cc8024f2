"""Members of one program over devices: each device trains some of them whole."""

from __future__ import annotations

import math
from pathlib import Path

import jax
from jax import lax
from jax.sharding import Mesh

from jaxgan.core.algorithm import Algorithm
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Batch, Metrics, PyTree
from jaxgan.distributed.sharding import member_shardings, replicated


def members_template(algorithm: Algorithm, mesh: Mesh) -> PyTree:
    """Shapes of a state with members, and how these are split over the devices.

    Args:
      algorithm: whose state has a leading axis of members on every leaf but `step`; the devices
        divide their number.
      mesh: the devices.

    Returns:
      A TrainState of ShapeDtypeStructs with shardings.

    Example:
      >>> from jaxgan.distributed import make_mesh
      >>> from jaxgan.algorithms import simultaneous
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import bilinear
      >>> from jaxgan.optimizers import sgd
      >>> from jaxgan.transforms import seeds
      >>> sgds = {"gen": sgd(0.1), "disc": sgd(0.1)}
      >>> eight = seeds(simultaneous(gradient(bilinear()), optimizers=sgds), num_seeds=8)
      >>> state = members_template(eight, make_mesh(4))
      >>> state.params["gen"].sharding.shard_shape(state.params["gen"].shape)
      (2, 1)
    """
    state = jax.eval_shape(algorithm.init, jax.random.key(0))
    return jax.tree.map(
        lambda x, sharding: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding),
        state,
        member_shardings(state, mesh),
    )


def split_members(algorithm: Algorithm, *, mesh: Mesh) -> Algorithm:
    """Has each device train some members, each with its whole batch.

    Args:
      algorithm: with members, see `members_template`.
      mesh: the devices.

    Returns:
      The same algorithm; what it computes does not depend on the devices.

    Example:
      See `members_template`, which says how its state lies.
    """

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        whole = lax.with_sharding_constraint(batch, replicated(mesh))
        state = lax.with_sharding_constraint(state, member_shardings(state, mesh))
        state, metrics = algorithm.step(state, whole)
        return lax.with_sharding_constraint(state, member_shardings(state, mesh)), metrics

    return algorithm._replace(step=step)


def bytes_on_device(template: PyTree) -> int:
    """The bytes of arrays that lie on one of the devices.

    Args:
      template: ShapeDtypeStructs with shardings.

    Returns:
      Bytes on each.

    Example:
      >>> from jaxgan.distributed import make_mesh
      >>> whole = replicated(make_mesh(2))
      >>> bytes_on_device(jax.ShapeDtypeStruct((8,), "float32", sharding=whole))
      32
    """

    def size(leaf: jax.ShapeDtypeStruct) -> int:
        on_one: int = math.prod(leaf.sharding.shard_shape(leaf.shape)) * leaf.dtype.itemsize
        return on_one

    return sum(size(leaf) for leaf in jax.tree.leaves(template))


def available_bytes(mesh: Mesh) -> int | None:
    """The memory that is there for each of the devices.

    Args:
      mesh: the devices.

    Returns:
      Bytes; of the CPU the free memory of the machine, in equal shares; None where it is not known.

    Example:
      >>> from jaxgan.distributed import make_mesh
      >>> available_bytes(make_mesh(1)) != 0
      True
    """
    device = mesh.local_devices[0]
    limit = (device.memory_stats() or {}).get("bytes_limit")
    if limit:
        return int(limit)
    facts = Path("/proc/meminfo")
    if device.platform != "cpu" or not facts.is_file():
        return None
    lines = dict(line.split(":", 1) for line in facts.read_text().splitlines())
    free = lines.get("MemAvailable", "").split()
    return int(free[0]) * 1024 // len(mesh.local_devices) if free else None
