"""Unrolling that chooses its number of steps, against the same number of steps."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import Context, optimizers, penalties
from jaxgan.analysis import dense_jacobian
from jaxgan.fields import Field, gradient

pytestmark = pytest.mark.usefixtures("float64")

CONTEXT = Context(jax.random.key(0))
ZEROS = {"image": np.zeros((4, 1)), "latent": np.zeros((4, 1))}
GAME = jaxgan.with_penalty(jaxgan.dirac(), penalties.r1(weight=1.0))
INNER: Any = {"inner": optimizers.sgd(0.3), "inner_state": "fresh"}


def evaluated(field: Field, theta: Any, psi: Any) -> tuple[Any, Any]:
    _, net_state = GAME.init(jax.random.key(0))
    params = {"gen": jnp.reshape(theta, (1,)), "disc": jnp.reshape(psi, (1,))}
    grads, _, (_, metrics) = field.apply(params, (), net_state, ZEROS, CONTEXT)
    return grads, metrics["gen"]


def steps_by_hand(theta: float, psi: float, tolerance: float, bound: int) -> tuple[int, float]:
    """k, and the gradient that the last step followed, relative to the first."""
    sizes: list[float] = []
    while len(sizes) < bound and not (sizes and sizes[-1] <= tolerance * sizes[0]):
        slope = theta / (1 + np.exp(-psi * theta)) + psi
        sizes.append(abs(slope))
        psi -= 0.3 * slope
    return len(sizes), sizes[-1] / sizes[0]


def auto(tolerance: float, bound: int = 40, **options: Any) -> Field:
    limits: Any = {"tolerance": tolerance, "max_steps": bound}
    return gradient(jaxgan.unrolled(GAME, num_steps="auto", **limits, **INNER, **options))


@pytest.mark.parametrize(
    ("tolerance", "bound", "mode"),
    [(0.01, 40, "first_order"), (0.01, 40, "exact"), (1e-6, 20, "exact")],
)
def test_it_is_unrolling_by_the_steps_it_took(tolerance: float, bound: int, mode: Any) -> None:
    num_steps, residual = steps_by_hand(0.8, -0.4, tolerance, bound)
    assert (residual > tolerance) == (num_steps == bound)
    found, metrics = jax.jit(lambda: evaluated(auto(tolerance, bound, mode=mode), 0.8, -0.4))()
    assert int(metrics["unrolled_steps"]) == num_steps
    np.testing.assert_allclose(metrics["response_residual"], residual, rtol=1e-10)
    game = jaxgan.unrolled(GAME, num_steps=num_steps, mode=mode, **INNER)
    expected, plain = jax.jit(lambda: evaluated(gradient(game), 0.8, -0.4))()
    np.testing.assert_allclose(found["gen"], expected["gen"], rtol=1e-13)
    assert metrics.keys() - plain.keys() == {"unrolled_steps", "response_residual"}


def test_what_stands_on_it_sees_the_same_jacobian() -> None:
    num_steps, _ = steps_by_hand(0.8, -0.4, 0.2, 12)
    fixed = gradient(jaxgan.unrolled(GAME, num_steps=num_steps, **INNER))
    params, net_state = GAME.init(CONTEXT.key)
    params = {"gen": params["gen"] * 0.8, "disc": params["disc"] * -0.4}
    found, expected = (
        dense_jacobian(field, params, net_state, ZEROS, CONTEXT) for field in (auto(0.2, 12), fixed)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_members_stop_at_their_own_steps() -> None:
    field, thetas, psis = auto(0.05), jnp.asarray([0.8, 2.5]), jnp.asarray([-0.4, 1.0])
    found, metrics = jax.jit(jax.vmap(lambda *at: evaluated(field, *at)))(thetas, psis)
    taken = [steps_by_hand(*at, 0.05, 40)[0] for at in ((0.8, -0.4), (2.5, 1.0))]
    assert metrics["unrolled_steps"].tolist() == taken
    assert taken[0] != taken[1]
    for member in range(2):
        expected, _ = jax.jit(lambda *at: evaluated(field, *at))(thetas[member], psis[member])
        np.testing.assert_allclose(found["gen"][member], expected["gen"], rtol=1e-12)


def test_where_the_opponent_has_answered_one_step_is_enough() -> None:
    game = jaxgan.unrolled(jaxgan.bilinear(), num_steps="auto", **INNER)
    params, net_state = game.init(CONTEXT.key)
    params = {**params, "gen": jnp.zeros(1)}
    grads, _, (_, metrics) = gradient(game).apply(params, (), net_state, {}, CONTEXT)
    assert float(metrics["gen"]["unrolled_steps"]) == 1
    assert np.isfinite(grads["gen"]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tolerance": 1.0}, r"tolerance is 1\.0; it must be above 0 and below 1"),
        ({"max_steps": 0}, r"max_steps is 0; it must be an integer"),
        ({"inner_batch": "fresh"}, r"inner_batch is 'fresh'; it must be 'same', as num_steps is"),
        ({"num_steps": "all"}, r"num_steps is 'all'; it must be an integer, .*, or 'auto'"),
    ],
)
def test_wrong_arguments_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        jaxgan.unrolled(GAME, **{"num_steps": "auto", **options})
