"""Checkpoints of two real processes: written together, chosen together, read back by any number."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from jaxgan.checkpoint import manifest
from jaxgan.checkpoint.checkpointer import Checkpoints
from jaxgan.checkpoint.directory import Best
from tests.jobs import HANGS

CHILD = """
import logging, os, sys
from pathlib import Path
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec

index, port, directory = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
jax.distributed.initialize(f"localhost:{port}", 2, index)
from jaxgan.checkpoint.directory import Best
from jaxgan.checkpoint.checkpointer import Checkpoints
from jaxgan.core.errors import CheckpointError, NoCheckpointError

logging.getLogger("jaxgan").addHandler(logging.StreamHandler(sys.stdout))
mesh = jax.make_mesh((4,), ("data",), axis_types=(AxisType.Auto,))
split = NamedSharding(mesh, PartitionSpec("data"))
whole = NamedSharding(mesh, PartitionSpec())

def make(step):
    rows = jax.make_array_from_callback((8, 3), split, lambda at: step * np.ones((8, 3))[at])
    return {"rows": rows, "key": jax.jit(lambda: jax.random.key(7), out_shardings=whole)()}

def same(found, step):
    return all((np.asarray(s.data) == step).all() for s in found["rows"].addressable_shards)

checkpoints = Checkpoints(directory, keep=2, best=Best("fid"))
try:
    checkpoints.restore(make(0))
except NoCheckpointError:
    print("none there")
for step, fid in ((1, 5.0), (2, 7.0), (2**33, 6.0), (2**33 + 1, 8.0)):
    checkpoints.save(step, make(step), {"batch": step}, {"fid": fid})
    checkpoints.wait()
    # Complete when any process is told so.
    assert step in checkpoints.steps(), step
print(checkpoints.steps(), checkpoints.best_step())
found, state, data_state = checkpoints.restore(make(0))
print(found, data_state, same(state, found), state["rows"].sharding == split)
if index == 0:
    (directory / str(2**33 + 1) / "state" / "_METADATA").unlink()
jax.experimental.multihost_utils.sync_global_devices("damaged")
found, state, data_state = checkpoints.restore(make(0))
print(found, data_state, same(state, found))
try:
    checkpoints.restore({**make(0), "more": make(0)["rows"]})
except CheckpointError as error:
    print(error)
# Process 0 cannot write: both are told, and both go on.
directory.chmod(0o755)
from jaxgan.checkpoint.directory import Archive
publish = Archive.publish
def fail(*_):
    raise OSError(28, "No space left on device")
Archive.publish = fail
checkpoints.save(5, make(5), {"batch": 5})
try:
    checkpoints.wait()
except CheckpointError as error:
    print(str(error).replace(str(directory), "DIR"))
Archive.publish = publish
checkpoints.save(2**34, make(9), {"batch": 9})
checkpoints.close()
print(checkpoints.steps())
"""


def run_two(directory: Path) -> list[list[str]]:
    """The lines that each process prints."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    devices = "--xla_force_host_platform_device_count=2"
    environment = os.environ | {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": devices}
    children = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD, str(index), str(port), str(directory)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for index in range(2)
    ]
    try:
        told = [child.communicate(timeout=HANGS) for child in children]
    finally:
        for child in children:
            child.kill()
    for child, (_, error) in zip(children, told, strict=True):
        assert child.returncode == 0, error
    return [[line for line in out.splitlines() if line and "[Gloo]" not in line] for out, _ in told]


def test_two_processes(tmp_path: Path) -> None:
    old, new, last = 2**33, 2**33 + 1, 2**34
    first, second = run_two(tmp_path)
    assert second == [
        "none there",
        f"[1, {old}, {new}] 1",
        f"{new} {{'batch': {new}}} True True",
        f"{old} {{'batch': {old}}} True",
        *[f"no usable checkpoint in {tmp_path}; process 0 says why"] * 2,
        "checkpoint 5 was not saved: another process failed",
        # The damaged one is not counted, and not yet deleted.
        f"[1, {old}, {new}, {last}]",
    ]
    damaged = f"checkpoint {new} is damaged: state/_METADATA is missing"
    differs = "more: expected float32[8,3], found nothing"
    reason = "checkpoint 5 was not saved in DIR: No space left on device"
    assert [line.replace(str(tmp_path), "DIR") for line in first] == [
        *second[:3],
        damaged,
        second[3],
        *(f"checkpoint {step}: {differs}" for step in (new, old, 1)),
        f"checkpoint {new}: {differs}; nor can an older one be used",
        reason,
        reason,
        second[-1],
    ]
    assert manifest.verify(tmp_path / str(last)).num_processes == 2
    # Now one process, on two devices and on one.
    checkpoints = Checkpoints(tmp_path, best=Best("fid"))
    for num_devices in (2, 1):
        mesh = jax.make_mesh(
            (num_devices,), ("data",), (AxisType.Auto,), devices=jax.devices()[-num_devices:]
        )
        split, whole = (NamedSharding(mesh, PartitionSpec(*name)) for name in (("data",), ()))
        like = {
            "rows": jax.ShapeDtypeStruct((8, 3), jnp.float32, sharding=split),
            "key": jax.device_put(jax.random.key(0), whole),
        }
        step, state, data_state = checkpoints.restore(like, step=checkpoints.best_step())
        assert (step, data_state) == (1, {"batch": 1})
        np.testing.assert_array_equal(state["rows"], np.ones((8, 3)))
        assert state["rows"].sharding == split
        assert state["key"] == jax.random.key(7)
