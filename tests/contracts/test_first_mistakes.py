"""What a newcomer writes wrongly: each is one line that says what is expected, and how."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import pytest
from flax import nnx

import jaxgan as jg
from jaxgan import from_linen, from_nnx, losses, optimizers, penalties
from tests import helpers

GEN, DISC = from_linen(nn.Dense(2), jnp.zeros((1, 4))), from_linen(nn.Dense(1), jnp.zeros((1, 2)))
GAME = jg.bilinear()
FIELD = jg.gradient(GAME)
SGD = optimizers.sgd(0.1)
PLAYED = jg.simultaneous(FIELD, optimizers=helpers.sgds(0.1))


def gan(**options: Any) -> jg.Game:
    return jg.gan(**({"gen": GEN, "disc": DISC, "latent": 4} | options))


def step(batch: Any) -> Any:
    algorithm = jg.simultaneous(jg.gradient(gan()), optimizers=helpers.sgds(0.1))
    return algorithm.step(algorithm.init(jax.random.key(0)), batch)


MISTAKES: dict[str, tuple[Callable[[], Any], str]] = {
    "a loss that is not called": (
        lambda: gan(loss=losses.hinge),
        "loss is the function hinge; it must be a Loss, such as jg.losses.hinge(), or none",
    ),
    "the name of a loss": (
        lambda: gan(loss="hinge"),
        "loss is 'hinge'; it must be a Loss, such as jg.losses.hinge(), or none",
    ),
    "a game in place of its field": (
        lambda: jg.simultaneous(GAME, optimizers=helpers.sgds(0.1)),
        "field is a Game; it must be a Field, such as jg.gradient(game)",
    ),
    "one optimizer for two players": (
        lambda: jg.simultaneous(FIELD, optimizers=SGD),
        "it must be {name: an Optax transformation, such as jg.optimizers.adam(2e-4)}",
    ),
    "rates in place of optimizers": (
        lambda: jg.alternating(FIELD, optimizers={"gen": 0.1, "disc": 0.1}),
        "it must be an Optax transformation, such as jg.optimizers.adam(2e-4)",
    ),
    "a module in place of a network": (
        lambda: gan(gen=nn.Dense(2)),
        "gen is a Dense; it must be a Network, such as jg.from_linen(module, example_input)",
    ),
    "an NNX module in place of what makes it": (
        lambda: from_nnx(nnx.Linear(4, 2, rngs=nnx.Rngs(0))),
        "build is a Linear; it must be a function of its streams, lambda rngs: Linear(",
    ),
    "a Linen module for NNX": (
        lambda: from_nnx(nn.Dense(2)),
        "a Linen module is for from_linen",
    ),
    "an array for a batch": (
        lambda: step(jnp.ones((8, 2))),
        "batch is an array of shape (8, 2); it must be a dict, {'image': ...}",
    ),
    "a batch with another name": (
        lambda: step({"images": jnp.ones((8, 2))}),
        "batch has 'images'; it must have 'image'",
    ),
    "a latent of another size": (
        lambda: gan(latent=5),
        "latents have shape (5,); the generator takes (4,)",
    ),
    "a field's options alone, as 0.1 had it": (
        lambda: jg.fields.consensus(0.1),
        "field is 0.1; it must be a Field, such as jg.gradient(game)",
    ),
    "an average of nobody": (
        lambda: jg.ema(PLAYED, player="critic"),
        "player is 'critic'; it must be",
    ),
    "a penalty that is not called": (
        lambda: jg.with_penalty(GAME, penalties.r1),
        "penalty is the function r1; it must be a Penalty, such as jg.penalties.r1()",
    ),
    "a field in place of an algorithm": (
        lambda: jg.ema(FIELD),
        "algorithm is a Field; it must be an Algorithm, such as jg.simultaneous(field, ",
    ),
    "an algorithm in place of a game": (
        lambda: jg.gradient(PLAYED),
        "game is an Algorithm; it must be a Game, such as jg.gan(",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_first_mistake_is_one_line(mistake: str) -> None:
    make, words = MISTAKES[mistake]
    with pytest.raises((ValueError, TypeError)) as error:
        make()
    assert words in str(error.value)
    assert len(str(error.value).splitlines()) == 1
