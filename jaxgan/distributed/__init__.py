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
from jaxgan.distributed.shards import NO_FUSED_MULTIPLY_ADD, fuses_multiply_add, reproducible

__all__ = [
    "DATA_AXIS",
    "MIN_SIZE",
    "MODEL_AXIS",
    "NO_FUSED_MULTIPLY_ADD",
    "available_bytes",
    "batch_sharding",
    "bytes_on_device",
    "check_batch_size",
    "check_same",
    "connect",
    "fuses_multiply_add",
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
    "reproducible",
    "shard_sampler",
    "shardings_of",
    "split_members",
    "state_shardings",
    "state_template",
]
