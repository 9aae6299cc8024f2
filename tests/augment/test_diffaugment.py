"""DiffAugment against loops over pixels, with the same draws."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.augment import diffaugment
from jaxgan.augment._diffaugment import cut_out, translate
from jaxgan.core.state import stream

NUM, HEIGHT, WIDTH = 64, 9, 12
KEY = jax.random.key(5)


def images_of(channels: int) -> np.ndarray:
    rng = np.random.default_rng(channels)
    return rng.normal(size=(NUM, HEIGHT, WIDTH, channels)).astype(np.float32)


@pytest.mark.parametrize("channels", [1, 3])
def test_color_is_brightness_then_saturation_then_contrast(channels: int) -> None:
    images = images_of(channels)
    made = diffaugment(("color",))(KEY, jnp.asarray(images))
    drawn = [
        np.asarray(jax.random.uniform(stream(KEY, name), (NUM,)))
        for name in ("brightness", "saturation", "contrast")
    ]
    for x, y, b, s, c in zip(images, made, *drawn, strict=True):
        x = x + (b - 0.5)
        for pixel in x.reshape(-1, channels):
            pixel[:] = pixel.mean() + 2 * s * (pixel - pixel.mean())
        x = x.mean() + (c + 0.5) * (x - x.mean())
        np.testing.assert_allclose(y, x, atol=2e-6)


def test_translation_moves_whole_pixels_and_brings_in_zeros() -> None:
    images = images_of(2)
    made = np.asarray(diffaugment(("translation",))(KEY, jnp.asarray(images)))
    seen = set()
    for x, y in zip(images, made, strict=True):
        matches = []
        for down in range(-1, 2):  # 9/8 and 12/8 pixels, rounded half up
            for right in range(-2, 3):
                moved = np.zeros_like(x)
                for i in range(HEIGHT):
                    for j in range(WIDTH):
                        if 0 <= i + down < HEIGHT and 0 <= j + right < WIDTH:
                            moved[i, j] = x[i + down, j + right]
                if np.array_equal(moved, y):
                    matches.append((down, right))
        assert len(matches) == 1
        seen.update(matches)
    assert {down for down, _ in seen} == {-1, 0, 1}
    assert {right for _, right in seen} == {-2, -1, 0, 1, 2}


def test_cutout_is_a_rectangle_of_half_the_sides_around_any_pixel() -> None:
    images = np.ones((400, HEIGHT, WIDTH, 1), np.float32)
    made = np.asarray(diffaugment(("cutout",))(KEY, jnp.asarray(images)))
    sizes = set()
    for y in made[..., 0]:
        rows, columns = np.where(y.min(axis=1) == 0)[0], np.where(y.min(axis=0) == 0)[0]
        hole = np.ones_like(y)
        hole[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = 0
        np.testing.assert_array_equal(y, hole)
        sizes.add((len(rows), len(columns)))
    # Five of nine rows (4.5, rounded up), centred on any row; six of twelve columns, centred
    # between any two or on an end, where half of it is outside.
    assert {rows for rows, _ in sizes} == {3, 4, 5}
    assert {columns for _, columns in sizes} == {3, 4, 5, 6}


def test_where_an_even_rectangle_lies() -> None:
    hole = cut_out(jnp.ones((3, 1, 6, 1)), jnp.asarray([[0, 0], [0, 3], [0, 6]]), (1, 4))
    expected = [[0, 0, 1, 1, 1, 1], [1, 0, 0, 0, 0, 1], [1, 1, 1, 1, 0, 0]]
    np.testing.assert_array_equal(hole[:, 0, :, 0], np.asarray(expected, np.float32))


def test_small_images_do_not_move() -> None:
    image = jnp.ones((2, 3, 3, 1))  # an eighth of three pixels is none
    np.testing.assert_array_equal(diffaugment(("translation",))(KEY, image), image)
    np.testing.assert_array_equal(translate(image, jnp.zeros((2, 2), jnp.int32), (0, 0)), image)
