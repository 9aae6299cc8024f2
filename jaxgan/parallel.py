"""Where things are computed: meshes and shardings, the only file that names devices.

A step is one program over the global batch. Under `jit` with these shardings the batch is split
over the mesh and the state is replicated, and what the step computes does not depend on how many
devices there are.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jaxgan.typing import Batch, Key

DATA_AXIS = "data"


def make_mesh(num_devices: int | None = None) -> Mesh:
    """A one-dimensional mesh over devices, along which batches are split.

    Args:
      num_devices: how many to use; all of them by default.

    Returns:
      A mesh with the axis `data`.

    Raises:
      ValueError: if there are not so many devices.

    Example:
      >>> make_mesh(1).shape["data"]
      1
    """
    devices = jax.devices()
    num = len(devices) if num_devices is None else num_devices
    if not 1 <= num <= len(devices):
        raise ValueError(f"num_devices is {num_devices}; there are 1 to {len(devices)} to use")
    return Mesh(np.asarray(devices[:num]), (DATA_AXIS,), axis_types=(AxisType.Auto,))


def replicated(mesh: Mesh) -> NamedSharding:
    """The sharding of a state: a full copy on every device.

    Args:
      mesh: the devices.

    Returns:
      A sharding for arrays of any rank.

    Example:
      >>> tuple(replicated(make_mesh(1)).spec)
      ()
    """
    return NamedSharding(mesh, PartitionSpec())


def batch_sharding(mesh: Mesh, num_batches: tuple[int, ...]) -> NamedSharding:
    """The sharding of a batch: split along the batch axis, behind the leading axes.

    Args:
      mesh: the devices.
      num_batches: the leading axes of an algorithm's batch.

    Returns:
      A sharding for arrays of shape `[*num_batches, B, ...]`.

    Example:
      >>> tuple(batch_sharding(make_mesh(1), (10, 2)).spec)
      (None, None, 'data')
    """
    return NamedSharding(mesh, PartitionSpec(*(None for _ in num_batches), DATA_AXIS))


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
    sharding = NamedSharding(mesh, PartitionSpec(DATA_AXIS))

    def sharded(key: Key, num: int) -> Batch:
        return jax.lax.with_sharding_constraint(sample(key, num), sharding)

    return sharded


def check_batch_size(batch_size: int, mesh: Mesh) -> None:
    """Raises unless the devices divide the batch.

    Args:
      batch_size: examples in the global batch.
      mesh: the devices.

    Raises:
      ValueError: naming both numbers.

    Example:
      >>> check_batch_size(64, make_mesh(1))
    """
    num = math.prod(mesh.shape.values())
    if batch_size % num:
        raise ValueError(f"batch_size is {batch_size}, which {num} devices do not divide")
