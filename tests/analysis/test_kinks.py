"""Steps that are not smooth: what is found in them, and what is not."""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import Game, fields, losses, optimizers, penalties
from jaxgan.analysis import hypergradient, kinks
from jaxgan.fields import gradient
from jaxgan.models import MLPDiscriminator, MLPGenerator
from tests import helpers


def gan(gen: Any = nn.tanh, disc: Any = nn.tanh, *, norm: Any = "none", loss: Any = None) -> Game:
    return jaxgan.gan(
        jaxgan.from_linen(MLPGenerator((4,), (2,), activation=gen), jnp.zeros((1, 3))),
        jaxgan.from_linen(MLPDiscriminator((4,), activation=disc, norm=norm), jnp.zeros((1, 2))),
        latent=3,
        loss=loss,
    )


def found(game: Game, play: Any = jaxgan.simultaneous, change: Any = lambda field: field) -> Any:
    algorithm = play(change(gradient(game)), optimizers=helpers.adams())
    state = jax.eval_shape(algorithm.init, jax.random.key(0))
    return kinks(algorithm, state, helpers.real_batch(algorithm.num_batches))


def by_max(x: jax.Array) -> jax.Array:
    return jnp.maximum(x, 0)


def by_where(x: jax.Array) -> jax.Array:
    return jnp.where(x > 0, x, 0.1 * x)


def to_zero(x: jax.Array) -> jax.Array:
    return jnp.where(x >= 0, x, 0.0)


KINKED = {
    "relu": nn.relu,
    "leaky_relu": nn.leaky_relu,
    "relu6": nn.relu6,
    "hard_tanh": nn.hard_tanh,
    "max(x, 0)": by_max,
    "where(x > 0, x, a * x)": by_where,
}
SMOOTH = (nn.tanh, nn.softplus, nn.gelu, nn.silu, nn.elu, nn.sigmoid, nn.log_softmax)


@pytest.mark.parametrize("name", KINKED)
def test_kinks_are_found_and_whose_they_are(name: str) -> None:
    activation = KINKED[name]
    assert found(gan(disc=activation)) == {name: ("disc",)}
    assert found(gan(gen=activation)) == {name: ("gen",)}


def test_under_other_players_plays_and_penalties() -> None:
    assert found(gan(disc=to_zero)) == {"where(x > 0, x, a * x)": ("disc",)}
    both = gan(nn.relu, nn.leaky_relu)
    expected = {"leaky_relu": ("disc",), "relu": ("gen",)}
    assert found(jaxgan.with_penalty(both, penalties.r1(every=2))) == expected
    assert found(both, jaxgan.alternating) == expected
    assert found(both, change=lambda field: fields.consensus(field, gamma=0.1)) == expected
    assert found(jaxgan.unrolled(both, num_steps=2)) == expected
    # Inside a scan all that it takes counts.
    alone = gan(disc=nn.relu)
    assert found(alone, change=lambda field: fields.microbatch(field, num_parts=2)).keys() == {
        "relu"
    }


@pytest.mark.parametrize("activation", SMOOTH, ids=lambda one: one.__name__)
def test_smooth_players_have_none(activation: Any) -> None:
    game = gan(activation, activation, norm="spectral")
    game = jaxgan.with_penalty(game, penalties.r1() + penalties.wgan_gp(every=2))
    assert found(game) == {}


@pytest.mark.parametrize(
    "loss",
    [
        losses.minimax,
        losses.non_saturating,
        losses.wasserstein,
        losses.least_squares,
        losses.relativistic_average,
        losses.softmax,
    ],
)
def test_smooth_losses_have_none(loss: Any) -> None:
    assert found(gan(loss=loss())) == {}


def test_smooth_layers_have_none() -> None:
    assert found(helpers.mlp_gan(gen_batch_norm=True, disc_batch_norm=True)) == {}
    one_sided = penalties.wgan_lp()
    assert found(jaxgan.with_penalty(gan(), one_sided)) == {}
    assert found(jaxgan.implicit(gan(), num_steps=2, damping=1.0)) == {}
    assert found(gan(loss=losses.hinge())) == {"relu": ("disc",)}


def test_hypergradients_warn_in_one_line() -> None:
    def make(rate: Any) -> jaxgan.Algorithm:
        optimizer = optimizers.sgd(rate)
        players = {"gen": optimizer, "disc": optimizer}
        return jaxgan.simultaneous(gradient(gan(disc=nn.relu)), optimizers=players)

    with pytest.warns(UserWarning, match=r"^hypergradient: the slope jumps in relu of disc: "):
        jax.eval_shape(
            lambda rate: hypergradient(
                make,
                lambda state: jnp.sum(state.params["gen"]["Dense_0"]["bias"]),
                num_steps=2,
                with_respect_to={"rate": rate},
                state=make(0.1).init(jax.random.key(0)),
                batches=helpers.real_batch((2,), dtype=np.float32),
            ),
            0.1,
        )
