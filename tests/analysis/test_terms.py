"""Norms and cosines of the gradients of terms, against gradients written by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import Context, losses, penalties
from jaxgan.analysis import TermGradient, ravel_players, term_gradients
from tests import helpers

CONTEXT = Context(jax.random.key(3))


def measured(game: jaxgan.Game, context: Context = CONTEXT) -> Any:
    params, net_state = game.init(jax.random.key(0))
    batch = helpers.real_batch(dtype=jnp.result_type(float))
    return term_gradients(game, params, net_state, batch, context)


def by_differences(game: jaxgan.Game, player: str) -> np.ndarray:
    """A player's gradient of its own loss, by central differences."""
    params, net_state = game.init(jax.random.key(0))
    flat, unravel = ravel_players({player: params[player]})
    batch = helpers.real_batch(dtype=jnp.float64)

    @jax.jit
    def loss(flat: Any) -> Any:
        here = {**params, **unravel(flat)}
        scene, state = game.generate(here, net_state, batch, CONTEXT)
        return game.losses(here, state, scene, CONTEXT)[0][player]

    steps = 1e-6 * np.eye(flat.size)
    return np.array([(loss(flat + h) - loss(flat - h)) / 2e-6 for h in steps])


def check(found: TermGradient, own: np.ndarray, others: np.ndarray) -> None:
    cosine = own @ others / np.linalg.norm(own) / np.linalg.norm(others)
    np.testing.assert_allclose(found.norm, np.linalg.norm(own), rtol=1e-6)
    np.testing.assert_allclose(found.cosine, cosine, rtol=1e-5)
    assert abs(cosine) < 0.999  # which would fit other vectors too


def test_terms_of_a_sum_and_a_penalty_match_finite_differences(float64: None) -> None:
    loss = losses.least_squares() + 0.5 * losses.wasserstein()
    found = measured(helpers.mlp_gan(jnp.float64, loss=loss, penalty=penalties.r1(weight=0.3)))
    parts = {
        "least_squares": helpers.mlp_gan(jnp.float64, loss=losses.least_squares()),
        "wasserstein": helpers.mlp_gan(jnp.float64, loss=0.5 * losses.wasserstein()),
    }
    of_gen = {name: by_differences(game, "gen") for name, game in parts.items()}
    of_disc = {name: by_differences(game, "disc") for name, game in parts.items()}
    penalized = jaxgan.with_penalty(parts["wasserstein"], penalties.r1(weight=0.3))
    of_disc["r1"] = by_differences(penalized, "disc") - of_disc["wasserstein"]
    for player, own in (("gen", of_gen), ("disc", of_disc)):
        assert set(found[player]) == {*own, "rest"}
        for name, gradient in own.items():
            check(found[player][name], gradient, sum(own.values()) - gradient)
        assert float(found[player]["rest"].norm) == 0.0 == float(found[player]["rest"].cosine)


def test_an_objective_that_is_no_sum_is_the_rest(float64: None) -> None:
    game = helpers.mlp_gan(jnp.float64, loss=losses.hinge(), penalty=penalties.r1(weight=0.3))
    found = measured(game)
    assert set(found) == {"disc"}
    adversarial = by_differences(helpers.mlp_gan(jnp.float64, loss=losses.hinge()), "disc")
    penalty = by_differences(game, "disc") - adversarial
    check(found["disc"]["rest"], adversarial, penalty)
    check(found["disc"]["r1"], penalty, adversarial)


def test_a_lazy_term_is_measured_where_it_is_due() -> None:
    game = jaxgan.with_penalty(jaxgan.dirac(), penalties.r1(weight=0.5, every=4))
    params, net_state = game.init(jax.random.key(0))
    for count, norm in ((0, 4 * 0.5), (1, 0.0)):  # γ ψ with ψ = 1
        context = replace(CONTEXT, updates={"disc": jnp.int32(count)})
        found = term_gradients(game, params, net_state, {"image": jnp.zeros((4, 1))}, context)
        np.testing.assert_allclose(found["disc"]["r1"].norm, norm, rtol=1e-6)


def test_a_game_without_terms_has_none() -> None:
    assert measured(helpers.mlp_gan(loss=losses.hinge())) == {}
    game = helpers.mlp_gan(loss=losses.hinge() + losses.minimax().named("rest"))
    with pytest.raises(ValueError, match="a term's name is 'rest'; it must be another"):
        measured(game)
