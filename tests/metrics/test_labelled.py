"""Mode coverage by labels against closed forms and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from jaxgan.metrics import labelled_score


def test_every_mode_equally_often_is_perfect() -> None:
    score = labelled_score(np.tile(np.arange(1000), 3), 1000)
    assert score.num_modes == 1000
    assert score.high_quality == 1.0
    assert score.reverse_kl == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("num_found", [1, 10, 500])
def test_collapse_to_m_modes_costs_log_k_over_m(num_found: int) -> None:
    score = labelled_score(np.tile(np.arange(num_found), 4), 1000)
    assert score.num_modes == num_found
    assert score.reverse_kl == pytest.approx(np.log(1000 / num_found))


def test_reverse_kl_is_scipy_s() -> None:
    labels = np.random.default_rng(0).choice(7, size=500, p=np.arange(1, 8) / 28)
    expected = stats.entropy(np.bincount(labels, minlength=7), np.ones(7))
    assert labelled_score(labels, 7).reverse_kl == pytest.approx(expected, rel=1e-12)


def test_a_perfect_sampler_reaches_the_floor_of_finite_samples() -> None:
    # chi² / 2N with K - 1 degrees of freedom, to first order in K / N.
    random = np.random.default_rng(0)
    num, num_classes = 25_600, 1000
    scores = [labelled_score(random.integers(0, num_classes, num), num_classes) for _ in range(20)]
    floor = (num_classes - 1) / (2 * num)
    assert np.mean([score.reverse_kl for score in scores]) == pytest.approx(floor, rel=0.03)
    assert min(score.num_modes for score in scores) == num_classes


def test_few_samples_miss_modes_by_chance() -> None:
    random = np.random.default_rng(0)
    found = [labelled_score(random.integers(0, 100, 200), 100).num_modes for _ in range(200)]
    assert np.mean(found) == pytest.approx(100 * (1 - 0.99**200), rel=0.01)


def test_unsure_samples_count_for_nothing() -> None:
    labels = np.asarray([0, 0, 1, 2, 3])
    confidences = np.asarray([1.0, 0.5, 0.5, 0.49, 0.0])
    score = labelled_score(labels, 4, confidences=confidences, min_confidence=0.5)
    assert score.num_modes == 2
    assert score.high_quality == pytest.approx(3 / 5)
    assert score.reverse_kl == pytest.approx(stats.entropy([2, 1, 0, 0], np.ones(4)))
    assert labelled_score(labels, 4, confidences=confidences).num_modes == 4


def test_no_good_sample_is_infinitely_far() -> None:
    score = labelled_score(np.zeros(3, int), 4, confidences=np.zeros(3), min_confidence=0.5)
    assert score == (0, 0.0, np.inf)


def test_least_share_is_of_all_samples_and_exact() -> None:
    labels = np.asarray([0] * 7 + [1] * 1 + [2] * 2)
    assert labelled_score(labels, 3, least_share=0.1).num_modes == 3
    assert labelled_score(labels, 3, least_share=0.2).num_modes == 2
    confidences = np.asarray([1.0] * 8 + [1.0, 0.0])
    # One of mode 2's two samples is refused, yet its share is still of all ten.
    score = labelled_score(labels, 3, confidences=confidences, min_confidence=0.5, least_share=0.2)
    assert score.num_modes == 1


@pytest.mark.parametrize(
    ("labels", "options", "message"),
    [
        ([], {}, "labels is empty"),
        ([0, 4], {}, r"labels are in \[0, 4\]; they must be in \[0, 4\)"),
        ([-1, 2], {}, r"labels are in \[-1, 2\]"),
        ([0, 1], {"min_confidence": 0.5}, "confidences is None"),
    ],
)
def test_bad_input(labels: list[int], options: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        labelled_score(np.asarray(labels, int), 4, **options)
