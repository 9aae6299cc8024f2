"""The batch in parts has the field of the whole batch, where examples do not meet."""

from __future__ import annotations

import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import Context, losses, penalties
from jaxgan.fields import Field, gradient, microbatch
from tests import helpers


def field(dtype: Any = jnp.float32) -> Field:
    # WGAN-GP draws a number per pair, and the game a latent per example: both must be split.
    return gradient(
        helpers.mlp_gan(dtype, loss=losses.wasserstein(), penalty=penalties.wgan_gp(weight=10.0))
    )


def evaluate(field: Field, dtype: Any) -> Any:
    params, net_state = field.game.init(jax.random.key(0))
    batch = helpers.real_batch(dtype=dtype)

    @jax.jit
    def pull(params: Any) -> Any:
        context = Context(jax.random.key(1))
        grads, _, (_, metrics) = field.apply(params, (), net_state, batch, context)
        return grads, metrics

    return pull(params)


def test_parts_equal_the_whole_in_float64(float64: None) -> None:
    own = field(jnp.float64)
    whole = evaluate(own, np.float64)
    for parts in (
        microbatch(own, num_parts=8),
        microbatch(microbatch(own, num_parts=2), num_parts=2),
    ):
        found = evaluate(parts, np.float64)
        assert helpers.max_difference(whole, found) < 1e-13
        assert jax.tree.structure(whole) == jax.tree.structure(found)


def test_a_training_in_parts_is_the_training() -> None:
    ends = []
    for own in (field(), microbatch(field(), num_parts=2)):
        algorithm = jaxgan.alternating(own, optimizers=helpers.sgds(1e-2), n_critic=2)
        start = algorithm.init(jax.random.key(0))
        ends.append(helpers.run(algorithm, start, 3)[0])
    assert helpers.max_difference(*ends) < 1e-6
    assert helpers.max_difference(start, ends[0]) > 1e-3


@pytest.mark.parametrize("player", ["gen", "disc"])
def test_games_that_couple_examples_warn_when_built(player: str) -> None:
    coupled = gradient(helpers.mlp_gan(**{f"{player}_batch_norm": True}))
    with pytest.warns(UserWarning, match="couples the examples of a batch"):
        microbatch(coupled, num_parts=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        microbatch(coupled, num_parts=1)  # the whole batch is one part
        microbatch(gradient(helpers.mlp_gan()), num_parts=2)


def test_parts_that_do_not_divide_the_batch_are_refused() -> None:
    with pytest.raises(ValueError, match="num_parts is 3, which does not divide the batch of 8"):
        evaluate(microbatch(field(), num_parts=3), np.float32)
    with pytest.raises(ValueError, match="num_parts is 0"):
        microbatch(field(), num_parts=0)


def test_state_passes_from_part_to_part() -> None:
    def values(view: Any, state: Any) -> Any:
        return jnp.zeros(()), {"parts": state["parts"] + 1, "last": view.context.part}

    init = {"parts": jnp.int32(0), "last": jnp.int32(0)}
    term = penalties.Term(name="count", values=values, init=lambda params: init)
    game = jaxgan.with_penalty(jaxgan.dirac(), penalties.Penalty((term,)))
    own = microbatch(gradient(game), num_parts=4)
    params, net_state = game.init(jax.random.key(0))
    batch = {"image": jnp.zeros((8, 1))}
    _, _, (net_state, _) = own.apply(params, (), net_state, batch, Context(jax.random.key(0)))
    assert jax.tree.map(int, net_state["disc"]["count"]) == {"parts": 4, "last": 3}
