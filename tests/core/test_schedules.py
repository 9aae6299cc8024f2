"""Schedules against NumPy, and through the configs that name them."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import optimizers
from jaxgan.config.sections import SCHEDULE
from jaxgan.core.errors import ConfigError
from jaxgan.core.schedules import (
    cosine,
    exponential,
    half_life,
    linear,
    piecewise,
    step_decay,
    warmup,
)
from jaxgan.core.typing import Schedule

STEPS = np.asarray([0, 1, 9, 10, 11, 19, 20, 21, 1000])


def of_config(**section: Any) -> Any:
    full = SCHEDULE.resolve(section, "weight")
    return SCHEDULE.make(full, "weight")


def values_of(schedule: Any) -> np.ndarray:
    return np.asarray(jax.vmap(schedule)(jnp.asarray(STEPS)))


def test_piecewise_changes_at_its_boundaries() -> None:
    values, boundaries = [1e-3, 1.5e-3, 3e-3], [10, 20]
    expected = np.asarray(values, np.float32)[np.searchsorted(boundaries, STEPS, side="right")]
    np.testing.assert_array_equal(values_of(piecewise(values, boundaries)), expected)
    named = of_config(schedule="piecewise", values=values, boundaries=boundaries)
    np.testing.assert_array_equal(values_of(named), expected)
    np.testing.assert_array_equal(values_of(piecewise((2,), ())), np.full(len(STEPS), 2.0))


def test_an_optimizer_steps_at_the_rate_of_its_piece() -> None:
    optimizer = optimizers.sgd(piecewise((1.0, 0.0, 0.25), (2, 4)))
    params, one = jnp.zeros(()), jnp.ones(())
    state, steps = optimizers.init(optimizer, params), []
    for _ in range(6):
        before = params
        params, state = optimizers.update(optimizer, one, state, params)
        steps.append(float(before - params))
    assert steps == [1.0, 1.0, 0.0, 0.0, 0.25, 0.25]


def test_exponential_is_a_straight_line_of_the_logarithm() -> None:
    expected = np.exp(np.interp(STEPS, [10, 20], np.log([2e-4, 2e-6])))
    np.testing.assert_allclose(values_of(exponential(2e-4, 2e-6, 10, 10)), expected, rtol=1e-5)


def test_a_step_decay_drops_and_a_warmup_grows_into_another_schedule() -> None:
    expected = 0.5 * 0.1 ** (STEPS // 10)
    np.testing.assert_allclose(values_of(step_decay(0.5, 0.1, 10)), expected, 1e-5, 1e-12)
    growth = 0.2 + 0.8 * np.minimum(STEPS / 10, 1.0)
    then = {"schedule": "step_decay", "init_value": 0.5, "factor": 0.1, "num_steps": 10}
    named = of_config(schedule="warmup", then=then, num_steps=10, start=0.2)
    np.testing.assert_allclose(values_of(named), growth * expected, 1e-5, 1e-12)
    with pytest.raises(ValueError, match=r"b2 is a schedule that reaches 3\.0"):
        optimizers.adam(0.1, b2=warmup(3.0, 10))


def test_a_half_life_may_be_a_schedule() -> None:
    """R3GAN's: 0.5 ** (1 / H), H half a cosine; at H = 0 nothing is remembered."""
    lives = 100.0 * 0.5 * (1.0 - np.cos(np.pi * np.minimum(STEPS / 20, 1.0)))
    expected = 0.5 ** (1.0 / np.maximum(lives, 1e-8))
    life = {"schedule": "cosine", "init_value": 0.0, "final_value": 100.0, "num_steps": 20}
    for schedule in (
        half_life(cosine(0.0, 100.0, 20)),
        of_config(schedule="half_life", num_steps=life),
    ):
        np.testing.assert_allclose(values_of(schedule), expected, rtol=1e-5)
        assert float(schedule(jnp.int32(0))) == 0.0


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (
            {"schedule": "piecewise", "values": [1.0], "boundaries": [5]},
            r"one step fewer than .* 1",
        ),
        ({"schedule": "piecewise", "values": [], "boundaries": []}, r"one step fewer than .* 0"),
        ({"schedule": "piecewise", "values": [1.0, 2.0], "boundaries": [0]}, "at least 1"),
        ({"schedule": "piecewise", "values": [1.0, 2.0], "boundaries": [2.5]}, "an integer"),
        (
            {"schedule": "piecewise", "values": [1.0, 2.0, 3.0], "boundaries": [7, 7]},
            "in increasing order",
        ),
        (
            {"schedule": "exponential", "init_value": 1.0, "final_value": 0.0, "num_steps": 2},
            "final_value is 0.0; it must be above 0 and finite",
        ),
        ({"schedule": "half_life", "num_steps": 0.0}, "num_steps is 0.0; it must be above 0"),
    ],
)
def test_bad_schedules_are_refused(section: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        of_config(**section)


@pytest.mark.parametrize(
    ("schedule", "reached"),
    [
        (linear(0.1, -0.1, 10), "-0.1"),
        (cosine(2.0, 0.5, 10), "2.0"),
        (piecewise([0.5, 0.9, 7.0], [10, 20]), "7.0"),
        (exponential(1e3, 1e-3, 10), "1000.0"),
    ],
)
def test_what_a_schedule_reaches_is_checked(schedule: Schedule, reached: str) -> None:
    with pytest.raises(ValueError, match=rf"^b2 is a schedule that reaches {reached}; it must be"):
        optimizers.adam(0.1, b2=schedule)
    optimizers.adam(0.1, b2=lambda step: schedule(step))  # of what nobody knows nothing is said


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_of_schedules_are_finite(value: float) -> None:
    for factory in (linear, cosine, exponential):
        with pytest.raises(ValueError, match=r"^init_value is (nan|inf); it must be"):
            factory(value, 1.0, 10)
    with pytest.raises(ValueError, match=r"^values\[1\] is (nan|inf); it must be a finite number"):
        piecewise([1.0, value], [10])


@pytest.mark.parametrize("name", ["start_step", "num_steps"])
def test_one_of_the_numbers_may_be_traced_alone(name: str) -> None:
    def value(number: jax.Array) -> jax.Array:
        steps: Any = {"start_step": 2, "num_steps": 8, name: number}
        return jnp.asarray(linear(0.0, 1.0, **steps)(jnp.int32(4)))

    number = jnp.float32({"start_step": 2, "num_steps": 8}[name])
    np.testing.assert_allclose(jax.jit(value)(number), 0.25, rtol=1e-6)
