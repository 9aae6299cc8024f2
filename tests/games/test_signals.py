"""What a discriminator's outputs tell: closed forms, and that the game does not notice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan as jg
from jaxgan.games import signals, with_signals
from jaxgan.losses import Loss
from tests import helpers

CONTEXT = jg.Context(jax.random.key(0))
REAL, FAKE = np.random.default_rng(0).normal(size=(2, 64)) + np.array([[1.0], [-0.5]])


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-x))


Formula = Callable[[np.ndarray, np.ndarray], np.ndarray]
DOUBTS: dict[str, tuple[Loss, Formula]] = {
    "non_saturating": (jg.losses.non_saturating(), lambda r, f: (sigmoid(-r) + sigmoid(f)) / 2),
    "minimax": (jg.losses.minimax(), lambda r, f: (sigmoid(-r) + sigmoid(f)) / 2),
    "hinge": (jg.losses.hinge(), lambda r, f: ((r < 1.0) * 1.0 + (f > -1.0)) / 2),
    "least_squares": (jg.losses.least_squares(), lambda r, f: (abs(r - 1.0) + abs(f)) / 2),
    "wasserstein": (jg.losses.wasserstein(), lambda r, f: np.ones(1)),
    "relativistic": (jg.losses.relativistic(), lambda r, f: sigmoid(f - r)),
    "ebgan": (jg.losses.ebgan(margin=1.0), lambda r, f: (1.0 + (f > -1.0)) / 2),
}


def told(loss: Loss, real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
    found = signals(loss, jnp.asarray(real), jnp.asarray(fake), loss.init(), CONTEXT)
    return {name: float(value) for name, value in found.items()}


@pytest.mark.parametrize("name", DOUBTS)
def test_doubt_is_what_the_objective_asks_of_the_outputs(name: str, float64: None) -> None:
    loss, formula = DOUBTS[name]
    found = told(loss, REAL, FAKE)
    np.testing.assert_allclose(found["loss_slope"], np.mean(formula(REAL, FAKE)), rtol=1e-6)
    spread = np.sqrt((REAL.var() + FAKE.var()) / 2)
    np.testing.assert_allclose(found["separation"], (REAL.mean() - FAKE.mean()) / spread, rtol=1e-6)
    np.testing.assert_allclose(found["real_sign"], np.sign(REAL).mean(), rtol=1e-6)


def test_the_separation_has_no_unit(float64: None) -> None:
    loss = jg.losses.wasserstein()
    first, moved = (told(loss, a * REAL + b, a * FAKE + b) for a, b in ((1.0, 0.0), (50.0, -7.0)))
    assert first["separation"] == pytest.approx(moved["separation"], rel=1e-5)
    assert first["separation"] > 1.0
    assert told(loss, FAKE, REAL)["separation"] < -1.0
    # A discriminator that says the same of everything separates nothing.
    assert told(loss, np.ones(8), np.ones(8))["separation"] == 0.0


def test_outputs_of_several_heads_are_all_asked(float64: None) -> None:
    loss = jg.losses.multi_class()
    classes = np.random.default_rng(1).normal(size=(2, 64, 3))
    labels = jnp.zeros(64, jnp.int32)
    real, fake = (
        {"logits": jnp.zeros(64), "class_logits": jnp.asarray(c), "label": labels} for c in classes
    )
    found = signals(loss, real, fake, loss.init(), CONTEXT)
    sums = [np.exp(c).sum(axis=1) for c in classes]
    probabilities = np.exp(classes[0]) / sums[0][:, None]
    slopes = probabilities - np.eye(3)[0] - probabilities / (1.0 + sums[0])[:, None]
    expected = np.mean(np.abs(slopes).sum(axis=1)) + np.mean(sums[1] / (1.0 + sums[1]))
    np.testing.assert_allclose(float(found["loss_slope"]), expected / 2, rtol=1e-6)


def test_the_game_is_the_same_with_and_without_them() -> None:
    def pull(tell: bool) -> Any:
        game = jg.gan(helpers.mlp_gen(), helpers.mlp_disc(), latent=helpers.LATENT)
        game = with_signals(game) if tell else game
        params, net_state = game.init(jax.random.key(0))
        apply = jax.jit(jg.gradient(game).apply)
        return apply(params, (), net_state, helpers.real_batch(), CONTEXT)

    with_them, without = pull(True), pull(False)
    assert helpers.max_difference(with_them[0], without[0]) < 1e-6
    names = set(with_them[2][1]["disc"]) - set(without[2][1]["disc"])
    assert names == {"real_sign", "separation", "loss_slope"}
    assert set(with_them[2][1]["gen"]) == set(without[2][1]["gen"])


def test_the_objective_is_evaluated_once() -> None:
    loss, calls = jg.losses.non_saturating(), []

    def disc(*arguments: Any) -> Any:
        calls.append(arguments)
        return loss.disc(*arguments)

    gen, network = helpers.mlp_gen(), helpers.mlp_disc()
    counted = with_signals(
        jg.gan(gen, network, latent=helpers.LATENT, loss=loss._replace(disc=disc))
    )
    params, net_state = counted.init(jax.random.key(0))
    scene, net_state = counted.generate(params, net_state, helpers.real_batch(), CONTEXT)
    _, (_, metrics, outputs) = counted.losses(params, net_state, scene, CONTEXT)
    assert len(calls) == 1
    found = signals(loss, outputs["real"], outputs["fake"], (), CONTEXT)
    for name, value in found.items():
        np.testing.assert_allclose(metrics["disc"][name], value, rtol=1e-6)


@pytest.mark.parametrize("pool_size", [0, 4])
def test_a_critic_of_two_domains_has_the_mean_of_both(pool_size: int) -> None:
    def images(w: Any, state: Any, x: Any, train: bool = True, key: Any = None) -> Any:
        return jnp.tanh(w * x), state

    def patches(w: Any, state: Any, x: Any, train: bool = True, key: Any = None) -> Any:
        return w * x[..., 0], state

    gen, disc = (
        jg.Network(init=lambda key: (jnp.ones(()), {}), apply=apply) for apply in (images, patches)
    )
    game = with_signals(
        jg.games.cyclegan(
            {"forward": gen, "backward": gen},
            {"image": disc, "source": disc},
            shapes={"image": (2, 2, 1), "source": (2, 2, 1)},
            pool_size=pool_size,
        )
    )
    draw = np.random.default_rng(0).uniform(-1, 1, (2, 3, 2, 2, 1)).astype(np.float32)
    params, net_state = game.init(jax.random.key(0))
    scene, net_state = game.generate(
        params, net_state, {"image": draw[0], "source": draw[1]}, CONTEXT
    )
    _, (_, metrics, _) = game.losses(params, net_state, scene, CONTEXT)
    # A pool that has room shows the newest images.
    expected = np.mean(DOUBTS["least_squares"][1](draw, np.tanh(draw)))
    np.testing.assert_allclose(metrics["disc"]["loss_slope"], expected, rtol=1e-5)


def test_a_game_without_an_objective_has_none() -> None:
    game = with_signals(jg.games.bilinear())
    params, net_state = game.init(jax.random.key(0))
    with pytest.raises(ValueError, match="needs a game with a discriminator's loss"):
        game.losses(params, net_state, {}, CONTEXT)
