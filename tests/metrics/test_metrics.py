"""Metrics against SciPy and scikit-learn, and against what is known of a perfect sampler."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.neighbors import NearestNeighbors

from jaxgan import metrics
from jaxgan.data import open_source


def test_class_kl_is_scipy_s() -> None:
    random = np.random.default_rng(0)
    p, q = random.dirichlet(np.ones(10), size=2)
    assert metrics.kl_divergence(p, q) == pytest.approx(stats.entropy(p, q), rel=1e-12)
    assert metrics.kl_divergence(p, np.eye(10)[0]) == np.inf


def test_class_kl_of_true_samples_is_its_finite_sample_bias() -> None:
    random = np.random.default_rng(0)
    q = np.full(10, 0.1)
    values = [
        metrics.kl_divergence(metrics.class_histogram(random.integers(0, 10, 2000), 10), q)
        for _ in range(200)
    ]
    assert np.mean(values) == pytest.approx(9 / 4000, rel=0.1)


def test_a_rare_class_is_not_covered() -> None:
    labels = np.asarray([0] * 995 + [1] * 5)
    assert metrics.num_covered(metrics.class_histogram(labels, 3)) == 1
    assert metrics.num_covered(metrics.class_histogram(labels, 3), least_share=0.005) == 2


@pytest.mark.parametrize("chunk", [7, 1000])
def test_nearest_neighbors_are_scikit_learn_s(chunk: int) -> None:
    random = np.random.default_rng(0)
    queries, references = random.normal(size=(50, 4, 4, 1)), random.normal(size=(80, 4, 4, 1))
    indices, distances = metrics.nearest_neighbors(queries, references, chunk=chunk)
    judge = NearestNeighbors(n_neighbors=2).fit(references.reshape(80, -1))
    expected, expected_indices = judge.kneighbors(queries.reshape(50, -1))
    np.testing.assert_array_equal(indices, expected_indices[:, 0])
    np.testing.assert_allclose(distances, expected[:, 0], rtol=1e-12)
    own, _ = judge.kneighbors(references.reshape(80, -1))
    loo = metrics.leave_one_out_distances(references, chunk=chunk)
    np.testing.assert_allclose(loo, own[:, 1], rtol=1e-12)


def test_a_copy_has_distance_zero() -> None:
    references = np.random.default_rng(0).normal(size=(20, 64))
    _, distances = metrics.nearest_neighbors(references[3:5], references)
    assert distances.tolist() == [0.0, 0.0]


def test_a_perfect_sampler_of_the_ring_scores_what_it_can() -> None:
    import jax

    ring = open_source("ring")
    points = np.asarray(ring.sample(jax.random.key(0), 20_000)["image"])
    score = metrics.mixture_score(points, ring.modes, ring.std)
    assert score.num_modes == 8
    # Rayleigh: 1 - exp(-9/2) of the mass lies within three standard deviations.
    assert score.high_quality == pytest.approx(1 - np.exp(-4.5), abs=3e-3)
    assert score.reverse_kl < 2 * 7 / (2 * 20_000)


def test_collapse_is_seen() -> None:
    ring = open_source("ring")
    collapsed = np.tile(ring.modes[:1], (100, 1))
    score = metrics.mixture_score(collapsed, ring.modes, ring.std)
    assert score.num_modes == 1
    assert score.high_quality == 1.0
    assert score.reverse_kl == pytest.approx(np.log(8))
    between = np.zeros((100, 2))
    assert metrics.mixture_score(between, ring.modes, ring.std) == (0, 0.0, np.inf)
