"""The kernel distance against other implementations, NumPy in float64 and its own spread."""

from __future__ import annotations

import numpy as np
import pytest

from jaxgan.metrics import kernel_and_prdc, kernel_distance, prdc, squared_mmd
from jaxgan.metrics._neighbors import Ties
from tests.metrics import references


def exact(x: np.ndarray, y: np.ndarray) -> float:
    """The unbiased estimate, every pair in float64."""
    xx, yy, xy = ((a @ b.T / x.shape[1] + 1) ** 3 for a, b in ((x, x), (y, y), (x, y)))
    within = [(k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in (xx, yy)]
    return sum(within) - 2 * xy.mean()


@references.needs_references
@pytest.mark.parametrize("case", references.CASES)
def test_other_implementations(case: str) -> None:
    real, fake = references.features(case)
    expected = references.expected(case)
    found = squared_mmd(real, fake)
    assert found == pytest.approx(expected["kid_mmd2_fullset_unbiased"], rel=1e-5)
    blocks = kernel_distance(real, fake, block_size=100)
    theirs = expected["kid_torch_fidelity_100x100"]
    assert blocks.value == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-5)
    assert blocks.std == pytest.approx(theirs["kernel_inception_distance_std"], rel=1e-5)
    # clean-fid draws from the samples first.
    blocks = kernel_distance(fake, real, block_size=100, seed=0)
    assert blocks.value == pytest.approx(expected["kid_cleanfid_seed0_100x100"], rel=1e-5)


@pytest.mark.parametrize(("num_real", "num_fake"), [(40, 40), (40, 23)])
@pytest.mark.parametrize("tile", [2048, 16])
def test_tiles_give_the_whole(num_real: int, num_fake: int, tile: int) -> None:
    random = np.random.default_rng(0)
    x, y = random.normal(size=(num_real, 8)), 1.0 + random.normal(size=(num_fake, 8))
    assert squared_mmd(x, y, tile=tile) == pytest.approx(exact(x, y), rel=1e-5)


def test_features_far_from_zero_keep_their_digits() -> None:
    random = np.random.default_rng(1)
    x, y = 30.0 + random.normal(size=(2, 200, 16))
    y += 0.1
    assert squared_mmd(x, y) == pytest.approx(exact(x, y), rel=1e-4)


def test_one_distribution_is_at_zero_on_average() -> None:
    random = np.random.default_rng(2)
    values = [squared_mmd(*random.normal(size=(2, 40, 4))) for _ in range(100)]
    error = np.std(values) / np.sqrt(len(values))
    assert abs(np.mean(values)) < 3 * error
    assert min(values) < 0.0 < max(values)


def test_the_standard_error_is_what_the_value_varies_by() -> None:
    random = np.random.default_rng(3)
    found = [
        kernel_distance(
            random.normal(size=(120, 4)),
            random.normal(size=(120, 4)) + 0.8,
            num_blocks=16,
            block_size=30,
            seed=trial,
        )
        for trial in range(60)
    ]
    spread = np.std([one.value for one in found], ddof=1)
    errors = [one.standard_error for one in found]
    # 60 values know their spread to 1 / √120.
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(spread, rel=0.3)
    naive = np.mean([one.std for one in found]) / np.sqrt(16)
    assert naive < 0.6 * spread


@pytest.mark.parametrize("num_blocks", [3, 20], ids=["block by block", "all pairs once"])
@pytest.mark.parametrize("tile", [2048, 16])
def test_blocks_are_their_pairs(num_blocks: int, tile: int) -> None:
    x, y = np.random.default_rng(5).normal(size=(2, 40, 6))
    random = np.random.RandomState(9)
    values = []
    for _ in range(num_blocks):
        in_x, in_y = (random.choice(40, 10, replace=False) for _ in range(2))
        values.append(exact(x[in_x], y[in_y] + 1.0))
    options = {"num_blocks": num_blocks, "block_size": 10, "seed": 9, "tile": tile}
    found = kernel_distance(x, y + 1.0, **options)
    assert found[:2] == pytest.approx((np.mean(values), np.std(values)), rel=1e-5)
    together, _ = kernel_and_prdc(x, y + 1.0, **options)
    assert together == pytest.approx(found, rel=1e-5)


@pytest.mark.parametrize("ties", ["outside", "inside"])
@pytest.mark.parametrize("tile", [2048, 16])
def test_prdc_beside_the_kernel_is_prdc(ties: Ties, tile: int) -> None:
    random = np.random.default_rng(6)
    real, fake = random.integers(0, 4, (80, 3)), random.integers(1, 5, (60, 3))
    options = {"k": 2, "ties": ties, "tile": tile}
    _, found = kernel_and_prdc(real, fake, num_blocks=2, block_size=20, **options)
    assert found == prdc(real, fake, **options)


def test_blocks_follow_from_the_seed() -> None:
    x, y = np.random.default_rng(4).normal(size=(2, 50, 3))
    found = [kernel_distance(x, y, num_blocks=3, block_size=30, seed=s) for s in (1, 1, 2)]
    assert found[0] == found[1]
    assert found[0] != found[2]
    whole = kernel_distance(x, y, num_blocks=2, block_size=50)
    assert whole.value == pytest.approx(squared_mmd(x, y), rel=1e-5)
    assert np.isnan(whole.standard_error)


def test_bad_input() -> None:
    x = np.ones((10, 2))
    with pytest.raises(ValueError, match="block_size is 11, and real has 10 examples"):
        kernel_distance(x, np.ones((20, 2)), block_size=11)
    with pytest.raises(ValueError, match="block_size is 1; it must be an integer, at least 2"):
        kernel_distance(x, x, block_size=1)
    with pytest.raises(ValueError, match="num_blocks is 0"):
        kernel_distance(x, x, num_blocks=0, block_size=5)
    with pytest.raises(ValueError, match=r"real has examples of shape \(2,\), fake of \(3,\)"):
        squared_mmd(x, np.ones((10, 3)))
    with pytest.raises(ValueError, match="fake: 10 of 10 examples are not finite"):
        squared_mmd(x, np.nan * x)
    with pytest.raises(ValueError, match="fake: the number of examples is 1"):
        squared_mmd(x, x[:1])
