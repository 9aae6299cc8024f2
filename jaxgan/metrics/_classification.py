"""Classification accuracy scores: what a classifier learns from samples, and says of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import chex
import numpy as np

Predict = Callable[[np.ndarray], np.ndarray]
"""Images [N, ...] to classes, integers [N]."""

Fit = Callable[[np.ndarray, np.ndarray], Predict]
"""Trains a classifier: (images [N, ...], labels [N]) -> predict."""


class Accuracy(NamedTuple):
    """How often a classifier is right.

    Attributes:
      overall: share of right answers, in [0, 1].
      per_class: the same for each class, float64 [num_classes]; NaN for a class without examples.
    """

    overall: float
    per_class: np.ndarray


def gan_train(
    fit: Fit,
    fake: np.ndarray,
    fake_labels: np.ndarray,
    real: np.ndarray,
    real_labels: np.ndarray,
) -> Accuracy:
    """Trains a classifier on generated images and tests it on real ones.

    Also called the classification accuracy score. It is high if the samples are both right and
    diverse: a class that they miss, or show in one pose, is not recognised. Compare it with the
    accuracy after training on as many real images.

    Args:
      fit: trains a classifier; `jaxgan.features.fit` makes one.
      fake: samples, [N, ...].
      fake_labels: the classes they were asked for, integers [N].
      real: held-out real images, [M, ...], which neither GAN nor classifier has seen.
      real_labels: integers [M].

    Returns:
      The accuracy on the real images.

    Raises:
      ValueError: if a set is empty.

    Example:
      >>> def nearest(images, labels):
      ...     return lambda queries: labels[np.abs(queries - images.T).argmin(axis=1)]
      >>> fake, real = np.asarray([[0.0], [0.2]]), np.asarray([[0.0], [1.0], [2.0]])
      >>> score = gan_train(nearest, fake, np.asarray([0, 1]), real, np.asarray([0, 1, 1]))
      >>> score.overall, score.per_class.tolist()
      (1.0, [1.0, 1.0])

    References:
      Ravuri & Vinyals, 2019 (arXiv:1905.10887); Shmelkov et al., 2018 (arXiv:1807.09499).
    """
    return _accuracy(fit, fake, fake_labels, real, real_labels)


def gan_test(
    fit: Fit,
    real: np.ndarray,
    real_labels: np.ndarray,
    fake: np.ndarray,
    fake_labels: np.ndarray,
) -> Accuracy:
    """Trains a classifier on real images and tests it on generated ones.

    It is high if samples show the class that they were asked for. It says nothing of diversity:
    one good image per class gets all of it.

    Args:
      fit: trains a classifier; `jaxgan.features.fit` makes one.
      real: real images, [M, ...].
      real_labels: integers [M].
      fake: samples, [N, ...].
      fake_labels: the classes they were asked for, integers [N].

    Returns:
      The accuracy on the samples.

    Raises:
      ValueError: if a set is empty.

    Example:
      >>> def threshold(images, labels):
      ...     return lambda queries: (queries[:, 0] > images.mean()).astype(int)
      >>> real, fake = np.asarray([[0.0], [1.0]]), np.asarray([[0.1], [0.2], [0.9], [0.8]])
      >>> gan_test(threshold, real, np.asarray([0, 1]), fake, np.asarray([0, 1, 1, 1])).overall
      0.75

    References:
      Shmelkov et al., 2018 (arXiv:1807.09499).
    """
    return _accuracy(fit, real, real_labels, fake, fake_labels)


def _accuracy(
    fit: Fit,
    images: np.ndarray,
    labels: np.ndarray,
    test_images: np.ndarray,
    test_labels: np.ndarray,
) -> Accuracy:
    for name, x, y in (("training", images, labels), ("test", test_images, test_labels)):
        if not len(x):
            raise ValueError(f"{name} images: none; there must be at least one")
        chex.assert_rank(y, 1)
        chex.assert_equal_shape_prefix([x, y], 1)
    predicted = np.asarray(fit(images, labels)(test_images))
    chex.assert_equal_shape([predicted, test_labels])
    right = predicted == test_labels
    num_classes = int(max(labels.max(), test_labels.max())) + 1
    counts = np.bincount(test_labels, minlength=num_classes)
    hits = np.bincount(test_labels[right], minlength=num_classes)
    per_class = np.full(num_classes, np.nan)
    np.divide(hits, counts, out=per_class, where=counts > 0)
    return Accuracy(float(right.mean()), per_class)
