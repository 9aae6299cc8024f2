"""Radii, precision, recall, density and coverage against scikit-learn, prdc and brute force."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from jaxgan.metrics import density_coverage, knn_radii, prdc, precision_recall
from tests.metrics import references


def brute(real: np.ndarray, fake: np.ndarray, k: int, inside: bool = False) -> list[float]:
    """All four from whole matrices of exact differences."""

    def distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.sqrt(((x[:, None] - y[None]) ** 2).sum(axis=-1))

    radii = [np.sort(distances(x, x), axis=1)[:, k] for x in (real, fake)]
    across = distances(real, fake)
    compare = np.less_equal if inside else np.less
    in_real, in_fake = compare(across, radii[0][:, None]), compare(across, radii[1][None])
    precision, recall = in_real.any(axis=0).mean(), in_fake.any(axis=1).mean()
    return [precision, recall, in_real.sum(axis=0).mean() / k, in_real.any(axis=1).mean()]


@references.needs_references
@pytest.mark.parametrize("k", [3, 5])
@pytest.mark.parametrize("case", references.CASES)
def test_prdc(case: str, k: int) -> None:
    found = prdc(*references.features(case), k=k)._asdict()
    assert found == pytest.approx(references.expected(case)[f"prdc_k{k}"], rel=1e-5)


@references.needs_references
@pytest.mark.parametrize("case", references.CASES)
def test_torch_fidelity(case: str) -> None:
    found = precision_recall(*references.features(case), ties="inside")._asdict()
    expected = references.expected(case)["prc_k3_torch_fidelity"]
    assert found == pytest.approx({name: expected[name] for name in found}, rel=1e-5)


@pytest.mark.parametrize("tile", [2048, 16, 7])
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_radii_are_scikit_learn_s(tile: int, offset: float) -> None:
    x = offset + np.random.default_rng(0).normal(size=(50, 5))
    expected, _ = NearestNeighbors(n_neighbors=10, algorithm="brute").fit(x - offset).kneighbors()
    for k in (1, 3, 10):
        np.testing.assert_allclose(knn_radii(x, k, tile=tile), expected[:, k - 1], rtol=1e-8)


@pytest.mark.parametrize("tile", [2048, 16])
def test_any_tile_gives_the_whole(tile: int) -> None:
    random = np.random.default_rng(1)
    real, fake = random.normal(size=(41, 4)), 0.5 + random.normal(size=(30, 4))
    found = prdc(real, fake, k=3, tile=tile)
    assert found == pytest.approx(brute(real, fake, 3), rel=1e-12)
    assert precision_recall(real, fake, k=3, tile=tile) == found[:2]
    assert density_coverage(real, fake, k=3, tile=tile) == found[2:]


@pytest.mark.parametrize("inside", [False, True], ids=["outside", "inside"])
def test_ties_of_quantised_features_are_as_said(inside: bool) -> None:
    random = np.random.default_rng(2)
    real, fake = random.integers(0, 4, (80, 3)), random.integers(1, 5, (60, 3))
    ties = "inside" if inside else "outside"
    found = prdc(real, fake, k=2, ties=ties)
    assert found == pytest.approx(brute(real, fake, 2, inside), rel=1e-12)
    other = prdc(real, fake, k=2, ties="outside" if inside else "inside")
    assert (found.density > other.density) == inside


def test_copies_of_the_data() -> None:
    x = np.random.default_rng(3).normal(size=(60, 8))
    # Each ball holds its centre and the k - 1 inner neighbours; the k-th is on the surface.
    assert prdc(x, x, k=4) == pytest.approx((1.0, 1.0, 1.0, 1.0))
    assert prdc(x, x, k=4, ties="inside") == pytest.approx((1.0, 1.0, 1.25, 1.0))


def test_collapse_is_seen() -> None:
    x = np.random.default_rng(4).normal(size=(60, 8))
    collapsed = np.tile(x[:1], (40, 1))
    assert knn_radii(collapsed, 3).tolist() == [0.0] * 40
    found = prdc(x, collapsed, k=3)
    assert found.precision == 1.0
    assert found.recall == 0.0
    assert found.coverage < 0.2


def test_coverage_of_equal_distributions_is_known() -> None:
    random = np.random.default_rng(5)
    num, k = 60, 3
    found = [density_coverage(*random.normal(size=(2, num, 2)), k=k) for _ in range(40)]
    inner = np.arange(1, k + 1)
    expected = 1 - np.prod((num - inner) / (2 * num - inner))
    coverage = [one.coverage for one in found]
    error = np.std(coverage) / np.sqrt(len(coverage))
    assert np.mean(coverage) == pytest.approx(expected, abs=3 * error)
    assert np.mean([one.density for one in found]) == pytest.approx(1.0, abs=0.1)


BOUNDED = """
import resource
import numpy as np
from jaxgan.metrics import prdc
real, fake = np.random.default_rng(0).normal(size=(2, 50_000, 16)).astype(np.float32)
prdc(real[:4096], fake[:4096])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(*prdc(real, fake))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


@pytest.mark.slow
def test_fifty_thousand_samples_in_bounded_memory() -> None:
    done = subprocess.run(
        [sys.executable, "-c", BOUNDED],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    values, grown = done.stdout.splitlines()
    precision, recall, density, coverage = map(float, values.split())
    assert precision == pytest.approx(recall, abs=0.01)
    assert density == pytest.approx(1.0, abs=0.02)
    assert coverage == pytest.approx(1 - 2**-5, abs=0.005)
    # A whole matrix would take 10 GB.
    assert int(grown) < 300e6


def test_bad_input() -> None:
    x, y = np.ones((5, 2)), np.ones((4, 2))
    with pytest.raises(ValueError, match="k is 4, and fake has 4 examples; there must be more"):
        prdc(x, y, k=4)
    with pytest.raises(ValueError, match="k is 0; it must be an integer, at least 1"):
        knn_radii(x, 0)
    with pytest.raises(ValueError, match="ties is 'both'"):
        prdc(x, y, k=2, ties="both")
    with pytest.raises(ValueError, match="tile is 0"):
        density_coverage(x, y, k=2, tile=0)
    with pytest.raises(ValueError, match="real: 5 of 5 examples are not finite, the first at 0"):
        precision_recall(np.nan * x, y)
    with pytest.raises(ValueError, match=r"fake.shape is \(0, 2\)"):
        prdc(x, y[:0])
