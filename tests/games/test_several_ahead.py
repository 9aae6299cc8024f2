"""Several players who look ahead of one opponent, against the same loops written by hand."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import Context, Game, optimizers
from jaxgan.fields import gradient

pytestmark = pytest.mark.usefixtures("float64")

CONTEXT = Context(jax.random.key(0))
INNER: Any = {"inner": optimizers.sgd(0.1), "inner_state": "fresh"}
GENS = ("gen0", "gen1")


def values(params: Any) -> Any:
    """Two who each want another answer of a third."""
    x, y, z = params["gen0"], params["gen1"], params["disc"]
    return {
        "gen0": jnp.sum(jnp.sin(x * z) + 0.1 * x**2),
        "gen1": jnp.sum((y - z) ** 2 * jnp.cos(x)),
        "disc": jnp.sum(jnp.cosh(z) - z * (jnp.sin(x) + y**2)),
    }


def three(calls: list[int]) -> Game:
    def losses(params: Any, batch: Any, context: Context) -> Any:
        calls.append(1)
        return values(params)

    def init(key: Any) -> Any:
        draws = np.random.default_rng(0).normal(size=(3, 2))
        return {p: jnp.asarray(x) for p, x in zip(("disc", *GENS), draws, strict=True)}

    return jaxgan.general_sum(init, losses)


def pull(game: Game) -> Any:
    params, net_state = game.init(CONTEXT.key)
    return jax.jit(gradient(game).apply)(params, (), net_state, {}, CONTEXT)[0]


def by_hand(num_steps: int, gamma: float = 0.1) -> Any:
    """Each one's gradient of its own loss after the steps of the third, who sees both."""

    def ahead(params: Any) -> Any:
        def step(z: jax.Array, _: None) -> Any:
            return z - gamma * jax.grad(lambda z: values({**params, "disc": z})["disc"])(z), _

        return {**params, "disc": jax.lax.scan(step, params["disc"], length=num_steps)[0]}

    params, _ = three([]).init(CONTEXT.key)
    grads = {p: jax.grad(lambda w, p=p: values(ahead(w))[p])(params)[p] for p in GENS}
    return {**grads, "disc": jax.grad(lambda w: values(w)["disc"])(params)["disc"]}


def test_several_look_ahead_side_by_side() -> None:
    calls: list[int] = []
    game, expected = three(calls), by_hand(4)
    found = pull(jaxgan.unrolled(game, player=GENS, num_steps=4, **INNER))
    assert len(calls) == 3  # now, in the loop, after it
    for player in expected:
        np.testing.assert_allclose(found[player], expected[player], rtol=1e-12, err_msg=player)
    alone = {p: pull(jaxgan.unrolled(game, player=p, num_steps=4, **INNER)) for p in GENS}
    for player in GENS:
        other = next(p for p in GENS if p != player)
        np.testing.assert_allclose(found[player], alone[player][player], rtol=1e-12)
        assert np.abs(found[player] - alone[other][player]).max() > 0.1
    # One call in another is the same here, and traces the game three times as often for each.
    calls.clear()
    nested = game
    for player in GENS:
        nested = jaxgan.unrolled(nested, player=player, num_steps=4, **INNER)
    again = pull(nested)
    assert len(calls) == 9
    for player in expected:
        np.testing.assert_allclose(again[player], expected[player], rtol=1e-12, err_msg=player)


def test_several_share_one_best_response() -> None:
    near: Any = {"num_steps": 60, "newton_steps": 4, "tol": 1e-13, "inner": optimizers.sgd(0.3)}
    made = jaxgan.implicit(three([]), player=GENS, **near)
    found, expected = pull(made), by_hand(400)
    for player in expected:
        np.testing.assert_allclose(found[player], expected[player], rtol=1e-9, err_msg=player)
