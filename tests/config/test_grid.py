"""A grid in a config: its members are the single runs with their numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import distributed
from jaxgan.config import build, build_grid, build_step, grid
from jaxgan.config.resolve import resolve
from jaxgan.core.errors import ConfigError
from jaxgan.core.ranges import Positive
from jaxgan.data import ring
from jaxgan.transforms import member
from tests import helpers

KEY = jax.random.key(3)
SPEC = {"image": jax.ShapeDtypeStruct((2,), jnp.float32)}
RATE, GAMMA = "optimizer.gen.learning_rate", "field.consensus.gamma"
AXES = {RATE: [1e-3, 1e-2], GAMMA: {"log": [0.1, 10.0, 3]}}


def config(**changes: Any) -> dict[str, Any]:
    network = {"name": "mlp", "features": (4,), "activation": "tanh"}
    adam = {"name": "adam", "learning_rate": 1e-3, "b1": 0.5}
    return {
        "data": "ring",
        "batch_size": 8,
        "latent_dim": 2,
        "generator": network,
        "discriminator": network,
        "field": [{"name": "consensus", "gamma": 1.0}],
        "optimizer": {"gen": adam, "disc": adam},
        **changes,
    }


def play(made: Any, key: Any, num_steps: int = 20) -> tuple[Any, Any]:
    calls = num_steps // made.num_steps
    return jax.jit(
        lambda key: jax.lax.scan(lambda s, _: made.step(s, {}), made.init(key), length=calls)
    )(key)


def test_a_member_is_the_run_of_its_numbers() -> None:
    changes = {"ema": {"decay": 0.9}, "nonfinite": "skip", "substeps": 5}
    full = resolve(config(**changes, num_seeds=2, sweep=AXES))
    state, _ = play(build.build_algorithm(full, SPEC, ring()), KEY)
    assert state.key.shape == (12,)
    numbers = {RATE: 1e-3, GAMMA: 10.0}
    assert grid.member_numbers(full, 5) == numbers
    one = resolve(grid.at_point(full, numbers) | {"num_seeds": 1})
    alone, _ = play(build.build_algorithm(one, SPEC, ring()), jax.random.fold_in(KEY, 1))
    assert helpers.max_difference(member(state, 5), alone) < 1e-6


def smooth(rate: Positive = 0.1, gamma: Positive = 0.1) -> jaxgan.Algorithm:
    """Consensus on a game with a lookahead to the best response."""
    game = jaxgan.games.implicit(
        jaxgan.games.quadratic(*(jnp.full((1, 1), x) for x in (1.0, 2.0, 0.5)))
    )
    field = jaxgan.fields.consensus(jaxgan.gradient(game), gamma=gamma)
    return jaxgan.simultaneous(field, optimizers=helpers.adams(rate))


def test_in_float64_it_is_so_to_all_digits(float64: None) -> None:
    name = f"{Path(__file__)}:smooth"
    axes = {"make_algorithm.rate": [0.01, 0.1], "make_algorithm.gamma": {"linear": [0.1, 1, 4]}}
    full = resolve({"make_algorithm": {"name": name}, "data": "none", "sweep": axes})
    state, metrics = play(build.build_algorithm(full, {}), KEY)
    for index, label in enumerate(grid.member_names(full)):
        numbers = grid.member_numbers(full, index)
        alone, losses = play(
            build.build_algorithm(grid.at_point(full, numbers), {}), jax.random.fold_in(KEY, 0)
        )
        assert helpers.max_difference(member(state, index), alone) < 1e-12
        np.testing.assert_allclose(metrics[f"loss/gen/{label}"], losses["loss/gen"], atol=1e-12)


@pytest.mark.parametrize("num_devices", [1, 8])
def test_members_are_split_over_devices(num_devices: int) -> None:
    full = resolve(config(sweep=AXES, num_seeds=4, data="digits", num_devices=num_devices))
    mesh = build.build_mesh(full)
    made = build.build_algorithm(full, SPEC, None, mesh)
    arguments = build_step.build_arguments(made, full, SPEC, True, mesh)
    state = jax.jit(made.init, out_shardings=distributed.shardings_of(arguments.state))(KEY)
    step = distributed.jit_step(made, mesh, distributed.shardings_of(arguments.state))
    batch = {"image": jax.random.normal(KEY, (8, 2))}
    for _ in range(3):
        state, metrics = step(state, jax.device_put(batch, arguments.batch["image"].sharding))
    leaf = state.params["gen"]["Dense_0"]["kernel"]
    assert leaf.sharding.shard_shape(leaf.shape)[0] == 24 // num_devices
    whole = jax.device_put(state, jax.devices()[0])
    one = build.build_make(full, SPEC)(**grid.member_numbers(full, 7))
    alone = one.init(jax.random.fold_in(KEY, 7 % 4))
    for _ in range(3):
        alone, losses = jax.jit(one.step)(alone, batch)
    assert helpers.max_difference(member(whole, 7), alone) < 1e-6
    np.testing.assert_allclose(
        metrics[f"loss/gen/{grid.member_names(full)[7]}"], losses["loss/gen"], rtol=1e-5
    )


@pytest.mark.parametrize(
    ("sweep", "words"),
    [
        (
            {"optimizer.gen.learning_rte": [1, 2]},
            "sweep: optimizer.gen (adam).learning_rte: unknown key; did you mean learning_rate?",
        ),
        ({RATE: []}, f"sweep.{RATE} is []; it must be a list of increasing numbers"),
        ({RATE: [2, 1]}, f"sweep.{RATE} is [2, 1]; it must be a list of increasing numbers"),
        ({RATE: [0.1, "x"]}, "it must be a list of increasing numbers"),
        (
            {RATE: {"log": [0, 1, 4]}},
            f"sweep.{RATE}.log is [0, 1, 4]; it must be [low, high, num] with 0 < low < high",
        ),
        ({RATE: {"log": [0.1, 1]}}, "it must be [low, high, num]"),
        ({RATE: [-1.0, 1.0]}, f"sweep: {RATE} is -1.0; it must be at least 0"),
        ({"generator.features": [4, 8]}, "sweep: generator.features is 4.0; it must be a list"),
        (
            {"batch_size": [8, 16]},
            "sweep: batch_size changes the program, not a number in it; jaxgan map",
        ),
        ({"loss.name": [1, 2]}, "sweep: loss.name is 1.0"),
        ({"data.std": [0.1, 0.2]}, "sweep: data.std changes the program"),
        ([1], "sweep is [1]; it must be"),
    ],
)
def test_an_axis_is_a_number_of_the_config(sweep: Any, words: str) -> None:
    with pytest.raises(ConfigError) as error:
        resolve(config(sweep=sweep))
    assert words in str(error.value)


def test_keys_may_be_nested() -> None:
    nested = {
        "optimizer": {"gen": {"learning_rate": [1e-3, 1e-2]}},
        "ema": {"decay": {"linear": [0.5, 0.9, 2]}},
    }
    full = resolve(config(sweep=nested))
    assert full["sweep"] == {RATE: [1e-3, 1e-2], "ema.decay": {"linear": [0.5, 0.9, 2]}}
    assert full["ema"]["decay"] == 0.5
    assert resolve(full) == full
    assert json.loads(json.dumps(full)) == full


def fixed(rate: Positive = 0.1, unused: Positive = 0.1, size: Positive = 2.0) -> jaxgan.Algorithm:
    """An algorithm of the tests with a number that it ignores and one that makes shapes."""
    field = jaxgan.gradient(jaxgan.bilinear(jnp.ones((int(size), int(size)))))
    return jaxgan.simultaneous(field, optimizers=helpers.sgds(rate))


@pytest.mark.parametrize(
    ("key", "words"), [("unused", "is no number of the step"), ("size", "changes the program")]
)
def test_a_step_takes_the_numbers(key: str, words: str) -> None:
    name, key = f"{Path(__file__)}:fixed", f"make_algorithm.{key}"
    axes = {"make_algorithm.rate": [0.1, 0.2], key: [2, 3]}
    full = resolve({"make_algorithm": {"name": name}, "data": "none", "sweep": axes})
    with pytest.raises(ConfigError) as error:
        build_grid.check_axes(build.build_make(full, {}), full, {}, False)
    assert str(error.value).startswith(f"sweep: {key} {words}")


def test_a_grid_fits_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    full = resolve(config(sweep=AXES, num_devices=1))
    mesh = build.build_mesh(full)
    made = build.build_algorithm(full, SPEC, None, mesh)
    state = build_step.build_arguments(made, full, SPEC, True, mesh).state
    build_grid.check_memory(full, state, mesh)
    size = distributed.bytes_on_device(state)
    monkeypatch.setattr(distributed, "available_bytes", lambda mesh: size)
    with pytest.raises(ConfigError, match=r"sweep: 6 members need about .* at most 3 fit"):
        build_grid.check_memory(full, state, mesh)
