"""Members of a grid are the runs of their numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import Algorithm, fields, optimizers, penalties
from jaxgan.core.errors import InputError
from jaxgan.fields import gradient
from jaxgan.transforms import ema, member, points, skip_nonfinite, substeps, sweep
from tests import helpers

AXES = {"lr": [1e-3, 1e-2], "gamma": [0.1, 3.0], "weight": [0.0, 0.5]}
KEY = jax.random.key(3)


def make(lr: Any, gamma: Any, weight: Any) -> Algorithm:
    game = helpers.mlp_gan(jnp.float64, penalty=penalties.r1(weight=weight, every=2))
    field = fields.consensus(gradient(game), gamma=gamma)
    return jaxgan.simultaneous(field, optimizers=helpers.adams(lr))


def player(made: Algorithm, num_steps: int) -> Callable[[Any], Any]:
    batches = helpers.real_batch((num_steps, *made.num_batches), dtype=np.float64)
    return jax.jit(lambda key: jax.lax.scan(made.step, made.init(key), batches))


@pytest.mark.parametrize("number", [5, pytest.param(0, marks=pytest.mark.slow)])
def test_a_point_is_the_run_of_its_numbers(number: int, float64: None) -> None:
    grid, metrics = player(ema(sweep(make, num_seeds=2, **AXES), decay=0.9), 20)(KEY)
    assert grid.key.shape == (16,)
    point, history = points(**AXES)[number], []
    play_alone = player(ema(make(**point), decay=0.9), 20)
    for seed in range(2):
        alone, losses = play_alone(jax.random.fold_in(KEY, seed))
        assert helpers.max_difference(member(grid, 2 * number + seed), alone) < 1e-12
        history.append(np.asarray(losses["loss/disc"]))
    name = ",".join(f"{key}={value:g}" for key, value in point.items())
    np.testing.assert_allclose(metrics[f"loss/disc/{name}"], np.mean(history, axis=0), rtol=1e-10)


def bilinear(lr: Any) -> Algorithm:
    sgds = {"gen": optimizers.sgd(lr), "disc": optimizers.sgd(lr)}
    return skip_nonfinite(jaxgan.simultaneous(gradient(jaxgan.bilinear()), optimizers=sgds))


def test_what_is_lost_at_one_point_is_lost_there_alone() -> None:
    made = substeps(sweep(bilinear, lr=[0.1, 1e30]), num_steps=3)
    state, metrics = jax.jit(made.step)(made.init(KEY), {})
    alone, _ = substeps(bilinear(0.1), num_steps=3).step(bilinear(0.1).init(KEY), {})
    np.testing.assert_allclose(member(state, 0).params["gen"], alone.params["gen"], rtol=1e-6)
    assert np.isfinite(state.params["gen"]).all()
    assert metrics["skipped/lr=0.1"] == 0 < metrics["skipped/lr=1e+30"]


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        ({}, "axes: there is none"),
        ({"lr": 0.1}, "lr is 0.1; it must be a list of numbers"),
        ({"lr": []}, "it must be a list of numbers"),
        ({"lr": ["a"]}, "it must be a list of numbers"),
        ({"lr": [0.1, np.inf]}, "it must be a list of finite numbers"),
        ({"lr": [0.1, 0.2, 0.1 + 1e-9]}, "lr=0.1 is there twice; numbers must differ in six"),
    ],
)
def test_an_axis_is_a_list_of_numbers(axes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as error:
        sweep(bilinear, **axes)
    assert words in str(error.value)
