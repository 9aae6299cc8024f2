"""Laplacian pyramids against sums over neighbours, distances against SciPy and a closed form."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import gammaln
from scipy.stats import wasserstein_distance

from jaxgan.metrics import laplacian_pyramid, sliced_distance, sliced_wasserstein

TAPS = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256


def smoothed(images: np.ndarray) -> np.ndarray:
    """Sums over 5 x 5 neighbours in float64, mirrored without repeating the border."""
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)), mode="reflect")
    height, width = images.shape[1:3]
    return sum(
        TAPS[i, j] * padded[:, i : i + height, j : j + width] for i in range(5) for j in range(5)
    )


def enlarged(images: np.ndarray, like: np.ndarray) -> np.ndarray:
    spread = np.zeros(like.shape)
    spread[:, ::2, ::2] = images
    return 4 * smoothed(spread)


@pytest.mark.parametrize("shape", [(2, 64, 48, 3), (2, 37, 50, 1)])
def test_a_pyramid_is_differences_and_can_be_put_together(shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(0)
    images = random.normal(size=shape)
    levels = laplacian_pyramid(images)
    assert len(levels) == 2
    lower = smoothed(images)[:, ::2, ::2]
    np.testing.assert_allclose(levels[1], lower, atol=1e-5)
    np.testing.assert_allclose(levels[0], images - enlarged(lower, images), atol=1e-5)
    np.testing.assert_allclose(levels[0] + enlarged(levels[1], images), images, atol=1e-5)


@pytest.mark.parametrize(
    ("side", "expected"),
    [(8, [8]), (28, [28]), (31, [31, 16]), (32, [32, 16]), (65, [65, 33, 17])],
)
def test_there_are_as_many_levels_as_exist(side: int, expected: list[int]) -> None:
    assert [
        len(level[0]) for level in laplacian_pyramid(np.ones((1, side, side + 3, 1)))
    ] == expected


def test_distances_are_scipy_s() -> None:
    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, 50, 6))
    directions = random.normal(size=(20, 6))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    expected = [wasserstein_distance(a @ v, 2 * b @ v) for v in directions]
    assert sliced_distance(a, 2 * b, directions) == pytest.approx(np.mean(expected), rel=1e-10)


def test_flat_images_have_a_closed_form() -> None:
    random = np.random.default_rng(0)
    # A patch of a flat image is its colour z times ones, and v·z1 is z √D u with u a component of
    # a random unit vector. Wasserstein distances of one-dimensional sets are scaled by |√D u|.
    real, fake = random.normal(size=(2, 500)) ** 2 * np.asarray([[1.0], [0.0]])
    fake = random.uniform(size=500)
    found = sliced_wasserstein(
        *(np.broadcast_to(x[:, None, None, None], (500, 16, 16, 1)) for x in (real, fake)),
        num_patches=4,
        num_repeats=8,
    )
    normalised = [(x - x.mean()) / x.std() for x in (real, fake)]
    num = 49
    component = np.exp(gammaln(num / 2) - gammaln((num + 1) / 2)) / np.sqrt(np.pi)
    closed = 1e3 * wasserstein_distance(*normalised) * np.sqrt(num) * component
    # 1,024 directions know the mean of |u| to 2.4 %.
    assert found.per_level == {16: pytest.approx(closed, rel=0.08)}


def test_scale_is_seen_where_it_differs() -> None:
    random = np.random.default_rng(0)
    images = random.normal(size=(64, 32, 32, 1))
    rest = random.normal(size=(64, 32, 32, 1))
    options = {"num_patches": 32, "num_directions": 32}
    same = sliced_wasserstein(images, 5.0 + 3.0 * rest, **options)
    assert list(same.per_level) == [32, 16]
    assert same.mean == pytest.approx(np.mean(list(same.per_level.values())))
    # Sparse noise differs from normal noise most where nothing is averaged.
    sparse = rest * (random.uniform(size=rest.shape) < 0.1)
    other = sliced_wasserstein(images, sparse, **options)
    assert other.per_level[32] > 1.5 * other.per_level[16]
    assert other.mean > 1.5 * same.mean
    assert other == sliced_wasserstein(images, sparse, **options)
    assert other != sliced_wasserstein(images, sparse, seed=1, **options)


def test_constant_images_are_told_of() -> None:
    random = np.random.default_rng(0)
    images = random.normal(size=(8, 32, 32, 2))
    flat = images.copy()
    flat[..., 1] = 0.3
    small = {"num_patches": 4, "num_directions": 8}
    with pytest.warns(
        UserWarning, match="fake: a channel is constant over all images at 32, 16 pix"
    ):
        found = sliced_wasserstein(images, flat, **small)
    assert np.isfinite(found.mean)


def test_bad_input() -> None:
    x = np.zeros((4, 8, 8, 1))
    with pytest.raises(ValueError, match="real has 4 images, fake 3"):
        sliced_wasserstein(x, x[:3])
    with pytest.raises(ValueError, match=r"of shape \(8, 8, 1\), fake of \(8, 8, 3\)"):
        sliced_wasserstein(x, np.zeros((4, 8, 8, 3)))
    with pytest.raises(ValueError, match=r"it must be \[N, H, W, C\]"):
        sliced_wasserstein(x[..., 0], x[..., 0])
    with pytest.raises(ValueError, match=r"images are \(6, 8\) pixels; a side must be at least 7"):
        sliced_wasserstein(x[:, :6], x[:, :6])
    with pytest.raises(ValueError, match="num_repeats is 0"):
        sliced_wasserstein(x, x, num_repeats=0)
