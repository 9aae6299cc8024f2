"""Checkpoints: bit exact, atomic, picky about structure, and forgiving about damaged files."""

from __future__ import annotations

import logging
import math
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from orbax.checkpoint import v1 as ocp

import jaxgan
from jaxgan.checkpoint import manifest
from jaxgan.checkpoint.checkpointer import Checkpoints
from jaxgan.checkpoint.directory import Archive, Best
from jaxgan.core.errors import CheckpointError, NoCheckpointError
from tests.jobs import HANGS


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
    for num_devices in (2, 1):
        # The last devices: to be given the first ones would be no proof.
        fewer = jax.make_mesh(
            (num_devices,), ("data",), (AxisType.Auto,), devices=jax.devices()[-num_devices:]
        )
        moved = jax.tree.map(
            lambda x, fewer=fewer: jax.ShapeDtypeStruct(
                x.shape, x.dtype, sharding=NamedSharding(fewer, x.sharding.spec)
            ),
            state,
        )
        _, restored, _ = checkpoints.restore(moved)
        assert_same_bits(restored, state)
        for name, leaf in restored.items():
            assert leaf.sharding == moved[name].sharding, name
            assert leaf.devices() == set(jax.devices()[-num_devices:])


@pytest.mark.parametrize("axes", [None, (), ("data",)], ids=["one", "replicated", "split"])
def test_state_may_be_donated_right_after_save(
    checkpoints: Checkpoints, axes: tuple[str, ...] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    advance = jax.jit(lambda tree: jax.tree.map(lambda x: x + 1, tree), donate_argnums=0)
    state = {f"w{i}": jnp.full((200, 200), i, jnp.float32) for i in range(8)}
    if axes is not None:
        mesh = jax.make_mesh((jax.device_count(),), ("data",), axis_types=(AxisType.Auto,))
        state = jax.device_put(state, NamedSharding(mesh, PartitionSpec(*axes)))
        state = advance(state)
    expected = jax.tree.map(lambda x: np.array(x, copy=True), state)
    is_advanced = threading.Event()
    prepare = Archive.prepare

    def prepare_late(archive: Archive) -> None:
        # The file is written when all buffers have long been given away.
        assert is_advanced.wait(HANGS)
        prepare(archive)

    monkeypatch.setattr(Archive, "prepare", prepare_late)
    checkpoints.save(1, state, {})
    for _ in range(5):
        state = advance(state)
    jax.block_until_ready(state)
    is_advanced.set()
    checkpoints.wait()
    _, restored, _ = checkpoints.restore(state)
    jax.tree.map(np.testing.assert_array_equal, restored, expected)


def test_keeps_the_newest_and_rewrites_a_dropped_future(
    checkpoints: Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert checkpoints.steps() == []
    for step in (10, 9_000, 200_000):
        checkpoints.save(step, {"x": jnp.float32(step)}, {"batch": step})
    checkpoints.wait()
    assert checkpoints.steps() == [9_000, 200_000]
    published = []

    def publish(directory: Path, content: Any) -> None:
        # The old future goes only when the new one is safe.
        published.append(checkpoints.steps())
        write(directory, content)

    write = manifest.write
    monkeypatch.setattr(manifest, "write", publish)
    checkpoints.save(9_500, {"x": jnp.float32(1)}, {"batch": 1})
    checkpoints.close()
    assert published == [[9_000, 200_000]]
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
    assert str(raised.value) == f"{message}; nor can an older one be used"
    with pytest.raises(CheckpointError) as raised:
        checkpoints.restore(like(state), step=7)
    assert str(raised.value) == message


def test_bad_input_is_named(tmp_path: Path, checkpoints: Checkpoints) -> None:
    with pytest.raises(ValueError, match="keep is 0; it must be at least 1"):
        Checkpoints(tmp_path, keep=0)
    with pytest.raises(ValueError, match=r"best\.keep is 0; it must be at least 1"):
        Checkpoints(tmp_path, best=Best("fid", keep=0))
    with pytest.raises(ValueError, match=r"best\.mode is 'least'; it must be 'min' or 'max'"):
        Checkpoints(tmp_path, best=Best("fid", "least"))
    with pytest.raises(ValueError, match="best is None"):
        checkpoints.best_step()
    with pytest.raises(CheckpointError, match=r"params/0 is a float; it must be a JAX array"):
        checkpoints.save(1, {"params": (1.0,)}, {})
    with pytest.raises(CheckpointError, match="a/b names two leaves"):
        checkpoints.save(1, {"a": {"b": jnp.zeros(1)}, "a/b": jnp.zeros(1)}, {})
    with pytest.raises(CheckpointError, match="no checkpoint in "):
        checkpoints.restore({"x": jnp.zeros(1)})
    with pytest.raises(CheckpointError, match=r"no checkpoint of step 3 in .*, has \[\]"):
        checkpoints.restore({"x": jnp.zeros(1)}, step=3)


def test_an_error_when_no_checkpoint_is_good(
    checkpoints: Checkpoints, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    state = {"x": jax.random.normal(jax.random.key(0), (100, 100))}
    with pytest.raises(NoCheckpointError, match="no checkpoint in "):
        checkpoints.restore(state)
    for step in (1, 2):
        checkpoints.save(step, state, {"batch": step})
    checkpoints.wait()
    damage(tmp_path / "checkpoints", 2)
    with pytest.raises(CheckpointError, match=r"checkpoint 2 is damaged: state/.* is truncated"):
        checkpoints.restore(state, step=2)
    assert not caplog.records
    damage(tmp_path / "checkpoints", 1)
    with pytest.raises(CheckpointError, match=r"checkpoint 2 is .*; nor can an older") as raised:
        checkpoints.restore(state)
    assert not isinstance(raised.value, NoCheckpointError)
    lines = [record.getMessage() for record in caplog.records]
    assert [line[:21] for line in lines] == [f"checkpoint {step} is damag" for step in (2, 1)]


def test_what_orbax_cannot_read_is_passed_over(
    checkpoints: Checkpoints, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    state = {"x": jnp.arange(3.0)}
    for step in (1, 2):
        checkpoints.save(step, state, {"batch": step})
    checkpoints.wait()
    load = ocp.load

    def fail(path: Path, like: Any) -> Any:
        if path.name == "2":
            raise RuntimeError("\nout of memory\nmore")
        return load(path, like)

    monkeypatch.setattr(ocp, "load", fail)
    assert checkpoints.restore(state)[0] == 1
    assert caplog.messages == ["checkpoint 2 cannot be read: RuntimeError: out of memory"]


def test_the_manifest_says_what_is_saved(tmp_path: Path) -> None:
    config = {"seed": 0, "data": {"name": "ring"}}
    checkpoints = Checkpoints(tmp_path, config=config)
    checkpoints.save(3, make_state(), {"batch": 24}, {"fid": 1.5, "loss": float("nan")})
    checkpoints.wait()
    found = manifest.verify(tmp_path / "3")
    assert (found.step, found.data_state, found.config) == (3, {"batch": 24}, config)
    assert found.metrics == {"fid": 1.5, "loss": None}
    assert found.versions["jaxgan"] == jaxgan.__version__
    assert found.versions["jax"] == jax.__version__
    assert found.versions["orbax"]
    assert found.leaves["params/gen/Dense_0/kernel"] == "float32[8,4]"
    assert found.leaves["memory/6"] == "int32[0,3]"
    assert len(found.leaves) == len(jax.tree.leaves(make_state()))


@pytest.mark.parametrize(("mode", "expected"), [("min", [2, 6, 7]), ("max", [4, 6, 7])])
def test_the_best_stay_over_restarts(tmp_path: Path, mode: Any, expected: list[int]) -> None:
    fids = {1: None, 2: 3.0, 3: math.inf, 4: 9.0, 5: math.nan, 6: 5.0, 7: None}
    state = {"x": jnp.arange(2.0)}
    for step, fid in fids.items():
        checkpoints = Checkpoints(tmp_path, keep=2, best=Best("fid", mode))
        checkpoints.save(step, state, {}, None if fid is None else {"fid": fid})
        checkpoints.wait()
    assert checkpoints.steps() == expected
    assert checkpoints.best_step() == expected[0]
    assert Checkpoints(tmp_path, best=Best("accuracy")).best_step() is None


def test_saving_does_not_wait_for_the_disk(
    checkpoints: Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_write = threading.Event()
    write = manifest.write

    def write_late(directory: Path, content: Any) -> None:
        assert may_write.wait(HANGS)
        write(directory, content)

    monkeypatch.setattr(manifest, "write", write_late)
    checkpoints.save(1, {"x": jnp.arange(3.0)}, {})
    # Here training goes on; what is not complete is not there.
    assert checkpoints.steps() == []
    may_write.set()
    checkpoints.wait()
    assert checkpoints.steps() == [1]


def test_another_version_is_told(
    checkpoints: Checkpoints, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    state = {"x": jnp.arange(3.0)}
    monkeypatch.setattr("jaxgan.checkpoint.checkpointer.__version__", "0.0.1")
    checkpoints.save(1, state, {})
    checkpoints.wait()
    monkeypatch.undo()
    with caplog.at_level(logging.INFO, "jaxgan"):
        checkpoints.restore(state)
    assert caplog.messages == [
        f"checkpoint 1 was written by jaxgan 0.0.1, this is {jaxgan.__version__}"
    ]
