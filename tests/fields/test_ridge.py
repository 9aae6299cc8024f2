"""Follow-the-Ridge as it is by default, on the games of its paper and on others of their kind."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import Context, Game, fields
from jaxgan.fields import Field, gradient
from tests.fields.games import curved

DAMPING = 0.01
MINIMAX = (-3.0, -1.0, 4.0)  # f = a x² + b y² + c xy; y maximizes, so 0 is local minimax here
NEITHER = (3.0, 1.0, 4.0)  # and no equilibrium of any kind here
SCALES = (1.0, 0.1, 0.01, 1e-8)


def of(a: float, b: float, c: float) -> Game:
    one = jnp.eye(1)
    return jaxgan.quadratic(2 * a * one, c * one, -2 * b * one)


@functools.cache
def jacobians(numbers: tuple[float, ...]) -> np.ndarray:
    """Of the field at 0, for every scale."""

    def columns(scale: jax.Array) -> jax.Array:
        field = fields.follow_the_ridge(gradient(of(*(scale * number for number in numbers))))

        def pulled(w: jax.Array) -> jax.Array:
            params, state = {"gen": w[:1], "disc": w[1:]}, dict[str, Any](gen={}, disc={})
            memory, context = field.init(params), Context(jax.random.key(0))
            found, _, _ = field.apply(params, memory, state, {}, context)
            return jnp.concatenate([found["gen"], found["disc"]])

        return jax.jacfwd(pulled)(jnp.zeros(2))

    return np.asarray(jax.jit(jax.vmap(columns))(jnp.asarray(SCALES)))


def by_hand(a: float, b: float, c: float, kept: float) -> np.ndarray:
    """J with `kept` of the correction: ξ_y - kept · H⁻¹ M ξ_x, with H = -2b and M = -c."""
    plain = np.array([[2 * a, c], [-c, -2 * b]])
    return plain - kept * np.array([[0.0], [-c / (-2 * b)]]) * plain[:1]


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("numbers", [MINIMAX, NEITHER], ids=["minimax", "neither"])
def test_what_attracts_are_the_local_minimax_points(numbers: Any, scale: float) -> None:
    a, b, c = numbers
    found = jacobians(numbers)[SCALES.index(scale)]
    kept = 4 * b**2 / (4 * b**2 + DAMPING * c**2)
    assert kept > 0.96
    np.testing.assert_allclose(found / scale, by_hand(a, b, c, kept), rtol=1e-5)
    slowest = np.min(np.linalg.eigvals(found).real) / scale  # the flow is along -J
    plain = np.min(np.linalg.eigvals(by_hand(a, b, c, 0.0)).real)
    assert (slowest > 1.0, plain < -1.0) == (True, True) if numbers is MINIMAX else slowest < -1.0


@pytest.mark.parametrize(("numbers", "arrives"), [(MINIMAX, True), (NEITHER, False)])
def test_it_goes_there(numbers: Any, arrives: bool) -> None:
    def distance(scale: jax.Array) -> jax.Array:
        field = fields.follow_the_ridge(gradient(of(*(scale * number for number in numbers))))
        sgd = jaxgan.optimizers.sgd(0.05 / scale)
        algorithm = jaxgan.simultaneous(field, optimizers={"gen": sgd, "disc": sgd})
        state = algorithm.init(jax.random.key(0))
        state, _ = jax.lax.scan(
            lambda state, _: (algorithm.step(state, {})[0], None), state, length=100
        )
        return jnp.hypot(state.params["gen"][0], state.params["disc"][0])

    found = jax.jit(jax.vmap(distance))(jnp.asarray(SCALES))
    assert np.all(found < 1e-2) if arrives else np.all(found > 10.0)


def pull(field: Field, params: Any) -> Any:
    state: Any = {player: {} for player in params}
    context = Context(jax.random.key(7))
    return jax.jit(field.apply)(params, field.init(params), state, {}, context)[0]


@pytest.mark.parametrize("scale", [10.0, 1e-3])
def test_the_ridge_does_not_depend_on_units(scale: float, float64: None) -> None:
    game = curved()

    def scaled(*arguments: Any) -> Any:
        values, rest = game.losses(*arguments)
        return {player: scale * value for player, value in values.items()}, rest

    params = {"gen": jnp.asarray([0.3, -0.8, 0.5]), "disc": jnp.asarray([0.9, -0.4])}
    exact = functools.partial(fields.follow_the_ridge, tol=1e-13, max_iterations=50)
    one, other = (pull(exact(gradient(g)), params) for g in (game, game._replace(losses=scaled)))
    for player in params:
        np.testing.assert_allclose(other[player], scale * one[player], rtol=1e-8)
    ridge = one["disc"] - pull(gradient(game), params)["disc"]
    assert np.linalg.norm(ridge) > 0.1


@pytest.mark.parametrize("curvature", [0.0, 1e-12, 1e-6, 1e-3, 0.1])
def test_where_the_loss_is_flat_the_correction_is_bounded(curvature: float) -> None:
    one = jnp.eye(1)
    field = fields.follow_the_ridge(gradient(jaxgan.quadratic(0.0 * one, one, curvature * one)))
    found = pull(field, {"gen": jnp.ones(1), "disc": jnp.ones(1)})
    correction = float(found["disc"][0]) - (-1.0 + curvature)
    expected = curvature / (curvature**2 + DAMPING)
    np.testing.assert_allclose(correction, expected, rtol=1e-5, atol=1e-7)
    assert abs(correction) <= 5.0 * abs(float(found["gen"][0])) + 1e-4
