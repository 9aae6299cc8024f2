"""The rates that an algorithm's steps use, against the schedules that they were given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxgan
from jaxgan import Algorithm, linear, optimizers
from jaxgan.fields import gradient
from tests.contracts.test_algorithms import BOTH, ROWS, Row

NUM_STEPS = 10
RATE = linear(0.1, 0.0, NUM_STEPS)


def rate(count: int) -> float:
    return 0.1 * max(0.0, 1 - count / NUM_STEPS)


def gate(count: jax.Array) -> jax.Array:
    return -jnp.asarray(RATE(count))


# Under a gradient of one each of these moves by the schedule's value, whatever its moments.
MOVES = {
    "sgd": optimizers.sgd(RATE),
    "adam, injected": optimizers.adam(RATE, b1=0.0, b2=lambda count: 0.0 * count),
    "chain in chain": optax.chain(optax.chain(optax.trace(0.0), optax.scale_by_schedule(gate))),
}
# And these clip to the schedule's value, far as they would go.
CLIPS = {"clip": optimizers.sgd(100.0, weight_clip=lambda count: RATE(count) + 0.5)}
CASES = {**MOVES, **CLIPS, "b2": optimizers.adam(0.1, b1=0.5, b2=lambda count: 0.5 + RATE(count))}


def steady() -> jaxgan.Game:
    """Every derivative of every player's loss is one, everywhere."""

    def value(params: Any, batch: Any, context: Any) -> jax.Array:
        x, y = (jnp.sum(jnp.stack(jax.tree.leaves(params[player]))) for player in BOTH)
        return x - y

    start = dict.fromkeys(CASES, 0.0)
    return jaxgan.zero_sum(
        lambda key: {player: jax.tree.map(jnp.asarray, start) for player in BOTH}, value
    )


def play(algorithm: Algorithm) -> tuple[Any, Any]:
    """The last state, and the parameters after each of the steps."""

    def body(state: Any, _: Any) -> Any:
        state, _ = algorithm.step(state, {})
        return state, state.params

    state = algorithm.init(jax.random.key(0))
    return jax.jit(lambda s: jax.lax.scan(body, s, None, length=NUM_STEPS))(state)


@ROWS
def test_ten_steps_use_the_rates_of_the_schedule(row: Row) -> None:
    parts = optax.partition(CASES, {name: name for name in CASES})
    last, path = play(row.make(gradient(steady()), optimizers=dict.fromkeys(BOTH, parts)))
    for player in BOTH:
        num = row.updates(player)
        counts = np.arange(NUM_STEPS * num).reshape(NUM_STEPS, num)
        moves = np.vectorize(rate)(counts)
        for name in MOVES:
            now = np.asarray(path[player][name])
            begun = np.append(0.0, now[:-1])
            if "anchor" in row.memory:  # drawn back to 0 by 1 / (t + 2) of the way
                begun *= 1 - 1 / (2 + np.arange(NUM_STEPS))
            found = begun - now
            expected = moves.sum(axis=1)
            np.testing.assert_allclose(found, expected, atol=1e-6, err_msg=f"{player}, {name}")
        np.testing.assert_allclose(path[player]["clip"], -moves[:, -1] - 0.5, rtol=1e-6)
        adam = last.opt_state[player].inner_states["b2"].inner_state
        np.testing.assert_allclose(adam.hyperparams["b2"], 0.5 + moves[-1, -1], rtol=1e-6)
        # Moments and their bias correction have seen every gradient.
        assert int(adam.inner_state[0].count) == NUM_STEPS * num * row.half_steps


@pytest.mark.parametrize("make", [jaxgan.extragradient, jaxgan.past_extragradient])
def test_both_half_steps_have_the_rate_of_the_step(
    make: Callable[..., Algorithm], float64: None
) -> None:
    one = jnp.ones((1, 1))  # f = ½x² - ½y²: both players are pulled by where they are.
    sgd = optimizers.sgd(lambda count: 1.0 / (2.0 + count))
    game = jaxgan.quadratic(one, 0.0 * one, one)
    _, path = play(make(gradient(game), optimizers=dict.fromkeys(BOTH, sgd)))
    w, half = 1.0, 0.0
    for step in range(NUM_STEPS):
        eta = 1.0 / (2.0 + step)
        half = w - eta * (w if make is jaxgan.extragradient else half)
        w = w - eta * half
        np.testing.assert_allclose(path["gen"][step], [w], rtol=1e-6)
        np.testing.assert_allclose(path["disc"][step], [w], rtol=1e-6)
