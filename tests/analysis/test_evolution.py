"""Evolution strategies: their means against closed forms and finite differences."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import Algorithm, TrainState, optimizers, penalties
from jaxgan.analysis import (
    evolution_strategies,
    hypergradient,
    particles,
    persistent_evolution_strategies,
)
from jaxgan.core.game import general_sum
from jaxgan.fields import gradient

pytestmark = pytest.mark.usefixtures("float64")

RATE, START, TARGET, STD = 0.2, 2.0, 0.7, 0.1
NUM_PARTS, NUM_STEPS, NUM_KEYS = 6, 2, 400

Estimate = Callable[..., Any]


def toward(target: Any) -> Algorithm:
    """Descent on ½ (a - h)², which after n steps is at h + (1 - η)ⁿ (a₀ - h)."""
    game = general_sum(
        lambda key: {"a": jnp.asarray(START)},
        lambda params, batch, context: {"a": 0.5 * (params["a"] - target) ** 2},
    )
    return jaxgan.simultaneous(gradient(game), optimizers={"a": optimizers.sgd(RATE)})


def half_square(state: TrainState) -> jax.Array:
    return 0.5 * state.params["a"] ** 2


def total(estimate: Estimate, state: Any, key: Any) -> jax.Array:
    """The sum of an estimator's gradients over the parts of a training."""

    def part(state: Any, index: Any) -> Any:
        found = estimate(jax.random.fold_in(key, index), state=state)
        return found.state, found.gradient["target"]

    return jax.lax.scan(part, state, jnp.arange(NUM_PARTS))[1].sum()


OPTIONS: Any = {"num_steps": NUM_STEPS, "with_respect_to": {"target": TARGET}, "batches": {}}


def mean_and_error(estimate: Estimate, state: Any) -> tuple[float, float]:
    """Over many keys, and the standard error of the mean."""
    keys = jax.random.split(jax.random.key(1), NUM_KEYS)
    found = jax.jit(jax.vmap(lambda key: total(estimate, state, key)))(keys)
    return float(found.mean()), float(found.std() / np.sqrt(NUM_KEYS))


@pytest.fixture
def start() -> TrainState:
    return toward(TARGET).init(jax.random.key(0))


def ends() -> np.ndarray:
    """Where the parts end, and the powers of 1 - η there."""
    powers = (1 - RATE) ** (NUM_STEPS * np.arange(1, NUM_PARTS + 1))
    return np.stack([TARGET + powers * (START - TARGET), powers])


@pytest.mark.parametrize("telescoping", [False, True])
def test_persistent_ones_have_the_mean_of_the_whole(start: TrainState, telescoping: bool) -> None:
    values, powers = ends()
    slopes = values * (1 - powers)  # dE_j/dh
    expected = slopes[-1] if telescoping else slopes.sum()
    estimate = partial(
        persistent_evolution_strategies,
        make=toward,
        objective=half_square,
        std=STD,
        telescoping=telescoping,
        **OPTIONS,
    )
    state = particles(start, with_respect_to=OPTIONS["with_respect_to"], num_pairs=20)
    mean, error = mean_and_error(estimate, state)
    assert error < 0.05 * expected
    assert abs(mean - expected) < 3 * error


def test_truncated_ones_are_biased(start: TrainState) -> None:
    values, powers = ends()
    truncated = (values * (1 - powers[0])).sum()
    whole = (values * (1 - powers)).sum()

    def unrolled(key: Any, state: TrainState) -> Any:
        return hypergradient(toward, half_square, state=state, **OPTIONS)

    np.testing.assert_allclose(total(unrolled, start, jax.random.key(0)), truncated, rtol=1e-12)
    estimate = partial(
        evolution_strategies, make=toward, objective=half_square, std=STD, num_pairs=20, **OPTIONS
    )
    mean, error = mean_and_error(estimate, start)
    assert abs(mean - truncated) < 3 * error
    assert abs(mean - whole) > 20 * error


def test_small_widths_are_finite_differences() -> None:
    def make(log_rate: Any, weight: Any) -> Algorithm:
        game = jaxgan.with_penalty(jaxgan.dirac(), penalties.r1(weight=weight, every=3))
        adam = optimizers.adam(jnp.exp(log_rate), b1=0.5)
        return jaxgan.alternating(gradient(game), optimizers={"gen": adam, "disc": adam})

    def distance(state: TrainState) -> jax.Array:
        return state.params["gen"][0] ** 2 + state.params["disc"][0] ** 2

    at = {"log_rate": -3.0, "weight": 0.4}
    state, num_steps = make(**at).init(jax.random.key(0)), 12
    batches = {"image": jnp.zeros((num_steps, 2, 4, 1))}

    @jax.jit
    def end(given: Any) -> jax.Array:
        step = make(**given).step
        last, _ = jax.lax.scan(lambda s, b: (step(s, b)[0], None), state, batches)
        return distance(last)

    expected = {
        name: (end({**at, name: at[name] + 1e-5}) - end({**at, name: at[name] - 1e-5})) / 2e-5
        for name in at
    }
    num_pairs = 20_000
    found = jax.jit(
        lambda: evolution_strategies(
            jax.random.key(2),
            make,
            distance,
            num_steps=num_steps,
            with_respect_to=at,
            state=state,
            batches=batches,
            std=1e-4,
            num_pairs=num_pairs,
        )
    )()
    np.testing.assert_allclose(found.value, end(at), rtol=1e-6)
    np.testing.assert_allclose(distance(found.state), end(at), rtol=1e-12)
    # Of z zᵀ g in two dimensions: Var = |g|² + g_i² for one pair.
    length = np.linalg.norm([*expected.values()])
    for name, slope in expected.items():
        error = np.sqrt((length**2 + slope**2) / num_pairs)
        assert abs(found.gradient[name] - slope) < 3 * error, name
        assert abs(slope) > 30 * error, name


def test_particles_are_trainings_of_their_own(start: TrainState) -> None:
    """ξ is what was given: a particle's state follows from it in the closed form."""
    state = particles(start, with_respect_to={"target": TARGET}, num_pairs=3)
    found = persistent_evolution_strategies(
        jax.random.key(0), toward, half_square, state=state, std=0.5, **OPTIONS
    )
    moved = TARGET + found.state.perturbations["target"]
    power = (1 - RATE) ** NUM_STEPS
    np.testing.assert_allclose(
        found.state.state.params["a"], moved + power * (START - moved), rtol=1e-12
    )
    np.testing.assert_allclose(moved[:3] + moved[3:], 2 * TARGET, rtol=1e-12)
    assert len(set(moved.tolist())) == 6
    assert found.state.state.step == NUM_STEPS


def test_wrong_arguments_are_refused(start: TrainState) -> None:
    options = {**OPTIONS, "state": start, "num_pairs": 2}
    call = partial(evolution_strategies, jax.random.key(0), toward, half_square)
    with pytest.raises(ValueError, match=r"std is 0.0; it must be above 0 and finite"):
        call(std=0.0, **options)
    with pytest.raises(ValueError, match=r"axis of batches is \[3\]; it must be num_steps = 2"):
        call(std=0.1, **{**options, "batches": {"image": jnp.zeros((3, 1))}})
    with pytest.raises(ValueError, match=r"num_pairs is 0; it must be an integer, at least 1"):
        call(std=0.1, **{**options, "num_pairs": 0})
