"""The Inception score against torch-fidelity and closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from jaxgan.metrics import inception_score
from tests.metrics import references


@references.needs_references
@pytest.mark.parametrize("num_splits", [1, 10])
def test_torch_fidelity(num_splits: int) -> None:
    expected = references.expected("_inception_score_logits_RandomState7_1000x10_x2")
    expected = expected[f"splits{num_splits}_noshuffle"]
    found = inception_score(references.arrays()["isc_logits"], num_splits=num_splits)
    assert found.mean == pytest.approx(expected["inception_score_mean"], rel=1e-10)
    assert found.std == pytest.approx(expected["inception_score_std"], rel=1e-8, abs=1e-12)


def test_between_one_and_the_number_of_classes() -> None:
    sure = 1e3 * np.eye(10, dtype=np.float32)
    assert inception_score(np.tile(sure, (5, 1)), num_splits=5) == pytest.approx((10.0, 0.0))
    assert inception_score(np.zeros((20, 10))) == pytest.approx((1.0, 0.0))
    assert inception_score(np.tile(sure[:4], (5, 1)), num_splits=5).mean == pytest.approx(4.0)
    # One class a split: sorted samples score as collapsed ones.
    assert inception_score(np.repeat(sure, 3, axis=0)) == pytest.approx((1.0, 0.0))


def test_splits_are_in_order_and_of_nearly_equal_size() -> None:
    logits = np.random.default_rng(0).normal(size=(11, 5))
    found = inception_score(logits, num_splits=3)
    parts = [inception_score(part, num_splits=1).mean for part in np.split(logits, [3, 7])]
    assert found == pytest.approx((np.mean(parts), np.std(parts)))


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="the number of samples is 9; it must be at least 10"):
        inception_score(np.zeros((9, 3)))
    with pytest.raises(ValueError, match="num_splits is 0"):
        inception_score(np.zeros((9, 3)), num_splits=0)
    with pytest.raises(ValueError, match=r"logits.shape is \(9,\); it must be \[N, K\]"):
        inception_score(np.zeros(9))
    with pytest.raises(ValueError, match="logits: 1 of 2 examples is not finite"):
        inception_score([[0.0, 1.0], [np.inf, 0.0]])
