"""A pilot's numbers, what it does to them, and that they are part of the run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import Algorithm, optimizers, penalties
from jaxgan.checkpoint.checkpointer import Checkpoints
from jaxgan.fields import consensus, gradient
from jaxgan.transforms import ema, member, pilot, seeds, skip_nonfinite, substeps
from tests import helpers

KEY = jax.random.key(3)


def bilinear(lr: Any, gamma: Any) -> Algorithm:
    sgds = {"gen": optimizers.sgd(lr), "disc": optimizers.sgd(lr)}
    field = consensus(gradient(jaxgan.bilinear()), gamma=gamma)
    return jaxgan.simultaneous(field, optimizers=sgds)


def radius(lr: Any, gamma: Any) -> Any:
    return np.hypot(1 - lr * gamma, lr)


START = {"lr": 0.4, "gamma": 0.1}
BOUNDS = {"lr": (0.05, 1.0), "gamma": (0.05, 4.0)}


def play(algorithm: Algorithm, num_steps: int, batch: Any) -> Any:
    state, history = jax.jit(algorithm.init)(KEY), []
    step = jax.jit(algorithm.step)
    for _ in range(num_steps):
        state, metrics = step(state, batch)
        history.append({name: np.asarray(value) for name, value in metrics.items()})
    return state, history


def test_it_takes_the_best_of_its_candidates(float64: None) -> None:
    algorithm = pilot(bilinear, start=START, bounds=BOUNDS, every=3)
    _, history = play(algorithm, 24, {})
    lr, gamma = START["lr"], START["gamma"]
    for index, metrics in enumerate(history):
        if index % 3 == 0:
            tried = [(lr, gamma)]
            for times in (2.0, 0.5):
                tried += [(np.clip(lr * times, 0.05, 1.0), gamma)]
                tried += [(lr, np.clip(gamma * times, 0.05, 4.0))]
            before, best = radius(lr, gamma), min(tried, key=lambda one: radius(*one))
            if radius(*best) < before - 1e-4:
                lr, gamma = best
        assert (metrics["pilot/lr"], metrics["pilot/gamma"]) == pytest.approx((lr, gamma))
        assert metrics["pilot/radius"] == pytest.approx(radius(lr, gamma), rel=1e-7)
        assert metrics["pilot/radius_before"] == pytest.approx(before, rel=1e-7)
    assert radius(*START.values()) > 1 > radius(lr, gamma)


def gan(lr: Any, weight: Any) -> Algorithm:
    game = jaxgan.with_penalty(jaxgan.dirac(), penalties.r1(weight=weight))
    return skip_nonfinite(jaxgan.simultaneous(gradient(game), optimizers=helpers.adams(lr)))


def of_a_gan(**options: Any) -> Algorithm:
    bounds = {"lr": (1e-4, 1.0), "weight": (1e-3, 10.0)}
    start = {"lr": 1e-2, "weight": 0.1}
    return pilot(gan, start=start, bounds=bounds, every=2, num_vectors=6, **options)


def test_it_goes_on_from_a_checkpoint_and_inside_other_transforms(tmp_path: Path) -> None:
    algorithm = substeps(ema(of_a_gan(min_gain=0.0)), num_steps=3)
    batch = {"image": jnp.zeros((*algorithm.num_batches, 4, 1))}
    step, state = jax.jit(algorithm.step), jax.jit(algorithm.init)(KEY)
    state, _ = step(state, batch)
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(3, state, {})
    _, restored, _ = checkpoints.restore(jax.eval_shape(algorithm.init, KEY))
    (one, log), (other, other_log) = step(state, batch), step(restored, batch)
    helpers.assert_same_bits(one, other)
    assert log["pilot/lr"] == other_log["pilot/lr"]
    assert float(one.memory["pilot"]["numbers"]["lr"]) != pytest.approx(1e-2)


def test_members_have_their_own_numbers() -> None:
    one, many = of_a_gan(min_gain=0.0), seeds(of_a_gan(min_gain=0.0), num_seeds=3)
    batch = {"image": jnp.zeros((*one.num_batches, 4, 1))}
    state, _ = play(many, 3, batch)
    numbers = state.memory["pilot"]["numbers"]["lr"]
    assert numbers.shape == (3,)
    alone = one.init(jax.random.fold_in(KEY, 1))
    for _ in range(3):
        alone, _ = jax.jit(one.step)(alone, batch)
    taken = member(state, 1).memory["pilot"]["numbers"]
    assert taken["lr"] == pytest.approx(float(alone.memory["pilot"]["numbers"]["lr"]))
    # A step count that is shared keeps the decision a branch: every member waits for its turn.
    branches = str(jax.make_jaxpr(many.step)(state, batch))
    assert " cond[" in branches


def test_a_candidate_that_leaves_the_numbers_is_not_taken() -> None:
    def make(lr: Any) -> Algorithm:
        rate = jnp.where(lr > 0.5, jnp.nan, lr)
        return bilinear(rate, 1.0)

    algorithm = pilot(make, start={"lr": 0.4}, bounds={"lr": (0.1, 2.0)}, every=1)
    state, history = play(algorithm, 2, {})
    assert history[-1]["pilot/lr"] == pytest.approx(0.4)
    assert np.isfinite(state.params["gen"]).all()


@pytest.mark.parametrize(
    ("start", "bounds", "words"),
    [
        ({}, {}, "bounds is []; it must be of those in start, []"),
        ({"lr": 0.1}, {"gamma": (0.1, 1.0)}, "bounds is ['gamma']; it must be of those in start"),
        ({"lr": 2.0}, {"lr": (0.1, 1.0)}, "bounds.lr is (0.1, 1.0); it must be (lowest, highest)"),
        ({"lr": 0.1}, {"lr": (0.0, 1.0)}, "bounds.lr[0] is 0.0; it must be above 0"),
    ],
)
def test_bounds_fit_the_start(start: Any, bounds: Any, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        pilot(bilinear, start=start, bounds=bounds)
