"""What a gradient holds constant, and which outputs of a program depend on its inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxgan.core.derivatives import held, reaches


def test_a_gradient_in_between_is_held_too(float64: None) -> None:
    """L = (∂_x [h w x²])² with h = sin(x w) held: ξ = 8 x² h² w."""
    x, w = 0.4, 0.9

    def loss(w: Any, hold: Any) -> Any:
        return jax.grad(lambda x: hold(jnp.sin(x * w), w) * w * x**2)(x) ** 2

    def field(w: Any) -> Any:
        return 8 * x**2 * np.sin(x * w) ** 2 * w

    slope = (field(w + 1e-6) - field(w - 1e-6)) / 2e-6
    for derive in (jax.jacfwd, jax.jacrev):
        found = derive(jax.grad(loss))(w, held)
        np.testing.assert_allclose(found, slope, rtol=1e-8)
    stopped = jax.hessian(loss)(w, lambda h, _: lax.stop_gradient(h))
    assert abs(stopped - slope) > 0.1
    np.testing.assert_allclose(jax.grad(loss)(w, held), field(w), rtol=1e-12)


def test_what_is_held_may_belong_to_another_player(float64: None) -> None:
    """An inner step on ψ along ∂_ψ [θ² held · ψ²] moves with θ."""

    def moved(theta: Any, psi: Any) -> Any:
        return psi - jax.grad(lambda psi: held(theta**2, psi) * psi**2)(psi)

    np.testing.assert_allclose(jax.grad(moved)(2.0, 3.0), -2 * 2 * 2 * 3.0)


def test_trees_of_any_types_are_held_in_loops_and_branches(float64: None) -> None:
    def loss(w: Any) -> Any:
        tree = {"h": w**2, "count": jnp.int32(2), "key": jax.random.key(0)}
        kept = held(tree, {"w": w, "count": jnp.int32(0)})
        return jnp.sum(kept["h"] * w) * kept["count"].astype(w.dtype)

    def steps(w: Any) -> Any:
        def step(w: Any, _: Any) -> Any:
            grads = jax.grad(lambda w: lax.cond(w[0] > 0, loss, lambda w: 0.0, w))(w)
            return w - 0.1 * grads, None

        return jnp.sum(lax.scan(jax.checkpoint(step), w, length=3)[0])

    def by_hand(w: Any) -> Any:
        for _ in range(3):
            w = w - 0.1 * 2 * w**2
        return jnp.sum(w)

    w = jnp.asarray([0.3, 0.7])
    np.testing.assert_allclose(jax.jit(jax.grad(steps))(w), jax.grad(by_hand)(w), rtol=1e-12)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x, y: y, False),
        (lambda x, y: x, True),
        (lambda x, y: (y, 2.0), False),
        (lambda x, y: {"a": y, "b": jnp.sign(x)}, True),
        (lambda x, y: lax.stop_gradient(x) + y, True),
        (lambda x, y: jax.jit(lambda x, y: (x, y))(x, y)[1], False),
        (lambda x, y: jax.jit(lambda x, y: (x, y))(x, y)[0], True),
        (lambda x, y: jax.nn.relu(y) + jax.checkpoint(jnp.sin)(y), False),
        (lambda x, y: lax.scan(lambda c, _: (c + x, None), y, length=2)[0], True),
        (lambda x, y: lax.cond(x > 0, lambda y: y, lambda y: -y, y), True),
        (lambda x, y: lax.fori_loop(0, 3, lambda i, y: 2 * y, y), False),
    ],
)
def test_which_outputs_depend_on_an_input(function: Callable[..., Any], expected: bool) -> None:
    jaxpr = jax.make_jaxpr(function)(1.0, 1.0).jaxpr
    assert reaches(jaxpr, 1) == expected


def test_members_of_a_batch_are_held_too(float64: None) -> None:
    def loss(w: Any) -> Any:
        return held(w**2, w) * w

    w = jnp.asarray([0.3, 0.7])
    members = jax.vmap(jax.hessian(loss))(w)
    np.testing.assert_allclose(members, 2 * w)
    together = jax.hessian(lambda w: jnp.sum(jax.vmap(loss)(w)))(w)
    np.testing.assert_allclose(together, jnp.diag(2 * w))
