"""Distances within classes against those of each class alone."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from jaxgan.metrics import (
    class_moments,
    frechet_distance,
    intra_class_distance,
    intra_class_diversity,
    moments,
)

RANDOM = np.random.default_rng(0)
FEATURES = RANDOM.normal(size=(300, 4))
LABELS = RANDOM.integers(0, 3, 300)


def test_each_class_is_compared_with_its_own() -> None:
    fake, fake_labels = FEATURES + LABELS[:, None], np.roll(LABELS, 7)
    found = intra_class_distance(
        class_moments(FEATURES, LABELS, 3), class_moments(fake, fake_labels, 3)
    )
    expected = [
        frechet_distance(moments(FEATURES[label == LABELS]), moments(fake[label == fake_labels]))
        for label in range(3)
    ]
    np.testing.assert_allclose(found.per_class, expected, rtol=1e-12)
    assert found.mean == pytest.approx(np.mean(expected))


def test_a_generator_that_ignores_the_label_is_found_out() -> None:
    x = FEATURES + 10.0 * LABELS[:, None]
    ignored = np.random.default_rng(1).permutation(LABELS)
    real = class_moments(x, LABELS, 3)
    assert intra_class_distance(real, real).mean == pytest.approx(0.0, abs=1e-9)
    found = intra_class_distance(real, class_moments(x, ignored, 3))
    assert found.mean > 100.0


@pytest.mark.parametrize("chunk", [1024, 16])
def test_diversity_is_scipy_s(chunk: int) -> None:
    labels = np.where(LABELS == 2, 3, LABELS)
    found = intra_class_diversity(FEATURES, labels, 5, chunk=chunk)
    for label in (0, 1, 3):
        expected = pdist(FEATURES[labels == label]).mean()
        assert found[label] == pytest.approx(expected, rel=1e-10)
    assert np.isnan(found[[2, 4]]).all()


def test_a_class_of_one_picture_has_no_diversity() -> None:
    found = intra_class_diversity(np.tile(FEATURES[:2], (10, 1)), np.tile([0, 1], 10), 2)
    np.testing.assert_allclose(found, 0.0, atol=1e-6)


def test_few_samples_are_told_of_once() -> None:
    x, y = class_moments(FEATURES[:9], np.arange(9) % 3, 3), class_moments(FEATURES, LABELS, 3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        intra_class_distance(y, x)
    (warning,) = caught
    assert "fake: 3 of 3 classes have no more samples than features, 3 against 4" in str(
        warning.message
    )


def test_bad_input() -> None:
    with pytest.raises(ValueError, match=r"labels are in \[-1, -1\]; they must be in \[0, 3\)"):
        class_moments(FEATURES, np.full(300, -1), 3)
    with pytest.raises(ValueError, match=r"labels has shape \(299,\) and dtype int64; it must be"):
        intra_class_diversity(FEATURES, LABELS[1:], 3)
    with pytest.raises(ValueError, match="dtype float64"):
        class_moments(FEATURES, LABELS.astype(float), 3)
    full, gap = class_moments(FEATURES, LABELS, 3), class_moments(FEATURES, LABELS, 4)
    with pytest.raises(ValueError, match="real has 3 classes, fake 4"):
        intra_class_distance(full, gap)
    with pytest.raises(ValueError, match="real: the number of samples of class 3 is 0"):
        intra_class_distance(gap, gap)
