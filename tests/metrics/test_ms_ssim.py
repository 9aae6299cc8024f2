"""MS-SSIM against an implementation by SciPy's filters, closed forms and known pairs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import correlate1d

from jaxgan.metrics import ms_ssim, ms_ssim_diversity

WEIGHTS = np.asarray([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])


def independent(a: np.ndarray, b: np.ndarray, num: int, size: int = 11) -> float:
    """One pair of images [H, W] in [0, 255], in float64."""
    taps = np.exp(-((np.arange(size) - (size - 1) / 2) ** 2) / (2 * (1.5 * size / 11) ** 2))
    taps /= taps.sum()
    before, after = (size - 1) // 2, size // 2

    def window(x: np.ndarray) -> np.ndarray:
        for axis in (0, 1):
            x = correlate1d(x, taps, axis=axis, mode="constant", origin=0 if size % 2 else -1)
            end = x.shape[axis] - after
            x = np.take(x, np.arange(before, end), axis=axis)
        return x

    weights = WEIGHTS[:num] / (1.0 if num == 5 else WEIGHTS[:num].sum())
    result, c1, c2 = 1.0, (0.01 * 255) ** 2, (0.03 * 255) ** 2
    for scale in range(num):
        mu_a, mu_b = window(a), window(b)
        var_a, var_b = window(a * a) - mu_a**2, window(b * b) - mu_b**2
        covariance = window(a * b) - mu_a * mu_b
        similarity = (2 * covariance + c2) / (var_a + var_b + c2)
        if scale == num - 1:
            similarity = similarity * (2 * mu_a * mu_b + c1) / (mu_a**2 + mu_b**2 + c1)
        result *= max(similarity.mean(), 0.0) ** weights[scale]
        a, b = (np.pad(x, [(0, side % 2) for side in x.shape], mode="edge") for x in (a, b))
        a, b = ((x[::2, ::2] + x[1::2, ::2] + x[::2, 1::2] + x[1::2, 1::2]) / 4 for x in (a, b))
    return result


@pytest.mark.parametrize(
    ("height", "width", "num", "size"),
    [(8, 9, 1, 8), (9, 20, 1, 9), (28, 28, 2, 11), (47, 64, 3, 11), (161, 164, 5, 11)],
)
def test_an_independent_implementation(height: int, width: int, num: int, size: int) -> None:
    random = np.random.default_rng(0)
    base = random.normal(size=(2, height, width, 2)).cumsum(axis=1).cumsum(axis=2)
    base /= np.abs(base).max()
    a, b = base, np.clip(0.9 * base + 0.1 * random.normal(size=base.shape), -1, 1)
    found = ms_ssim(a, b)
    for i in range(2):
        channels = [
            independent(127.5 * (a[i, ..., c] + 1), 127.5 * (b[i, ..., c] + 1), num, size)
            for c in range(2)
        ]
        assert 0.1 < np.mean(channels) < 0.999
        assert found[i] == pytest.approx(np.mean(channels), rel=1e-4)


def test_flat_images_differ_in_light_alone() -> None:
    # Every cs is 1; l is of the last scale, whose exponent of the two is 0.2856.
    a, b = np.full((1, 28, 28, 1), 0.0), np.full((1, 28, 28, 1), 0.5)
    light = (2 * 0.5 * 0.75 + 1e-4) / (0.5**2 + 0.75**2 + 1e-4)
    expected = light ** (0.2856 / (0.0448 + 0.2856))
    assert ms_ssim(a, b) == pytest.approx([expected], rel=1e-4)
    assert ms_ssim(a / 2 + 0.5, b / 2 + 0.5, value_range=(0, 1)) == pytest.approx(
        [expected], rel=1e-4
    )


def test_opposites_score_zero_and_equals_one() -> None:
    random = np.random.default_rng(0)
    images = random.uniform(-1, 1, (5, 16, 16, 1))
    np.testing.assert_allclose(ms_ssim(images, images, batch=2), 1.0, rtol=1e-5)
    np.testing.assert_array_equal(ms_ssim(images, -images, batch=2), 0.0)


def test_pairs_are_never_of_one_image_and_of_one_class() -> None:
    random = np.random.default_rng(0)
    # Of two pictures each different pair scores alike, a picture with itself 1.
    images = random.uniform(-1, 1, (2, 16, 16, 1))
    (apart,) = ms_ssim(images[:1], images[1:])
    found = ms_ssim_diversity(images, num_pairs=20)
    assert found == pytest.approx((apart, 0.0, 1), abs=1e-6)
    four = images[[0, 1, 0, 1]]
    same = ms_ssim_diversity(four, labels=np.asarray([7, 3, 7, 3]), num_pairs=50)
    assert same.mean == pytest.approx(1.0, abs=1e-5)
    other = ms_ssim_diversity(four, labels=np.asarray([7, 7, 3, 3]), num_pairs=50)
    assert other.mean == pytest.approx(apart, abs=1e-6)


def test_every_pair_is_as_likely() -> None:
    images = np.linspace(-0.9, 0.9, 3)[:, None, None, None] * np.ones((3, 8, 8, 1))
    pairs = [ms_ssim(images[[i]], images[[j]])[0] for i, j in ((0, 1), (0, 2), (1, 2))]
    found = ms_ssim_diversity(images, num_pairs=3000, batch=3000)
    assert found.mean == pytest.approx(np.mean(pairs), abs=3 * np.std(pairs) / np.sqrt(3000))
    assert found.std == pytest.approx(np.std(pairs), rel=0.05)


def test_bad_input() -> None:
    x = np.zeros((4, 8, 8, 1))
    with pytest.raises(ValueError, match="a has 4 images, b 3"):
        ms_ssim(x, x[:3])
    with pytest.raises(ValueError, match="the number of images is 1; it must be at least 2"):
        ms_ssim_diversity(x[:1])
    with pytest.raises(ValueError, match="class 2 has one image"):
        ms_ssim_diversity(x, labels=np.asarray([1, 1, 2, 1]))
    with pytest.raises(ValueError, match=r"value_range is \(1.0, 0.0\)"):
        ms_ssim(x, x, value_range=(1.0, 0.0))
    with pytest.raises(ValueError, match="num_pairs is 0"):
        ms_ssim_diversity(x, num_pairs=0)
    with pytest.raises(ValueError, match=r"images.shape is \(4, 8, 8\)"):
        ms_ssim_diversity(x[..., 0])
