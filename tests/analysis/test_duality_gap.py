"""Lower bounds of duality gaps against those of games that are known."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import Context, losses, optimizers, penalties
from jaxgan.analysis import duality_gap
from jaxgan.core.errors import InputError
from jaxgan.core.game import zero_sum
from jaxgan.fields import gradient
from tests import helpers
from tests.analysis import games

CONTEXT = Context(jax.random.key(0))


def test_that_of_a_convex_concave_quadratic(float64: None) -> None:
    draw = np.random.default_rng(0)
    a, c = (np.diag(draw.uniform(0.5, 2.0, size)) for size in (3, 4))
    b, x, y = draw.normal(size=(3, 4)), draw.normal(size=3), draw.normal(size=4)
    # max_y f = ½ xᵀ(A + B C⁻¹ Bᵀ)x, and the same for the other.
    highest = 0.5 * x @ (a + b @ np.linalg.inv(c) @ b.T) @ x
    lowest = -0.5 * y @ (c + b.T @ np.linalg.inv(a) @ b) @ y
    point = {"gen": jnp.asarray(x), "disc": jnp.asarray(y)}
    found = duality_gap(
        gradient(games.quadratic(a, b, c)),
        point,
        {"gen": {}, "disc": {}},
        {},
        CONTEXT,
        optimizer=optimizers.sgd(0.3),
        num_steps=300,
        num_starts=2,
    )
    assert found.gap == pytest.approx(highest - lowest, rel=1e-9)
    assert found.highest == pytest.approx(highest, rel=1e-9)
    assert found.value == pytest.approx(0.5 * x @ a @ x + x @ b @ y - 0.5 * y @ c @ y)
    short = duality_gap(
        gradient(games.quadratic(a, b, c)), point, {"gen": {}, "disc": {}}, {}, CONTEXT, num_steps=3
    )
    assert 0 < short.gap < found.gap


def test_several_starts_find_what_one_does_not(float64: None) -> None:
    # Against x = 0 the discriminator stands at a hollow, y = 0, between two tops.
    def value(params: Any, batch: Any, context: Any) -> Any:
        x, y = params["gen"], params["disc"]
        return jnp.sum(x**2 - 0.25 * (y**2 - 1) ** 2)

    def init(key: jax.Array) -> Any:
        return {"gen": jnp.ones(1), "disc": jax.random.normal(key, (1,))}

    point = {"gen": jnp.zeros(1), "disc": jnp.zeros(1)}
    options = {"optimizer": optimizers.sgd(0.1), "num_steps": 200}
    field = gradient(zero_sum(init, value))
    states: dict[str, Any] = {"gen": {}, "disc": {}}
    alone = duality_gap(field, point, states, {}, CONTEXT, num_starts=1, **options)
    several = duality_gap(field, point, states, {}, CONTEXT, num_starts=3, **options)
    assert alone.gap == 0.0
    assert several.gap == pytest.approx(0.25)
    assert several.starts["disc"].shape == (3,)
    assert several.starts["disc"][0] == alone.highest


@pytest.mark.slow
def test_of_a_gan_it_is_positive_and_may_be_tested_elsewhere() -> None:
    game = helpers.mlp_gan(loss=losses.minimax())
    params, net_state = game.init(jax.random.key(1))
    batch = helpers.real_batch()
    call = {"optimizer": optimizers.adam(1e-2), "num_steps": 20, "num_starts": 2}
    found = duality_gap(gradient(game), params, net_state, batch, CONTEXT, **call)
    assert found.gap > 0
    assert found.highest >= found.value >= found.lowest
    other = (batch, Context(jax.random.key(5)))
    tested = duality_gap(gradient(game), params, net_state, batch, CONTEXT, test=other, **call)
    assert tested.gap != found.gap


def test_a_game_that_is_not_zero_sum_is_refused() -> None:
    game = jaxgan.with_penalty(jaxgan.dirac(), penalties.r1(weight=0.5))
    params, net_state = game.init(jax.random.key(0))
    with pytest.raises(InputError, match="duality_gap: the game is not zero-sum"):
        duality_gap(gradient(game), params, net_state, {"image": jnp.zeros((4, 1))}, CONTEXT)
