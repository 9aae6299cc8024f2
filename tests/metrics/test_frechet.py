"""The Fréchet distance against closed forms, SciPy, other implementations and published pixels."""

from __future__ import annotations

import functools
import os
import warnings
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import sqrtm

from jaxgan import metrics
from jaxgan.data import open_source
from jaxgan.metrics import Moments, frechet_distance, merge, moments
from tests.metrics import references

DATA_DIR = Path(os.environ.get("JAXGAN_TFDS_DIR", references.SHARED / "data/tfds"))


def gaussian(mean: Any, covariance: Any, count: int = 1000) -> Moments:
    return Moments(count, np.asarray(mean, float), (count - 1) * np.asarray(covariance, float))


def rotation(num: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(0).normal(size=(num, num)))[0]


@references.needs_references
@pytest.mark.parametrize("case", references.CASES)
def test_other_implementations(case: str) -> None:
    real, fake = (moments(x) for x in references.features(case))
    expected = references.expected(case)
    for name in ("fid_pytorch_fid", "fid_cleanfid", "fid_torch_fidelity", "fid_eigh"):
        assert frechet_distance(real, fake) == pytest.approx(expected[name], rel=1e-6), name
    gap = real.mean - fake.mean
    assert gap @ gap == pytest.approx(expected["mean_term"], rel=1e-10)


def test_covariances_that_commute_have_a_closed_form() -> None:
    axes, a, b = rotation(5), np.asarray([4.0, 1, 9, 0, 2]), np.asarray([1.0, 16, 0, 0, 2])
    real = gaussian(np.zeros(5), axes * a @ axes.T)
    fake = gaussian(axes @ np.asarray([1.0, 2, 0, 0, 2]), axes * b @ axes.T)
    closed = 9.0 + ((np.sqrt(a) - np.sqrt(b)) ** 2).sum()
    assert frechet_distance(real, fake) == pytest.approx(closed, rel=1e-12)


def test_two_dimensions_have_a_closed_form() -> None:
    # tr √M is √(tr M + 2 √det M) for a 2 x 2 matrix M.
    a, b = np.asarray([[2.0, 1.0], [1.0, 3.0]]), np.asarray([[1.0, -0.5], [-0.5, 4.0]])
    product = a @ b
    root = np.sqrt(np.trace(product) + 2 * np.sqrt(np.linalg.det(product)))
    closed = np.trace(a) + np.trace(b) - 2 * root
    assert frechet_distance(gaussian([0, 0], a), gaussian([0, 0], b)) == pytest.approx(closed)


def test_any_covariance_is_scipy_s() -> None:
    random = np.random.default_rng(1)
    x, y = random.normal(size=(2, 100, 20)) @ random.normal(size=(20, 20))
    a, b = np.cov(x, rowvar=False), np.cov(2 * y, rowvar=False)
    gap = x.mean(axis=0) - 2 * y.mean(axis=0)
    expected = gap @ gap + np.trace(a + b - 2 * np.real(sqrtm(a @ b)))
    assert frechet_distance(moments(x), moments(2 * y)) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(("num_real", "num_fake"), [(20, 30), (20, 200), (200, 20)])
def test_fewer_samples_than_features(num_real: int, num_fake: int) -> None:
    random = np.random.default_rng(2)
    x, y = random.normal(size=(num_real, 50)), 2 * random.normal(size=(num_fake, 50))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = frechet_distance(moments(x), moments(y))
    few = [(name, n) for name, n in (("real", num_real), ("fake", num_fake)) if n <= 50]
    for (name, num), warning in zip(few, caught, strict=True):
        assert f"{name}: {num} samples of 50 features" in str(warning.message)
    # tr (C_x C_y)^½ is the nuclear norm of the centred data's inner products.
    a, b = ((z - z.mean(axis=0)) / np.sqrt(len(z) - 1) for z in (x, y))
    root = np.linalg.norm(a @ b.T, "nuc")
    gap = x.mean(axis=0) - y.mean(axis=0)
    expected = gap @ gap + (a**2).sum() + (b**2).sum() - 2 * root
    assert found == pytest.approx(expected, rel=1e-10)


def test_singular_covariances() -> None:
    x = np.random.default_rng(3).normal(size=(500, 10))
    flat = np.concatenate([x, x[:, :5] - x[:, 5:], np.full((500, 3), 7.0)], axis=1)
    assert frechet_distance(moments(flat), moments(flat)) == pytest.approx(0.0, abs=1e-10)
    constant = moments(np.full((500, 18), 2.0))
    gap = flat.mean(axis=0) - 2.0
    expected = gap @ gap + flat.var(axis=0, ddof=1).sum()
    assert frechet_distance(moments(flat), constant) == pytest.approx(expected, rel=1e-12)
    assert frechet_distance(constant, constant) == 0.0


