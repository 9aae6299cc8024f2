"""Checkpoints: bit exact, atomic, picky about structure, and forgiving about damaged files."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from jaxgan.checkpoint import CheckpointError, Checkpoints


class State(NamedTuple):
    step: jax.Array
    key: jax.Array
    params: dict[str, Any]
    opt_state: Any
    memory: Any


def make_state(step: int = 7, seed: int = 0) -> State:
    keys = jax.random.split(jax.random.key(seed), 4)
    dense = {
        "kernel": jax.random.normal(keys[0], (8, 4)),
        "bias": jnp.array([0.0, -0.0, jnp.nan, jnp.inf], jnp.float32),
    }
    params = {"gen": {"Dense_0": dense}, "disc": {"Dense_0": dense | {"scale": jnp.float32(2)}}}
    return State(
        step=jnp.int32(step),
        key=jax.random.key(seed),
        params=params,
        opt_state={name: optax.adam(1e-3).init(params[name]) for name in params},
        memory=(
            {},
            (),
            None,
            [keys, jax.random.split(jax.random.key(1, impl="rbg"), (2, 3))],
            jnp.array([True, False]),
            jnp.array([1.1, -3.3], jnp.bfloat16),
            jnp.zeros((0, 3), jnp.int32),
            jnp.array([255, 0], jnp.uint8),
        ),
    )


def to_bits(leaf: jax.Array) -> tuple[Any, ...]:
    is_key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    raw = np.asarray(jax.random.key_data(leaf) if is_key else leaf)
    return str(leaf.dtype), leaf.shape, raw.tobytes()


def assert_same_bits(found: Any, expected: Any) -> None:
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert to_bits(one) == to_bits(other)


def damage(directory: Path, step: int) -> None:
    """Cuts the largest file of a checkpoint in half."""
    files = [path for path in (directory / str(step)).rglob("*") if path.is_file()]
    largest = max(files, key=lambda path: path.stat().st_size)
    os.truncate(largest, largest.stat().st_size // 2)


@pytest.fixture
def checkpoints(tmp_path: Path) -> Iterator[Checkpoints]:
    opened = Checkpoints(tmp_path / "checkpoints", keep=2)
    yield opened
    opened.close()


@pytest.mark.parametrize("abstract", [True, False])
def test_round_trip_is_bit_exact(checkpoints: Checkpoints, abstract: bool) -> None:
    state = make_state()
    checkpoints.save(7, state, {"batch": 12345678901})
    like = jax.eval_shape(make_state) if abstract else make_state(seed=3)
    checkpoints.wait()
    step, restored, data_state = checkpoints.restore(like)
    assert (step, data_state) == (7, {"batch": 12345678901})
    assert_same_bits(restored, state)
    # What was free to move must stay so, or a step over several devices would refuse it.
    assert not restored.params["gen"]["Dense_0"]["kernel"].committed
    drawn = jax.random.normal(restored.memory[3][1][1, 2])
    assert drawn == jax.random.normal(state.memory[3][1][1, 2])


@pytest.mark.skipif(jax.device_count() < 8, reason="needs 8 devices")
def test_shardings_are_those_of_the_template(checkpoints: Checkpoints) -> None:
    mesh = jax.make_mesh((8,), ("data",), axis_types=(AxisType.Auto,))
    split = NamedSharding(mesh, PartitionSpec("data"))
    whole = NamedSharding(mesh, PartitionSpec())
    state = {
        "split": jax.device_put(jnp.arange(32.0).reshape(16, 2), split),
        "whole": jax.device_put(jnp.arange(3), whole),
        "keys": jax.device_put(jax.random.split(jax.random.key(0), 8), split),
        "key": jax.device_put(jax.random.key(1), whole),
        "empty": jax.device_put(jnp.zeros((0,)), whole),
    }
    checkpoints.save(1, state, {})
    checkpoints.wait()
    same = jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding), state
    )
    _, restored, _ = checkpoints.restore(same)
    assert_same_bits(restored, state)
    for name, leaf in restored.items():
        assert leaf.sharding == state[name].sharding, name
    one = jax.sharding.SingleDeviceSharding(jax.devices()[3])
    moved = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=one), state)
    _, restored, _ = checkpoints.restore(moved)
    assert_same_bits(restored, state)
    assert all(leaf.devices() == {jax.devices()[3]} for leaf in restored.values())


def test_state_may_be_donated_right_after_save(checkpoints: Checkpoints) -> None:
    advance = jax.jit(lambda tree: jax.tree.map(lambda x: x + 1, tree), donate_argnums=0)
    state = {f"w{i}": jnp.full((200, 200), i, jnp.float32) for i in range(8)}
    expected = jax.tree.map(lambda x: np.array(x, copy=True), state)
    checkpoints.save(1, state, {})
    for _ in range(5):
        state = advance(state)
    checkpoints.wait()
    _, restored, _ = checkpoints.restore(state)
    jax.tree.map(np.testing.assert_array_equal, restored, expected)


def test_keeps_the_newest_and_rewrites_a_dropped_future(checkpoints: Checkpoints) -> None:
    assert checkpoints.steps() == []
    for step in (10, 9_000, 200_000):
        checkpoints.save(step, {"x": jnp.float32(step)}, {"batch": step})
    checkpoints.wait()
    assert checkpoints.steps() == [9_000, 200_000]
    checkpoints.save(9_500, {"x": jnp.float32(1)}, {"batch": 1})
    # The old future goes only when the new one is safe.
    assert 200_000 in checkpoints.steps()
    checkpoints.close()
    assert checkpoints.steps() == [9_000, 9_500]
    step, state, data_state = checkpoints.restore({"x": jnp.float32(0)}, step=9_000)
    assert (step, float(state["x"]), data_state) == (9_000, 9_000.0, {"batch": 9_000})
    checkpoints.save(9_500, {"x": jnp.float32(2)}, {"batch": 2})
    checkpoints.wait()
    assert float(checkpoints.restore({"x": jnp.float32(0)})[1]["x"]) == 2.0


def change(state: State, kernel: Any) -> State:
    gen = {"Dense_0": state.params["gen"]["Dense_0"] | {"kernel": kernel}}
    return state._replace(params=state.params | {"gen": gen})


@pytest.mark.parametrize(
    ("like", "message"),
    [
        (
            lambda s: change(s, jnp.zeros((8, 5))),
            "checkpoint 7: params/gen/Dense_0/kernel: expected float32[8,5], found float32[8,4]",
        ),
        (
            lambda s: change(s, jnp.zeros((8, 4), jnp.bfloat16)),
            "checkpoint 7: params/gen/Dense_0/kernel: expected bfloat16[8,4], found float32[8,4]",
        ),
        (
            lambda s: change(s, {"a": jnp.zeros(())}),
            "checkpoint 7: params/gen/Dense_0/kernel/a: expected float32[], found nothing",
        ),
        (
            lambda s: s._replace(params={"disc": s.params["disc"]}),
            "checkpoint 7: params/gen/Dense_0/bias: expected nothing, found float32[4]",
        ),
        (
            lambda s: s._replace(key=jax.random.key(0, impl="rbg")),
            "checkpoint 7: key: expected key<rbg>[], found key<fry>[]",
        ),
    ],
)
def test_names_the_first_leaf_that_differs(
    checkpoints: Checkpoints, like: Any, message: str
) -> None:
    state = make_state()
    checkpoints.save(6, {"other": jnp.zeros(2)}, {})
    checkpoints.save(7, state, {})
    checkpoints.wait()
    with pytest.raises(CheckpointError) as raised:
        checkpoints.restore(like(state))
    assert str(raised.value) == message


def test_bad_input_is_named(tmp_path: Path, checkpoints: Checkpoints) -> None:
    with pytest.raises(ValueError, match="keep is 0; at least one"):
        Checkpoints(tmp_path, keep=0)
    with pytest.raises(CheckpointError, match=r"params/0 is a float; must be a JAX array"):
        checkpoints.save(1, {"params": (1.0,)}, {})
    with pytest.raises(CheckpointError, match="a/b names two leaves"):
        checkpoints.save(1, {"a": {"b": jnp.zeros(1)}, "a/b": jnp.zeros(1)}, {})
    with pytest.raises(CheckpointError, match="no checkpoint in "):
        checkpoints.restore({"x": jnp.zeros(1)})
    with pytest.raises(CheckpointError, match=r"no checkpoint of step 3 in .*, has \[\]"):
        checkpoints.restore({"x": jnp.zeros(1)}, step=3)


def test_falls_back_to_the_newest_readable_checkpoint(
    checkpoints: Checkpoints, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    state = {"x": jax.random.normal(jax.random.key(0), (100, 100))}
    for step in (1, 2):
        checkpoints.save(step, jax.tree.map(lambda x, step=step: x * step, state), {"batch": step})
    checkpoints.wait()
    damage(tmp_path / "checkpoints", 2)
    with caplog.at_level(logging.WARNING, "jaxgan"):
        step, restored, data_state = checkpoints.restore(state)
    assert (step, data_state) == (1, {"batch": 1})
    assert_same_bits(restored, state)
    (line,) = [record.getMessage() for record in caplog.records if record.name.startswith("jaxgan")]
    assert line.startswith("checkpoint 2 cannot be read: ")
    assert "\n" not in line
    with pytest.raises(CheckpointError, match="checkpoint 2 cannot be read"):
        checkpoints.restore(state, step=2)
    damage(tmp_path / "checkpoints", 1)
    with pytest.raises(CheckpointError, match=r"checkpoint 2 .*; checkpoint 1 cannot be read"):
        checkpoints.restore(state)


CHILD = """
import os, signal, sys, threading
from pathlib import Path
import jax.numpy as jnp
from jaxgan.checkpoint import Checkpoints
directory = Path(sys.argv[1])
checkpoints = Checkpoints(directory)
checkpoints.save(1, {"x": jnp.arange(4.0)}, {"batch": 1})
checkpoints.wait()
def kill_half_way():
    while not any("tmp" in path.name for path in directory.iterdir()):
        pass
    os.kill(os.getpid(), signal.SIGKILL)
threading.Thread(target=kill_half_way).start()
checkpoints.save(2, {"x": jnp.arange(4.0) + 1}, {"batch": 2})
checkpoints.wait()
"""


def test_killed_while_saving(tmp_path: Path) -> None:
    directory = tmp_path / "checkpoints"
    environment = os.environ | {"JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-c", CHILD, str(directory)]
    child = subprocess.run(command, env=environment, timeout=60, check=False)
    assert child.returncode == -signal.SIGKILL
    assert any("tmp" in path.name for path in directory.iterdir())
    # A deletion that was interrupted, too.
    (directory / "0.deleted").mkdir()
    checkpoints = Checkpoints(directory)
    assert checkpoints.steps() == [1]
    step, state, _ = checkpoints.restore({"x": jnp.zeros(4)})
    assert step == 1
    np.testing.assert_array_equal(state["x"], np.arange(4.0))
    checkpoints.save(2, {"x": jnp.zeros(4)}, {})
    checkpoints.close()
    assert sorted(path.name for path in directory.iterdir()) == ["1", "2"]
