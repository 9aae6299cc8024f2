"""The pipeline of StyleGAN2-ADA: its published code's numbers, its probabilities, its identity."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import erfinv

from jaxgan.augment import (
    bgc,
    color_matrix,
    each,
    fixed,
    geometric_matrix,
    recolor,
    resample,
)
from jaxgan.augment._ada import KNOWN_GROUPS

# What the authors' PyTorch code (training/augment.py, reference operations) makes of `waves` with
# all geometric or all colour changes, each at the given percentile of its distribution (its
# `debug_percentile`), and one reflection as far as it goes: every third row and second column.
GEOMETRIC_08_10 = (
    *(0.88325, -0.39371, -0.32814, 0.79286, -0.69217, 0.34828, -0.33563, -0.37984, -0.51767),
    *(-0.24277, 0.12194, -0.15136, -0.2746, 0.02788, -0.08026),
)
GEOMETRIC_08_08 = (
    *(-0.66109, -0.68555, 0.39088, -0.56715, -0.41967, 0.31768, 0.63187, 0.42758, -0.10741),
    *(-0.11642, 0.18633, 0.27098),
)
COLOR_3 = (
    *(-1.50507, 0.33645, 0.21667, 0.0722, -1.58175, 1.20129, 1.29183, -1.12982, -0.12786),
    *(0.29748, 0.91151, -1.50083, 0.74996, 0.47788, -1.57831, 1.23517, -0.24344, -1.42049),
)
COLOR_1 = (-0.08433, 0.33706, -0.94586, -0.40356, -0.61754, 1.00885)


def waves(shape: tuple[int, ...]) -> jax.Array:
    n = np.arange(math.prod(shape))
    image = np.sin(1.7 * n + 0.3 * n**1.5 / 7).reshape(1, *shape)
    return jnp.asarray(image, jnp.float32)


def seen(images: jax.Array) -> np.ndarray:
    return np.asarray(images[0, ::3, ::2]).ravel()


def turned(angle: float) -> np.ndarray:
    return np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    )


def moved(x: float, y: float) -> np.ndarray:
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]])


@pytest.mark.parametrize(
    ("shape", "percentile", "expected"),
    [((8, 10, 1), 0.3, GEOMETRIC_08_10), ((8, 8, 1), 0.62, GEOMETRIC_08_08)],
)
def test_geometry_is_that_of_the_published_code(
    shape: tuple[int, ...], percentile: float, expected: tuple[float, ...]
) -> None:
    height, width, _ = shape
    uniform, normal = 2 * percentile - 1, erfinv(2 * percentile - 1)
    flip, turns = np.floor(2 * percentile), np.floor(4 * percentile)
    scale = aniso = 2 ** (0.2 * normal)
    inverse = np.diag([1 - 2 * flip, 1, 1]) @ turned(np.pi / 2 * turns)
    inverse = inverse @ moved(*(-np.round(uniform * 0.125 * n) for n in (width, height)))
    inverse = inverse @ np.diag([1 / scale, 1 / scale, 1]) @ turned(np.pi * uniform)
    inverse = inverse @ np.diag([1 / aniso, aniso, 1])
    inverse = inverse @ moved(-normal * 0.125 * width, -normal * 0.125 * height)
    made = resample(waves(shape), jnp.asarray(inverse, jnp.float32)[None])
    np.testing.assert_allclose(seen(made), expected, atol=3e-5)


@pytest.mark.parametrize(("channels", "expected"), [(3, COLOR_3), (1, COLOR_1)])
def test_color_is_that_of_the_published_code(channels: int, expected: tuple[float, ...]) -> None:
    uniform, normal = 0.4, erfinv(0.4)
    axis = np.ones(3) / np.sqrt(3)
    cross = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    luma, angle = np.outer(axis, axis), np.pi * uniform
    linear = 2 ** (0.5 * normal) * (np.eye(3) - 2 * luma)
    if channels == 3:
        turn = np.cos(angle) * np.eye(3) + (1 - np.cos(angle)) * luma + np.sin(angle) * cross
        linear = (luma + 2**normal * (np.eye(3) - luma)) @ turn @ linear
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = linear, linear @ np.full(3, 0.2 * normal)
    made = recolor(waves((4, 5, channels)), jnp.asarray(matrix, jnp.float32)[None])
    np.testing.assert_allclose(seen(made), expected, atol=3e-5)


def test_whole_pixels_are_moved_as_they_are_and_borders_reflect() -> None:
    image = waves((6, 7, 3))
    made = resample(image, jnp.asarray(moved(-2, 9), jnp.float32)[None])
    rows = [abs((i + 9 + 5) % 10 - 5) for i in range(6)]  # the reflection has a period of 2·6 - 2
    columns = [abs((j - 2 + 6) % 12 - 6) for j in range(7)]
    np.testing.assert_allclose(made, image[:, rows][:, :, columns], atol=1e-5)


@pytest.mark.usefixtures("float64")
def test_what_is_drawn() -> None:
    p, keys = jnp.float64(0.3), jax.random.split(jax.random.key(0), 4096)

    def drawn(policy: str, p: jax.Array) -> np.ndarray:
        def one(key: jax.Array) -> jax.Array:
            if policy == "color":
                return color_matrix(key, p)
            return geometric_matrix(key, p, (16, 16), (policy,))

        return np.asarray(jax.jit(jax.vmap(one))(keys))

    # Each change is left out with probability 1 - p, rotations before or after together; some
    # that are made change nothing: a flip by 0, a turn by 0, a shift that rounds to 0.
    expected = {
        "blit": (1 - p / 2) * (1 - 3 / 4 * p) * (1 - 15 / 16 * p),
        "geometric": (1 - p) ** 4,
        "color": (1 - p) ** 4 * (1 - p / 2),
    }
    for policy, probability in expected.items():
        matrices = drawn(policy, p)
        unchanged = (matrices == np.eye(matrices.shape[1])).all(axis=(1, 2)).mean()
        assert abs(unchanged - probability) < 4 * np.sqrt(0.25 / len(keys)), policy
    everything = drawn("geometric", jnp.float64(1.0))
    spread = np.std(np.log2(np.linalg.det(everything)))  # the area: 2 · 0.2
    assert abs(spread - 0.4) < 0.02
    spread = np.std(np.log2(np.abs(np.linalg.det(drawn("color", jnp.float64(1.0))))))
    assert abs(spread - np.hypot(3 * 0.5, 2 * 1.0)) < 0.1  # contrast thrice, saturation twice
    shifts = drawn("blit", jnp.float64(1.0))[:, :2, 2]
    assert set(np.unique(np.round(shifts, 9))) == {-2, -1, 0, 1, 2}


def test_the_share_of_colour_and_what_is_cut_out() -> None:
    """R3GAN's: colour half as often; a rectangle of half of each side, centred anywhere."""
    num, p = 8192, 0.6
    keys = jax.random.split(jax.random.key(0), num)
    grey = jnp.full((num, 8, 6, 3), 0.5)

    def seen(**options: Any) -> np.ndarray:
        pipe = fixed(bgc(**options), p=p)
        return np.asarray(jax.jit(lambda: each(pipe, keys, grey))())

    recolored = np.abs(seen(policy=("color",), color_share=0.5) - 0.5).max(axis=(1, 2, 3)) > 1e-4
    # Of grey, hue and saturation change nothing; luma flips are made half the time.
    expected = 1 - (1 - p / 2) ** 2 * (1 - p / 4)
    assert abs(recolored.mean() - expected) < 4 * np.sqrt(0.25 / num)
    cut = seen(policy=("cutout",)) == 0.0
    assert (cut == cut[..., :1]).all()
    # A pixel at u of a side is cut where the centre, uniform over it, is within a quarter.
    rows, columns = (
        np.minimum(u + 0.25, 1) - np.maximum(u - 0.25, 0)
        for u in ((np.arange(n) + 0.5) / n for n in (8, 6))
    )
    expected = p * rows[:, None] * columns[None, :]
    np.testing.assert_allclose(cut[..., 0].mean(axis=0), expected, atol=4 * np.sqrt(0.25 / num))
    inside = cut[..., 0].sum(axis=(1, 2))
    box = cut[..., 0].any(axis=2).sum(axis=1) * cut[..., 0].any(axis=1).sum(axis=1)
    np.testing.assert_array_equal(inside, box)


@pytest.mark.parametrize("channels", [1, 3])
def test_without_probability_it_is_the_identity(channels: int) -> None:
    images = waves((6, 5, channels))
    made = jax.jit(bgc(KNOWN_GROUPS))(jax.random.key(0), images, jnp.float32(0.0))
    np.testing.assert_array_equal(made, images)
