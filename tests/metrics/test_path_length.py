"""Path lengths of linear generators, which are known."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.metrics import lerp, path_length, slerp

RANDOM = np.random.default_rng(0)
STARTS, ENDS = RANDOM.normal(size=(2, 50, 3))
MATRIX = RANDOM.normal(size=(3, 8)).astype(np.float32)


@jax.jit
def linear(latents: jax.Array) -> jax.Array:
    return jnp.dot(latents, MATRIX, precision="highest")


@jax.jit
def square(x: jax.Array, y: jax.Array) -> jax.Array:
    return jnp.sum((x - y) ** 2, axis=1)


@pytest.mark.parametrize("sampling", ["full", "end"])
def test_straight_paths_of_a_linear_generator(sampling: str) -> None:
    found = path_length(
        linear, square, STARTS, ENDS, space="w", sampling=sampling, trim=0.0, batch=16
    )
    lengths = (((ENDS - STARTS) @ MATRIX) ** 2).sum(axis=1)
    # Latents of float32 know a step of 1e-4 to 1e-3.
    assert found.value == pytest.approx(lengths.mean(), rel=2e-3)
    assert found.std == pytest.approx(lengths.std(), rel=5e-3)
    assert found.num_kept == 50


def test_great_circles_have_the_length_of_their_angle() -> None:
    # On a circle of radius 2 a path of angle Ω is walked at speed 2 Ω.
    angles = np.linspace(0.2, 3.0, 40)
    turns = np.random.default_rng(1).uniform(0, 6, size=40)
    starts, ends = (2 * np.stack([np.cos(t), np.sin(t)], axis=1) for t in (turns, turns + angles))
    found = path_length(lambda z: z, square, starts, ends, trim=0.0, batch=40)
    assert found.value == pytest.approx((4 * angles**2).mean(), rel=2e-3)


def test_slerp_turns_evenly_and_keeps_norms_between() -> None:
    t = np.linspace(0, 1, 5)
    a, b = np.tile([[3.0, 0.0]], (5, 1)), np.tile([[0.0, 1.0]], (5, 1))
    found = slerp(a, b, t)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 3 - 2 * t, rtol=1e-12)
    np.testing.assert_allclose(np.arctan2(found[:, 1], found[:, 0]), t * np.pi / 2, atol=1e-12)
    np.testing.assert_allclose(slerp(a, a, t), a, rtol=1e-12)
    np.testing.assert_allclose(lerp(a, b, t)[:, 1], t)


def test_outliers_are_left_out_at_the_published_percentiles() -> None:
    # 201 paths with lengths 0, 1, ..., 200; the percentiles are the values 2 and 198.
    num = 201
    starts = np.zeros((num, 1))
    ends = np.sqrt(np.arange(num))[:, None]
    found = path_length(lambda w: w, square, starts, ends, space="w", sampling="end", batch=num)
    assert found.num_kept == 197
    assert found.value == pytest.approx(100.0, rel=1e-3)


def test_bad_input() -> None:
    def fails(match: str, *latents: np.ndarray, distance=square, **options: object) -> None:
        with pytest.raises(ValueError, match=match):
            path_length(linear, distance, *(latents or (STARTS, ENDS)), **options)

    fails("space is 'x'", space="x")
    fails("sampling is 'half'", sampling="half")
    fails("epsilon is 0.0; it must be above 0", epsilon=0.0)
    fails("trim is 0.5", trim=0.5)
    fails(r"starts has shape \(50, 3\), ends \(49, 3\)", STARTS, ENDS[1:])
    fails("a latent is 0 and has no direction", 0 * STARTS, ENDS)
    fails(r"distance gives shape \(16, 8\); it must be \(16,\)", distance=jnp.subtract, batch=16)
    fails("the distances: 50 of 50 examples are not finite", distance=lambda x, y: x[:, 0] * np.nan)