def test_merging_in_any_order_and_split() -> None:
    random = np.random.default_rng(4)
    x = (100.0 + random.normal(size=(400, 6)) * [1, 1, 2, 5, 10, 0.1]).astype(np.float32)
    whole = x.astype(np.float64)
    expected = np.cov(whole, rowvar=False)
    other = moments(random.normal(size=(100, 6)))
    distance = frechet_distance(moments(x), other)
    for _ in range(5):
        edges = np.sort(random.integers(1, 400, size=7))
        parts = [moments(part) for part in np.split(x, edges) if len(part)]
        order = random.permutation(len(parts))
        found = functools.reduce(merge, [parts[i] for i in order])
        assert found.count == 400
        np.testing.assert_allclose(found.mean, whole.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(found.scatter / 399, expected, rtol=1e-10, atol=1e-10)
        np.testing.assert_array_equal(found.scatter, found.scatter.T)
        assert frechet_distance(found, other) == pytest.approx(distance, rel=1e-10)
    left, right = moments(x[:7]), moments(x[7:])
    np.testing.assert_allclose(merge(left, right).mean, merge(right, left).mean, rtol=1e-14)
    np.testing.assert_allclose(moments(x, chunk=33).scatter / 399, expected, rtol=1e-10, atol=1e-10)


def test_moments_of_device_arrays_are_in_float64() -> None:
    x = jnp.asarray(np.random.default_rng(5).normal(size=(50, 3)) + 1e4, jnp.float32)
    for array in (x, x.astype(jnp.bfloat16)):
        found = moments(array)
        assert found.mean.dtype == found.scatter.dtype == np.float64
        exact = np.asarray(array).astype(np.float64)
        np.testing.assert_allclose(found.scatter / 49, np.cov(exact, rowvar=False), rtol=1e-9)


def test_it_grows_with_noise_and_with_lost_modes() -> None:
    random = np.random.default_rng(6)
    labels = random.integers(0, 10, 4000)
    x = 3.0 * rotation(10)[labels] + random.normal(size=(4000, 10))
    real, rest = moments(x[:2000]), x[2000:]
    noisy = [
        frechet_distance(real, moments(rest + sigma * random.normal(size=rest.shape)))
        for sigma in (0.0, 0.5, 1.0, 2.0)
    ]
    lost = [frechet_distance(real, moments(rest[labels[2000:] < num])) for num in (10, 8, 5, 2)]
    assert noisy[0] == lost[0] < 0.1
    assert noisy == sorted(noisy)
    assert lost == sorted(lost)


@pytest.mark.slow
@pytest.mark.skipif(
    not all((DATA_DIR / name).is_dir() for name in ("mnist", "fashion_mnist")),
    reason="MNIST and Fashion-MNIST are not prepared beside the repository",
)
def test_pixels_of_mnist_and_fashion_mnist() -> None:
    pytest.importorskip("tensorflow_datasets")

    hashing = pytest.importorskip("tensorflow_datasets.core.hashing")

    @functools.cache
    def pixels(name: str, split: str) -> Moments:
        # TFDS stores examples by the hashes of their indices; the first 10,000 are of the original
        # files.
        hasher = hashing.Hasher(split)
        hashes = [hasher.hash_key(i) for i in range({"train": 60_000, "test": 10_000}[split])]
        places = np.argsort(np.argsort(np.asarray(hashes, dtype=object)))[:10_000]
        options = {"data_dir": str(DATA_DIR), "decode_limit_bytes": 0}
        source = open_source(f"tfds:{name}", split=split, **options)
        read = source.read(places)
        if (name, split) == ("mnist", "train"):
            assert read["label"][:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
        return moments((read["image"].reshape(10_000, -1).astype(np.float64) + 1) / 2)

    def distance(a: tuple[str, str], b: tuple[str, str]) -> float:
        return frechet_distance(pixels(*a), pixels(*b))

    digits, clothes = ("mnist", "test"), ("fashion_mnist", "test")
    found = distance(("mnist", "train"), digits)
    assert found == pytest.approx(0.5893574584, rel=1e-5)
    found = distance(("fashion_mnist", "train"), clothes)
    assert found == pytest.approx(0.4151027345, rel=1e-5)
    assert distance(digits, clothes) == pytest.approx(77.7203538, rel=1e-5)


def test_bad_input() -> None:
    x = np.ones((4, 2))
    broken = x.copy()
    broken[[1, 3], 0] = np.nan, np.inf
    with pytest.raises(
        ValueError, match="features: 2 of 4 examples are not finite, the first at 1"
    ):
        moments(broken)
    for shape in ((4,), (0, 2), (4, 0), (4, 2, 1)):
        with pytest.raises(ValueError, match=r"features.shape is .*; it must be \[N, F\]"):
            moments(np.ones(shape))
    with pytest.raises(ValueError, match="chunk is 0"):
        moments(x, chunk=0)
    one, four = moments(x[:1]), moments(x)
    with pytest.raises(ValueError, match="fake: the number of samples is 1; it must be at least 2"):
        frechet_distance(four, one)
    other = moments(np.ones((4, 3)))
    with pytest.raises(ValueError, match="real has 2 features, fake 3"):
        frechet_distance(four, other)
    with pytest.raises(ValueError, match="moments of 2 and of 3 features"):
        metrics.merge(four, other)
