"""The dense Jacobian against its closed form, and against reverse mode by hand."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import Context, Field
from jaxgan.analysis import dense_jacobian
from jaxgan.fields import gradient
from tests import helpers
from tests.analysis import games

CONTEXT = Context(jax.random.key(0))


def test_of_a_quadratic_game(float64: None) -> None:
    matrices = games.matrices()
    field = gradient(games.quadratic(*matrices))
    params, net_state = field.game.init(jax.random.key(0))
    expected = games.jacobian_of(*matrices)
    for here in (params, jax.jit(lambda x: x)(params)):
        found = dense_jacobian(field, here, net_state, {}, CONTEXT)
        assert found.dtype == np.float64
        np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.fixture(scope="module")
def gan() -> Any:
    """A GAN's field, a situation, and its Jacobian there by other means."""
    with jax.enable_x64(True):
        field = gradient(helpers.mlp_gan(jnp.float64))
        there = games.situation(field)
        return field, there, games.plain_jacobian(field, there)


@pytest.mark.parametrize("chunk_size", [1, 7, 1000])
def test_of_a_gan_in_chunks(gan: Any, float64: None, chunk_size: int) -> None:
    field, there, expected = gan
    assert expected.shape == (155, 155)
    found = dense_jacobian(field, *there, chunk_size=chunk_size)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_in_single_precision() -> None:
    matrices = [np.float32(m) for m in games.matrices()]
    field = gradient(games.quadratic(*matrices))
    params, net_state = field.game.init(jax.random.key(0))
    found = dense_jacobian(field, params, net_state, {}, CONTEXT)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, games.jacobian_of(*matrices), rtol=1e-6)


def remembering(memory: float) -> Field:
    """ξ + memory · w: its Jacobian tells which memory was used."""
    base = gradient(games.quadratic(*games.matrices()))

    def apply(params: Any, memory: Any, net_state: Any, batch: Any, context: Context) -> Any:
        grads, _, rest = base.apply(params, (), net_state, batch, context)
        return jax.tree.map(lambda g, w: g + memory * w, grads, params), memory, rest

    return Field(game=base.game, init=lambda params: jnp.asarray(memory), apply=apply)


def test_the_memory_is_fresh_unless_given(float64: None) -> None:
    field, jacobian = remembering(2.0), games.jacobian_of(*games.matrices())
    params, net_state = field.game.init(jax.random.key(0))
    for memory, expected in ((None, 2.0), (jnp.asarray(5.0), 5.0)):
        found = dense_jacobian(field, params, net_state, {}, CONTEXT, memory=memory)
        np.testing.assert_allclose(found, jacobian + expected * np.eye(7), rtol=1e-12)


def test_a_game_too_large_is_refused_before_anything_is_computed() -> None:
    def fail(*args: Any) -> Any:
        raise AssertionError("the field was evaluated")

    field = gradient(helpers.mlp_gan())._replace(apply=fail)
    params = {"gen": jnp.zeros((100, 300)), "disc": jnp.zeros(12_768)}
    message = (
        r"the game has 42,768 parameters, more than max_params = 10,000: its Jacobian would take "
        r"6\.81 GiB; leading_eigenvalues needs no matrix"
    )
    with pytest.raises(ValueError, match=message):
        dense_jacobian(field, params, {}, {}, CONTEXT)
    with pytest.raises(ValueError, match="chunk_size is 0; it must be an integer"):
        dense_jacobian(field, params, {}, {}, CONTEXT, chunk_size=0)


def test_what_is_not_finite_is_refused() -> None:
    field = gradient(games.quadratic(*(np.float32(m) for m in games.matrices())))
    params, net_state = field.game.init(jax.random.key(0))
    broken = field._replace(
        apply=lambda params, *rest: field.apply(
            jax.tree.map(lambda w: jnp.sqrt(w - 1.0), params), *rest
        )
    )
    with pytest.raises(ValueError, match="the Jacobian of the field is not finite"):
        dense_jacobian(broken, params, net_state, {}, CONTEXT)
