"""Latents that move before they are used: against formulas in NumPy and finite differences."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import Context, Game, Network, games, losses, optimizers
from jaxgan.fields import gradient

pytestmark = pytest.mark.usefixtures("float64")

CONTEXT = Context(jax.random.key(1))
Z = np.random.default_rng(0).uniform(-1, 1, size=(16, 2))
X = np.random.default_rng(1).normal(size=(16, 2))
BATCH = {"image": X, "latent": Z}
THETA, PSI = 1.3, np.asarray([0.8, -1.7])


def on_device() -> dict[str, jax.Array]:
    return {name: jnp.asarray(x) for name, x in BATCH.items()}


def plain(loss: Any = None) -> Game:
    """G(z) = θ z and D(x) = ψ · tanh x."""

    def gen(w: Any, state: Any, z: Any, **_: Any) -> Any:
        return w * z, state

    def disc(w: Any, state: Any, x: Any, **_: Any) -> Any:
        return jnp.tanh(x) @ w, state

    return jaxgan.gan(
        Network(init=lambda key: (jnp.asarray(THETA), {}), apply=gen),
        Network(init=lambda key: (jnp.asarray(PSI), {}), apply=disc),
        latent=2,
        loss=losses.minimax() if loss is None else loss,
    )


def by_hand(
    theta: float, psi: np.ndarray, moves: np.ndarray, weight: float, bound: float
) -> tuple[np.ndarray, dict[str, float]]:
    slope = theta * psi * (1 - np.tanh(theta * Z) ** 2)
    step = moves[:, None] * 0.9 * slope / (5.0 + (slope**2).sum(axis=1, keepdims=True))
    z = np.clip(Z + step, -bound, bound)
    real, fake = np.tanh(X) @ psi, np.tanh(theta * z) @ psi
    disc = np.mean(np.log1p(np.exp(-real)) + np.log1p(np.exp(fake)))
    length = weight * np.mean((step**2).sum(axis=1))
    return z, {"disc": disc + length, "gen": -disc + length}


def pull(game: Game) -> Any:
    params, net_state = game.init(jax.random.key(0))
    return jax.jit(gradient(game).apply)(params, (), net_state, on_device(), CONTEXT)


@pytest.mark.parametrize(
    ("weight", "bound"), [(300.0, 1.0), pytest.param(0.0, 5.0, marks=pytest.mark.slow)]
)
def test_losses_and_gradients_go_through_the_step(weight: float, bound: float) -> None:
    game = games.logan(plain(), weight=weight, bound=bound)
    params, net_state = game.init(jax.random.key(0))
    scene, _ = game.generate(params, net_state, on_device(), CONTEXT)
    moves = np.asarray(scene["logan/step"] > 0)
    assert 0 < moves.sum() < len(moves)
    z, expected = by_hand(THETA, PSI, moves, weight, bound)
    np.testing.assert_allclose(scene["latent"], z, rtol=1e-10)
    grads, _, (_, metrics) = pull(game)
    for player, value in expected.items():
        np.testing.assert_allclose(metrics[player]["loss"], value, rtol=1e-10)
    size = 1e-6
    slope = [by_hand(THETA + s * size, PSI, moves, weight, bound)[1]["gen"] for s in (1, -1)]
    np.testing.assert_allclose(grads["gen"], (slope[0] - slope[1]) / (2 * size), rtol=1e-6)
    for i in range(2):
        way = size * np.eye(2)[i]
        ends = [by_hand(THETA, PSI + s * way, moves, weight, bound)[1]["disc"] for s in (1, -1)]
        np.testing.assert_allclose(grads["disc"][i], (ends[0] - ends[1]) / (2 * size), rtol=1e-6)


def test_the_fraction_of_latents_and_samples_that_do_not_move() -> None:
    for fraction, share in ((0.0, 0.0), (1.0, 1.0)):
        game = games.logan(plain(), fraction=fraction)
        params, net_state = game.init(jax.random.key(0))
        scene, _ = game.generate(params, net_state, on_device(), CONTEXT)
        np.testing.assert_allclose(np.mean(scene["logan/step"] > 0), share)
        sampled, _ = game.generate(
            params, net_state, on_device(), Context(jax.random.key(0), train=False)
        )
        np.testing.assert_array_equal(sampled["fake"], THETA * Z)
    assert games.logan(plain(), weight=0.0).is_zero_sum
    assert not games.logan(plain()).is_zero_sum


@pytest.mark.slow
def test_lookahead_moves_the_latents_with_the_discriminator() -> None:
    game = games.logan(plain(), weight=1.0)
    inner: Any = {"inner": optimizers.sgd(0.1), "inner_state": "fresh"}
    found = pull(jaxgan.unrolled(game, num_steps=2, **inner))[0]
    params, net_state = game.init(jax.random.key(0))

    def value(params: Any, player: str) -> Any:
        scene, state = game.generate(params, net_state, on_device(), CONTEXT)
        return game.losses(params, state, scene, CONTEXT)[0][player]

    def ahead(params: Any) -> Any:
        for _ in range(2):
            step = jax.grad(value)(params, "disc")["disc"]
            params = {**params, "disc": params["disc"] - 0.1 * step}
        return value(params, "gen")

    np.testing.assert_allclose(found["gen"], jax.grad(ahead)(params)["gen"], rtol=1e-10)


def test_a_game_without_latents_is_one_line() -> None:
    with pytest.raises(ValueError, match=r"^logan moves latents; a scene of this game has no"):
        pull(games.logan(jaxgan.bilinear()))
    with pytest.raises(ValueError, match=r"^beta is 0; it must be above 0 and finite$"):
        games.logan(plain(), beta=0)
