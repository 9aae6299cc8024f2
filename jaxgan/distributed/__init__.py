"""Devices and processes: the only package that names them."""

from jaxgan.distributed.agreement import check_same
from jaxgan.distributed.members import (
    available_bytes,
    bytes_on_device,
    members_template,
    split_members,
)
from jaxgan.distributed.platforms import memory_bytes
from jaxgan.distributed.processes import connect
from jaxgan.distributed.replicas import replica_mean
from jaxgan.distributed.sharding import (
    DATA_AXIS,
    MIN_SIZE,
    MODEL_AXIS,
    batch_sharding,
    check_batch_size,
    gather,
    is_host,
    jit_step,
    make_mesh,
    member_shardings,
    members_mesh,
    replicated,
    shard_sampler,
    shardings_of,
    state_shardings,
    state_template,
)

__all__ = [
    "DATA_AXIS",
    "MIN_SIZE",
    "MODEL_AXIS",
    "available_bytes",
    "batch_sharding",
    "bytes_on_device",
    "check_batch_size",
    "check_same",
    "connect",
    "gather",
    "is_host",
    "jit_step",
    "make_mesh",
    "member_shardings",
    "members_mesh",
    "members_template",
    "memory_bytes",
    "replica_mean",
    "replicated",
    "shard_sampler",
    "shardings_of",
    "split_members",
    "state_shardings",
    "state_template",
]
