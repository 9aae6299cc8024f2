"""Products with a game's Jacobian against its closed form and against the whole matrix."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import Context
from jaxgan.analysis import hessian_block, products, ravel_players
from jaxgan.fields import gradient
from tests import helpers
from tests.analysis import games

pytestmark = pytest.mark.usefixtures("float64")

A, B, C = games.matrices()
CONTEXT = Context(jax.random.key(0))


def flat(tree: Any) -> np.ndarray:
    return np.asarray(ravel_players(tree)[0])


def test_products_of_a_quadratic_game() -> None:
    field = gradient(games.quadratic(A, B, C))
    jacobian, draw = games.jacobian_of(A, B, C), np.random.default_rng(1)
    w, v = draw.normal(size=7), draw.normal(size=7)
    params, tangent = ({"disc": jnp.asarray(x[3:]), "gen": jnp.asarray(x[:3])} for x in (w, v))
    at = products(field, params, {"gen": {}, "disc": {}}, {}, CONTEXT)
    np.testing.assert_allclose(flat(at.pull), jacobian @ w, rtol=1e-12)
    np.testing.assert_allclose(flat(at.jvp(tangent)), jacobian @ v, rtol=1e-12)
    np.testing.assert_allclose(flat(at.vjp(tangent)), jacobian.T @ v, rtol=1e-12)
    antisymmetric = (jacobian - jacobian.T) / 2
    np.testing.assert_allclose(flat(at.antisymmetric(tangent)), antisymmetric.T @ v, rtol=1e-12)


def test_a_bilinear_game_is_all_rotation() -> None:
    field = gradient(jaxgan.bilinear(jnp.asarray(B)))
    params, net_state = field.game.init(jax.random.key(0))
    at = products(field, params, net_state, {}, CONTEXT)
    np.testing.assert_allclose(flat(at.jvp(params)), -flat(at.vjp(params)), rtol=1e-12)
    np.testing.assert_allclose(flat(at.antisymmetric(at.pull)), flat(at.vjp(at.pull)), rtol=1e-12)


def test_products_of_a_gan() -> None:
    field = gradient(helpers.mlp_gan(jnp.float64))
    params, net_state, batch, context = there = games.situation(field)
    jacobian = games.plain_jacobian(field, there)
    vector, unravel = ravel_players(params)
    v = np.random.default_rng(0).normal(size=vector.size)

    @jax.jit
    def take(params: Any, tangent: Any) -> list[Any]:
        at = products(field, params, net_state, batch, context)
        return [at.jvp(tangent), at.vjp(tangent), at.antisymmetric(tangent)]

    found = [flat(tree) for tree in take(params, unravel(jnp.asarray(v)))]
    expected = [jacobian @ v, jacobian.T @ v, (jacobian.T - jacobian) @ v / 2]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("row", ["gen", "disc"])
@pytest.mark.parametrize("col", ["gen", "disc"])
def test_blocks_of_a_quadratic_game(row: str, col: str) -> None:
    block = {
        ("gen", "gen"): A,
        ("gen", "disc"): B,
        ("disc", "gen"): -B.T,
        ("disc", "disc"): C,
    }[row, col]
    field = gradient(games.quadratic(A, B, C))
    params, net_state = field.game.init(jax.random.key(0))
    v = np.random.default_rng(0).normal(size=block.shape[1])
    found = hessian_block(field, row, col, params, net_state, {}, CONTEXT)(jnp.asarray(v))
    np.testing.assert_allclose(found, block @ v, rtol=1e-12)


def test_a_diagonal_block_is_the_hessian_of_the_own_loss() -> None:
    field = gradient(helpers.mlp_gan(jnp.float64))
    params, net_state, batch, context = games.situation(field)
    flat_disc, unravel = jax.flatten_util.ravel_pytree(params["disc"])

    def loss(disc: jax.Array) -> jax.Array:
        here = {**params, "disc": unravel(disc)}
        scene, state = field.game.generate(here, net_state, batch, context)
        return field.game.losses(here, state, scene, context)[0]["disc"]

    hessian = jax.jit(jax.hessian(loss))(flat_disc)
    block = hessian_block(field, "disc", "disc", params, net_state, batch, context)
    found = jax.jit(jax.vmap(lambda v: jax.flatten_util.ravel_pytree(block(unravel(v)))[0]))
    np.testing.assert_allclose(found(jnp.eye(flat_disc.size)), hessian, rtol=1e-9, atol=1e-12)


def test_blocks_need_players() -> None:
    field = gradient(games.quadratic(A, B, C))
    params, net_state = field.game.init(jax.random.key(0))
    with pytest.raises(ValueError, match=r"col is 'both'; the players are \['disc', 'gen'\]"):
        hessian_block(field, "gen", "both", params, net_state, {}, CONTEXT)


def test_the_order_of_players_does_not_depend_on_the_dict() -> None:
    params = {"b": jnp.full(1, 3.0), "a": jnp.full(2, 2.0), "gen": jnp.full(1, 1.0)}
    for tree in (params, dict(reversed(params.items())), jax.jit(lambda x: x)(params)):
        vector, unravel = ravel_players(tree)
        assert vector.tolist() == [1.0, 2.0, 2.0, 3.0]
        helpers.assert_same_bits(unravel(vector), params)


def test_players_may_differ_in_precision() -> None:
    params = {"gen": jnp.ones(2, jnp.float32), "disc": {"w": jnp.full((1, 1), 0.1)}}
    vector, unravel = ravel_players(params)
    assert vector.dtype == jnp.float64
    helpers.assert_same_bits(unravel(vector), params)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"gen": {}, "disc": {}}, "holds no number"),
        ({"gen": {"n": jnp.arange(2)}}, r"params\['gen'\]\['n'\].dtype is int"),
        ({"gen": jnp.ones(1, jnp.complex64)}, "dtype is complex64; it must be real"),
    ],
)
def test_what_cannot_be_differentiated_is_named(params: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ravel_players(params)
