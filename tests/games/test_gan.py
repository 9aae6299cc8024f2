"""The GAN as a game: what it draws, what it shows, who owns what."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import Context, Loss, losses
from jaxgan.fields import gradient
from jaxgan.games import normal_latent
from jaxgan.penalties import Penalty, Term
from tests import helpers

KEY = jax.random.key(0)


def play(game: jaxgan.Game, batch: Any, **options: Any) -> Any:
    context = Context(jax.random.key(1), **options)
    params, net_state = game.init(KEY)
    scene, new_state = game.generate(params, net_state, batch, context)
    values, aux = game.losses(params, new_state, scene, context)
    return scene, values, aux


def test_losses_are_means_of_the_objective_over_both_batches() -> None:
    game = helpers.mlp_gan(loss=losses.hinge())
    params, net_state = game.init(KEY)
    scene, values, (_, metrics, _) = play(game, helpers.real_batch())
    outs = {
        name: np.asarray(game.critic(params, net_state, scene[name], scene, Context(KEY)))
        for name in ("real", "fake")
    }
    assert outs["real"].shape == (helpers.BATCH,)
    expected = np.mean(np.maximum(0, 1 - outs["real"]) + np.maximum(0, 1 + outs["fake"]))
    np.testing.assert_allclose(values["disc"], expected, rtol=1e-5)
    np.testing.assert_allclose(values["gen"], -np.mean(outs["fake"]), rtol=1e-5)
    np.testing.assert_allclose(metrics["disc"]["real_out"], outs["real"].mean(), rtol=1e-5)
    np.testing.assert_allclose(metrics["disc"]["fake_out"], outs["fake"].mean(), rtol=1e-5)


def test_a_scene_holds_data_labels_latents_and_samples() -> None:
    game, gen = helpers.mlp_gan(), helpers.mlp_gen()
    batch = {**helpers.real_batch(), "label": jnp.arange(helpers.BATCH, dtype=jnp.int32)}
    scene, _, _ = play(game, batch)
    np.testing.assert_array_equal(scene["real"], batch["image"])
    np.testing.assert_array_equal(scene["label"], batch["label"])
    params, net_state = game.init(KEY)
    fake, _ = gen.apply(params["gen"], net_state["gen"]["network"], scene["latent"])
    np.testing.assert_allclose(scene["fake"], fake, rtol=1e-5, atol=1e-6)


def test_latents_in_the_batch_are_taken_at_their_word() -> None:
    z = jnp.full((4, helpers.LATENT), 2.0)
    game = helpers.mlp_gan()
    params, net_state = game.init(KEY)
    # Sampling needs no images.
    scene, _ = game.generate(params, net_state, {"latent": z}, Context(KEY, train=False))
    np.testing.assert_array_equal(scene["latent"], z)
    assert scene["fake"].shape == (4, helpers.DIM)


def test_latents_follow_the_key_and_the_sampler() -> None:
    def spikes(key: Any, shape: tuple[int, ...]) -> jax.Array:
        return jax.random.bernoulli(key, 0.5, (*shape, helpers.LATENT)).astype(jnp.float32)

    game = jaxgan.gan(helpers.mlp_gen(), helpers.mlp_disc(), latent=spikes)
    scene, _, _ = play(game, helpers.real_batch())
    assert set(np.unique(scene["latent"])) == {0.0, 1.0}
    normal = normal_latent(3)(KEY, (5000,))
    assert normal.shape == (5000, 3)
    np.testing.assert_allclose(np.cov(normal.T), np.eye(3), atol=0.1)
    np.testing.assert_allclose(normal.mean(axis=0), np.zeros(3), atol=0.1)
    with pytest.raises(ValueError, match="dim is 0; it must be an integer"):
        normal_latent(0)


@pytest.mark.parametrize("player", ["gen", "disc"])
def test_evaluation_leaves_batch_statistics_alone(player: str) -> None:
    game = helpers.mlp_gan(**{f"{player}_batch_norm": True})
    assert game.couples_batch
    _, net_state = game.init(KEY)
    for train in (True, False):
        _, _, (new_state, _, _) = play(game, helpers.real_batch(), train=train)
        moved = helpers.max_difference(new_state, net_state)
        assert (moved > 1e-3) == train


def began(rate: float = 0.5) -> Loss:
    """An objective with a state: k grows by `rate` in every update of the discriminator."""

    def disc(real: Any, fake: Any, state: Any, context: Context) -> Any:
        k = state["k"] + rate
        return fake * state["k"] - real, {"k": k}

    def gen(real: Any, fake: Any, state: Any, context: Context) -> Any:
        return -fake * (1.0 + state["k"])

    return Loss(disc=disc, gen=gen, init=lambda: {"k": jnp.float32(0.0)}, couples_batch=True)


def test_the_state_of_a_loss_is_the_discriminators_and_is_logged() -> None:
    game = helpers.mlp_gan(loss=began())
    assert game.couples_batch
    assert not helpers.mlp_gan().couples_batch
    algorithm = jaxgan.alternating(gradient(game), optimizers=helpers.sgds(0.0), n_critic=3)
    state, history = helpers.run(algorithm, algorithm.init(KEY), 2)
    assert float(state.net_state["disc"]["loss"]["k"]) == 0.5 * 3 * 2
    assert "loss" not in state.net_state["gen"]
    # The mean over the step's three updates of k after each of them.
    np.testing.assert_allclose([float(m["disc/k"]) for m in history], [1.0, 2.5])


def test_what_a_game_does_not_know_in_its_state_is_passed_on() -> None:
    game = helpers.mlp_gan()
    params, net_state = game.init(KEY)
    net_state = {p: {**own, "pool": jnp.full(3, 7.0)} for p, own in net_state.items()}
    context = Context(jax.random.key(1))
    scene, new_state = game.generate(params, net_state, helpers.real_batch(), context)
    _, (new_state, _, _) = game.losses(params, new_state, scene, context)
    for player in ("gen", "disc"):
        np.testing.assert_array_equal(new_state[player]["pool"], np.full(3, 7.0))


def test_penalties_may_join_the_generators_loss() -> None:
    term = Term(
        name="weight_decay", values=lambda view, state: (jnp.float32(2.0), state), weight=3.0
    )
    bare, joined = (
        play(game, helpers.real_batch())[1]
        for game in (
            helpers.mlp_gan(),
            jaxgan.with_penalty(helpers.mlp_gan(), Penalty((term,)), player="gen"),
        )
    )
    np.testing.assert_allclose(joined["gen"] - bare["gen"], 6.0, rtol=1e-5)
    np.testing.assert_array_equal(joined["disc"], bare["disc"])
