"""Games with an inference side: each under each way to play it, and what makes no sense refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import Algorithm, Game, fields, optimizers
from jaxgan.config.networks import (
    mlp_discriminator,
    mlp_encoder,
    mlp_generator,
    mlp_joint_discriminator,
)
from jaxgan.games import autoencoder, bigan, infogan, unrolled, vae, vae_gan
from tests import helpers

KEY = jax.random.key(0)
POINT, TINY = (helpers.DIM,), {"features": (4,)}


def parts(distribution: str) -> tuple[Any, Any]:
    encoder = mlp_encoder(POINT, helpers.LATENT, distribution, **TINY)
    return encoder, mlp_generator(POINT, helpers.LATENT, **TINY)


def make_infogan() -> Game:
    codes = {"categorical": (2,), "num_continuous": 1}
    gen = mlp_generator(POINT, 2 + 3, **TINY)
    disc = mlp_discriminator(POINT, head="codes", num_categories=2, num_continuous=1, **TINY)
    return infogan(gen, disc, noise_dim=2, **codes)


def make_bigan() -> Game:
    encoder, gen = parts("gaussian")
    widths = {"latent_features": (4,), "joint_features": (4,)}
    disc = mlp_joint_discriminator(POINT, helpers.LATENT, **TINY, **widths)
    return bigan(gen, encoder, disc, latent=helpers.LATENT)


def make_vae_gan() -> Game:
    disc = mlp_discriminator(POINT, head="features", **TINY)
    return vae_gan(*parts("gaussian"), disc, latent_dim=helpers.LATENT)


def make_autoencoder() -> Game:
    options = {"noise_std": 0.1, "mask_share": 0.1, "contraction": 0.1}
    return autoencoder(*parts("point"), sparsity="kl", sparsity_weight=0.1, **options)


GAMES: Mapping[str, Callable[[], Game]] = {
    "autoencoder": make_autoencoder,
    "bigan": make_bigan,
    "infogan": make_infogan,
    "vae": lambda: vae(*parts("gaussian"), latent_dim=helpers.LATENT),
    "vae_gan": make_vae_gan,
}
ALONE = ("autoencoder", "vae")


def adams(game: Game) -> dict[str, Any]:
    return {player: optimizers.adam(1e-2, b1=0.5) for player in game.players}


def simultaneous(game: Game) -> Algorithm:
    return jaxgan.simultaneous(jaxgan.gradient(game), optimizers=adams(game))


def with_field(transform: Any) -> Callable[[Game], Algorithm]:
    return lambda game: jaxgan.simultaneous(
        transform(jaxgan.gradient(game)), optimizers=adams(game)
    )


WAYS: Mapping[str, Callable[[Game], Algorithm]] = {
    "simultaneous": simultaneous,
    "consensus": with_field(partial(fields.consensus, gamma=0.1)),
    "alternating": lambda game: jaxgan.alternating(jaxgan.gradient(game), optimizers=adams(game)),
    "unrolled": lambda game: simultaneous(unrolled(game, num_steps=1)),
    "extragradient": lambda game: jaxgan.extragradient(
        jaxgan.gradient(game), optimizers=adams(game)
    ),
    "symplectic": with_field(fields.symplectic),
    "lola": with_field(partial(fields.lola, alpha=0.1)),
    "ema": lambda game: jaxgan.ema(simultaneous(game)),
}
NEED_TWO = ("alternating", "unrolled")
QUICK = [("bigan", "simultaneous"), ("autoencoder", "simultaneous"), ("vae", "consensus")]


def pairs() -> list[Any]:
    found = [(g, w) for g in GAMES for w in WAYS if not (g in ALONE and w in NEED_TWO)]
    return [pytest.param(*p, marks=() if p in QUICK else pytest.mark.slow) for p in found]


@pytest.mark.parametrize(("name", "way"), pairs())
def test_two_steps_are_finite_and_move_everything(name: str, way: str) -> None:
    algorithm = WAYS[way](GAMES[name]())
    before = state = jax.jit(algorithm.init)(KEY)
    step = jax.jit(algorithm.step)
    for index in range(2):
        state, metrics = step(state, helpers.real_batch(algorithm.num_batches, seed=index))
        assert all(np.isfinite(value).all() for value in metrics.values()), metrics
    moved = jax.tree.map(lambda a, b: float(np.abs(a - b).max()), state.params, before.params)
    still = [path for path, gap in jax.tree.leaves_with_path(moved) if not gap > 0.0]
    assert not still
    assert jax.tree.structure(state) == jax.tree.structure(before)


@pytest.mark.parametrize("name", ALONE)
def test_what_needs_an_opponent_says_so(name: str) -> None:
    game = GAMES[name]()
    alone = r"the game's players are \['gen'\]"
    with pytest.raises(ValueError, match=f"critic is 'disc'; {alone}"):
        WAYS["alternating"](game)
    with pytest.raises(ValueError, match=f"opponent is 'disc'; {alone}"):
        unrolled(game, num_steps=1)
    with pytest.raises(ValueError, match=f"norms names .*'disc'.*; {alone}"):
        fields.gradient_norm(jaxgan.gradient(game))
    with pytest.raises(ValueError, match="zero-sum game"):
        fields.competitive(jaxgan.gradient(game), eta=0.1, solver="cg")
    with pytest.raises(ValueError, match="player is 'disc'"):
        jaxgan.with_penalty(game, jaxgan.penalties.r1(weight=1.0))
    augmented = jaxgan.instance_noise(game, std=0.1)
    params, net_state = game.init(KEY)
    context = jaxgan.Context(KEY)
    scene, net_state = augmented.generate(params, net_state, helpers.real_batch(), context)
    with pytest.raises(ValueError, match="instance_noise needs a game whose scene has 'real'"):
        augmented.losses(params, net_state, scene, context)


@pytest.mark.parametrize("name", helpers.rows(("bigan", "vae", "vae_gan"), ("bigan", "vae_gan")))
def test_codes_are_drawn_for_the_whole_batch_and_then_split(name: str) -> None:
    found = []
    game = GAMES[name]()
    params, net_state = game.init(KEY)
    for transform in (lambda field: field, partial(jaxgan.microbatch, num_parts=2)):
        field = transform(jaxgan.gradient(game))
        batch, context = helpers.real_batch(), jaxgan.Context(KEY)
        pull, _, _ = jax.jit(field.apply)(params, (), net_state, batch, context)
        found.append(pull)
    gaps = jax.tree.map(lambda a, b: jnp.abs(a - b).max(), *found)
    assert max(jax.tree.leaves(gaps)) < 1e-5
