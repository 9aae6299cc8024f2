"""Classification accuracy scores against what must come out."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, recall_score
from sklearn.neighbors import KNeighborsClassifier

from jaxgan.metrics import gan_test, gan_train
from jaxgan.metrics._classification import Predict

DRAW = np.random.default_rng(0)
LABELS = DRAW.integers(0, 4, 300)
POINTS = 1.5 * np.eye(4)[LABELS] + DRAW.normal(size=(300, 4))


def fit(images: np.ndarray, labels: np.ndarray) -> Predict:
    return KNeighborsClassifier(3).fit(images, labels).predict


def test_scores_are_those_of_scikit_learn() -> None:
    train, test = slice(0, 200), slice(200, 300)
    expected = fit(POINTS[train], LABELS[train])(POINTS[test])
    args = (POINTS[train], LABELS[train], POINTS[test], LABELS[test])
    for score in (gan_train(fit, *args), gan_test(fit, *args)):
        assert score.overall == pytest.approx(accuracy_score(LABELS[test], expected))
        recalls = recall_score(LABELS[test], expected, average=None)
        np.testing.assert_allclose(score.per_class, recalls)
    assert 0.3 < score.overall < 1.0


def test_a_missing_class_costs_recall_only_when_trained_on() -> None:
    some = LABELS < 3
    trained = gan_train(fit, POINTS[some], LABELS[some], POINTS, LABELS)
    assert trained.per_class[3] == 0.0
    tested = gan_test(fit, POINTS, LABELS, POINTS[some], LABELS[some])
    assert np.isnan(tested.per_class[3])


def test_empty_sets_are_refused() -> None:
    with pytest.raises(ValueError, match="training images: none"):
        gan_train(fit, POINTS[:0], LABELS[:0], POINTS, LABELS)
    with pytest.raises(ValueError, match="test images: none"):
        gan_test(fit, POINTS, LABELS, POINTS[:0], LABELS[:0])
    with pytest.raises(AssertionError):
        gan_train(fit, POINTS, LABELS[:-1], POINTS, LABELS)
