"""What losses, penalties, layers and augmentations remember: kept, resumed, the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import jaxgan
from jaxgan import Algorithm, Game, auxiliary, distributed, losses, penalties
from jaxgan.augment import adjustable, diffaugment
from jaxgan.checkpoint.checkpointer import Checkpoints
from jaxgan.config import networks
from jaxgan.games import ada, gan
from tests import helpers

IMAGE, LATENT, BATCH = (8, 8, 1), 4, 16


def energies() -> Game:
    """BEGAN's controller, LeCam's anchors, a historical average."""
    gen = networks.mlp_generator(IMAGE, LATENT, features=(8,))
    disc = networks.mlp_autoencoder(IMAGE, features=(8,), code_dim=4)
    game = gan(gen, disc, latent=LATENT, loss=losses.began(lambda_k=0.1))
    terms = penalties.lecam() + penalties.historical_averaging(player="gen")
    return jaxgan.with_penalty(game, terms + auxiliary.pull_away())


def signs() -> Game:
    """The power iterations of spectral norm as a layer and as a penalty, ADA's probability."""
    gen = networks.mlp_generator(IMAGE, LATENT, features=(8,))
    disc = networks.mlp_discriminator(IMAGE, features=(8,), norm="spectral")
    game = gan(gen, disc, latent=LATENT, loss=losses.hinge())
    moved = adjustable(diffaugment(("translation",)))
    # The sign of a logit may change with its last bit; that of a mean of signs hardly can.
    game = ada(game, target=-1.0, length_images=100, every=1, augment=moved)
    terms = penalties.spectral_norm_penalty(player="gen") + penalties.path_length(every=2)
    return jaxgan.with_penalty(game, terms)


EXPECTED = {
    energies: {"loss", "lecam", "historical_averaging_gen"},
    signs: {"ada", "spectral", "spectral_norm_penalty_gen", "path_length"},
}
GAMES = pytest.mark.parametrize("make_game", EXPECTED)


def make(make_game: Callable[[], Game]) -> Algorithm:
    return jaxgan.alternating(jaxgan.gradient(make_game()), optimizers=helpers.sgds(0.05))


def batch_of(algorithm: Algorithm, index: int) -> dict[str, np.ndarray]:
    shape = (*algorithm.num_batches, BATCH, *IMAGE)
    return {"image": np.random.default_rng(index).uniform(-1, 1, shape).astype(np.float32)}


def names(tree: Any) -> set[str]:
    return {
        str(getattr(key, "key", "")) for path, _ in jax.tree.leaves_with_path(tree) for key in path
    }


@GAMES
def test_a_resumed_training_is_the_same_to_the_bit(
    make_game: Callable[[], Game], tmp_path: Path
) -> None:
    algorithm = make(make_game)
    step = jax.jit(algorithm.step)
    first = state = algorithm.init(jax.random.key(0))
    assert EXPECTED[make_game] <= names(state.net_state)
    for index in range(4):
        if index == 2:
            with_half = state
        state, _ = step(state, batch_of(algorithm, index))
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(2, with_half, {})
    checkpoints.wait()
    _, resumed, _ = checkpoints.restore(jax.eval_shape(algorithm.init, jax.random.key(0)))
    checkpoints.close()
    for index in (2, 3):
        resumed, _ = step(resumed, batch_of(algorithm, index))
    helpers.assert_same_bits(resumed, state)
    for name in EXPECTED[make_game]:
        for player, own in first.net_state.items():
            part = {**own, **own.get("network", {})}.get(name)
            after = {**state.net_state[player], **state.net_state[player].get("network", {})}
            if part:
                assert helpers.max_difference(part, after[name]) > 0, name


@GAMES
def test_one_device_and_eight(make_game: Callable[[], Game]) -> None:
    algorithm, ends = make(make_game), []
    for num in (1, 8):
        mesh = distributed.make_mesh(num)
        shardings = distributed.state_shardings(
            jax.eval_shape(algorithm.init, jax.random.key(0)), mesh
        )
        state = jax.jit(algorithm.init, out_shardings=shardings)(jax.random.key(0))
        step = distributed.jit_step(algorithm, mesh, shardings)
        for index in range(3):
            batch = batch_of(algorithm, index)
            sharding = distributed.batch_sharding(mesh, algorithm.num_batches)
            state, _ = step(state, jax.device_put(batch, sharding))
        ends.append(helpers.plain(distributed.gather(state.net_state, mesh)))
    one, eight = ends
    for (path, x), y in zip(jax.tree.leaves_with_path(one), jax.tree.leaves(eight), strict=True):
        np.testing.assert_allclose(y, x, rtol=1e-5, atol=1e-6, err_msg=jax.tree_util.keystr(path))
