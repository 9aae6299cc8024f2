"""Clipped weights: in the box after every update, and otherwise the optimizer's own."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxgan
from jaxgan import linear, losses, optimizers
from jaxgan.games import unrolled
from jaxgan.games._inner import check_differentiable
from tests import helpers


def path(optimizer: optax.GradientTransformation, params: Any, num: int, scale: float = 1.0) -> Any:
    state, points = optimizers.init(optimizer, params), []
    step = jax.jit(lambda g, s, p: optimizers.update(optimizer, g, s, p))
    draw = np.random.default_rng(0)
    for _ in range(num):
        grads = jax.tree.map(
            lambda x: jnp.asarray(scale * draw.normal(size=x.shape), x.dtype), params
        )
        params, state = step(grads, state, params)
        points.append(params)
    return points


MADE = {
    "adam": lambda **kw: optimizers.adam(0.03, **kw),
    "adam, b2 scheduled": lambda **kw: optimizers.adam(0.03, b2=linear(0.9, 0.99, 5), **kw),
    "rmsprop": lambda **kw: optimizers.rmsprop(0.03, **kw),
    "sgd": lambda **kw: optimizers.sgd(linear(0.0, 0.1, 5), momentum=0.5, **kw),
}


@pytest.mark.parametrize("name", MADE)
def test_every_factory_clips_after_its_update(name: str) -> None:
    params = {"w": jnp.linspace(-0.3, 0.3, 41), "b": jnp.asarray(5.0)}
    points = path(MADE[name](weight_clip=0.1), params, 8)
    for point in points:
        for leaf in jax.tree.leaves(point):
            assert np.abs(leaf).max() <= np.float32(0.1)
    assert (np.abs(points[-1]["w"]) == np.float32(0.1)).any()
    assert (np.abs(points[-1]["w"]) < 0.09).any()


def test_projected_descent_by_hand(float64: None) -> None:
    points = path(optimizers.sgd(0.5, weight_clip=0.75), jnp.zeros(30), 6)
    draw, w = np.random.default_rng(0), np.zeros(30)
    for point in points:
        w = np.clip(w - 0.5 * draw.normal(size=30), -0.75, 0.75)
        np.testing.assert_allclose(point, w, rtol=1e-12, atol=1e-12)


def test_inside_the_box_it_is_the_optimizers_own_update() -> None:
    params = jnp.linspace(-0.3, 0.3, 7)
    for clipped, plain in zip(
        path(optimizers.adam(1e-3, weight_clip=10.0), params, 5),
        path(optimizers.adam(1e-3), params, 5),
        strict=True,
    ):
        np.testing.assert_array_equal(clipped, plain)


@pytest.mark.parametrize("bound", [0.01, 0.1, 0.3, 1.0, 7.0])
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_rounding_does_not_lead_out_of_the_box(bound: float, dtype: Any) -> None:
    draw = np.random.default_rng(1)
    sizes = 10.0 ** draw.uniform(-6, 4, 4000)
    w = jnp.asarray(sizes * draw.choice([-1, 1], 4000), dtype)
    grads = jnp.asarray(draw.normal(size=4000) * sizes[::-1], dtype)
    optimizer = optax.chain(optax.sgd(1.0), optimizers.clip_weights(bound))
    moved, _ = optimizers.update(optimizer, grads, optimizers.init(optimizer, w), w)
    assert moved.dtype == dtype
    assert float(jnp.abs(moved).max()) <= float(jnp.asarray(bound, dtype))
    expected = np.clip(np.asarray(w - grads, np.float64), -bound, bound)
    error = np.abs(np.asarray(moved, np.float64) - expected)
    resolution = float(jnp.finfo(dtype).eps) * (np.abs(np.asarray(w, np.float64)) + bound)
    assert (error <= 2 * resolution).all()


def test_the_bound_may_be_a_schedule() -> None:
    for optimizer in (
        optimizers.sgd(1.0, weight_clip=linear(1.0, 0.5, 4)),
        optax.chain(optimizers.sgd(1.0), optimizers.clip_weights(linear(1.0, 0.5, 4))),
        optax.chain(
            optimizers.sgd(1.0),
            optax.inject_hyperparams(optimizers.clip_weights)(linear(1.0, 0.5, 4)),
        ),
    ):
        found = [float(jnp.abs(p).max()) for p in path(optimizer, jnp.zeros(50), 6, scale=9.0)]
        np.testing.assert_allclose(found, [1.0, 0.875, 0.75, 0.625, 0.5, 0.5], rtol=1e-6)


def test_its_derivative_is_that_of_a_clip(float64: None) -> None:
    optimizer, w = optimizers.sgd(1.0, weight_clip=1.0), jnp.asarray([0.0, 0.9, 3.0])

    def move(grads: jax.Array, w: jax.Array) -> jax.Array:
        return optimizers.update(optimizer, grads, optimizers.init(optimizer, w), w)[0]

    grads = jnp.asarray([0.1, -0.5, 0.0])
    by_grads, by_params = jax.jacrev(move, argnums=(0, 1))(grads, w)
    np.testing.assert_array_equal(by_grads, np.diag([-1.0, 0.0, 0.0]))
    np.testing.assert_array_equal(by_params, np.diag([1.0, 0.0, 0.0]))


@pytest.mark.parametrize("name", MADE)
def test_unrolling_through_it_is_allowed(name: str) -> None:
    for bound in (0.01, 1.0, linear(1.0, 0.5, 4)):
        check_differentiable(
            MADE[name](weight_clip=bound), {"w": jnp.zeros((3, 2)), "b": jnp.zeros(3)}
        )


def test_an_unrolled_critic_is_clipped_on_its_way() -> None:
    # D(x) = w·x on data 1 and samples θ: w climbs by 1 - θ a step, to the bound 0.25 and no more.
    game = unrolled(
        jaxgan.dirac(loss=losses.wasserstein()),
        num_steps=3,
        inner=optimizers.sgd(0.2, weight_clip=0.25),
        inner_state="fresh",
    )
    _, net_state = game.init(jax.random.key(0))
    context, batch = jaxgan.Context(jax.random.key(0)), {"image": jnp.zeros((1, 1))}

    def loss(theta: jax.Array) -> jax.Array:
        params = {"gen": theta, "disc": jnp.zeros(1)}
        scene, _ = game.generate(params, net_state, batch, context)
        return game.losses(params, net_state, scene, context)[0]["gen"]

    # w = -k η θ, L_gen = -w θ, until |w| is at the bound.
    for theta, expected in ((0.25, 2 * 0.6 * 0.25), (2.0, 0.25)):
        np.testing.assert_allclose(jax.grad(loss)(jnp.full(1, theta)), [expected], rtol=1e-5)


@pytest.mark.slow
def test_a_wgan_with_clipping_trains_and_stays_in_its_box() -> None:
    game = helpers.mlp_gan(loss=losses.wasserstein())
    players = {
        "gen": optimizers.rmsprop(1e-3),
        "disc": optimizers.rmsprop(1e-2, weight_clip=0.05),
    }
    algorithm = jaxgan.alternating(jaxgan.gradient(game), optimizers=players, n_critic=2)
    state, _ = helpers.run(algorithm, algorithm.init(jax.random.key(0)), 4)
    largest = {
        p: max(float(jnp.abs(x).max()) for x in jax.tree.leaves(state.params[p])) for p in players
    }
    assert largest["disc"] <= np.float32(0.05) < largest["gen"]


@pytest.mark.parametrize("bound", [0.0, -1.0, float("nan")])
def test_a_box_without_inside_is_refused(bound: float) -> None:
    for make in (optimizers.clip_weights, lambda b: optimizers.adam(0.1, weight_clip=b)):
        with pytest.raises(ValueError, match=r"(bound|weight_clip) is .* above 0"):
            make(bound)


def test_it_says_that_it_needs_the_parameters() -> None:
    clip = optimizers.clip_weights(1.0)
    with pytest.raises(ValueError, match="needs the parameters"):
        clip.update(jnp.ones(2), clip.init(jnp.ones(2)))
