"""Distances within classes: does each class look like its data, and is it more than one picture?"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxgan.core.ranges import Count, checked
from jaxgan.metrics import _checks as checks
from jaxgan.metrics._frechet import Moments, gaussian_distance, moments


class IntraClassDistance(NamedTuple):
    """A Fréchet distance for each class.

    Attributes:
      mean: over the classes, each as heavy as any other.
      per_class: float64 of shape [K].
    """

    mean: float
    per_class: np.ndarray


@checked
def class_moments(features: Any, labels: Any, num_classes: Count) -> list[Moments]:
    """The moments of each class.

    Args:
      features: of shape [N, F].
      labels: integers in [0, num_classes), of shape [N].
      num_classes: K.

    Returns:
      K `Moments`; those of an empty class have count 0, mean 0 and scatter 0.

    Raises:
      ValueError: if a label is out of range, as that of an unlabelled example is, or a number is
        not finite.

    Example:
      >>> found = class_moments(np.asarray([[0.0], [2.0], [5.0]]), np.asarray([0, 0, 2]), 3)
      >>> [(one.count, one.mean.tolist()) for one in found]
      [(2, [1.0]), (0, [0.0]), (1, [5.0])]

    References:
      Miyato and Koyama, 2018 (arXiv:1802.05637), section 5.1.
    """
    x = checks.finite("features", features)
    y = checks.class_labels("labels", labels, len(x), num_classes)
    num_features = x.shape[1]
    empty = Moments(0, np.zeros(num_features), np.zeros((num_features, num_features)))
    members = [x[y == label] for label in range(num_classes)]
    return [moments(one) if len(one) else empty for one in members]


def intra_class_distance(real: Sequence[Moments], fake: Sequence[Moments]) -> IntraClassDistance:
    """The Fréchet distance of each class to its own data, on average: the intra-FID.

    A conditional generator that ignores its label may have a low distance as a whole; not here.

    Args:
      real: moments of each class of the data.
      fake: moments of each class of samples, by the label that was asked for.

    Returns:
      An `IntraClassDistance`.

    Raises:
      ValueError: if the numbers of classes or features differ, or a class has fewer than two
        samples.

    Warns:
      UserWarning: if a class has no more samples than features.

    Example:
      >>> points, labels = np.asarray([[0.0], [2.0], [4.0], [6.0]]), np.asarray([0, 0, 1, 1])
      >>> real, fake = (class_moments(points + gap, labels, 2) for gap in (0.0, 3.0))
      >>> intra_class_distance(real, fake)
      IntraClassDistance(mean=9.0, per_class=array([9., 9.]))

    References:
      Miyato and Koyama, 2018 (arXiv:1802.05637), section 5.1; Zhang et al., 2019
      (arXiv:1805.08318).
    """
    if len(real) != len(fake) or not real:
        raise ValueError(
            f"real has {len(real)} classes, fake {len(fake)}; they must be as many, and not 0"
        )
    for name, classes in (("real", real), ("fake", fake)):
        counts = np.asarray([one.count for one in classes])
        checks.at_least(
            f"{name}: the number of samples of class {counts.argmin()}", counts.min(), 2
        )
        num_features = len(classes[0].mean)
        if counts.min() <= num_features:
            few = int((counts <= num_features).sum())
            warnings.warn(
                f"{name}: {few} of {len(classes)} classes have no more samples than features, "
                f"{counts.min()} against {num_features}: their distances are biased upwards",
                stacklevel=2,
            )
    distances = [gaussian_distance(x, y) for x, y in zip(real, fake, strict=True)]
    return IntraClassDistance(float(np.mean(distances)), np.asarray(distances))


@checked
def intra_class_diversity(
    features: Any, labels: Any, num_classes: Count, *, chunk: Count = 1024
) -> np.ndarray:
    """The mean Euclidean distance between two different samples of a class.

    It is 0 for a class that shows one picture. Compare it with that of the data.

    Args:
      features: of shape [N, F].
      labels: integers in [0, num_classes), of shape [N].
      num_classes: K.
      chunk: how many samples are compared with how many at a time.

    Returns:
      float64 of shape [K], NaN for classes with fewer than two samples.

    Raises:
      ValueError: if a label is out of range or a number is not finite.

    Example:
      >>> points = np.asarray([[0.0], [3.0], [6.0], [1.0], [1.0]])
      >>> intra_class_diversity(points, np.asarray([0, 0, 0, 1, 1]), 2).tolist()
      [4.0, 0.0]

    References:
      Zhu et al., 2017, BicycleGAN (arXiv:1711.11586), section 4, there with LPIPS.
    """
    x = checks.finite("features", features)
    y = checks.class_labels("labels", labels, len(x), num_classes)
    return np.asarray([_mean_distance(x[y == label], chunk) for label in range(num_classes)])


def _mean_distance(features: np.ndarray, chunk: int) -> float:
    num = len(features)
    if num < 2:
        return float("nan")
    x = features.astype(np.float64)
    x -= x.mean(axis=0)
    squares = np.einsum("nf,nf->n", x, x)
    total = 0.0
    for start in range(0, num, chunk):
        a, aa = x[start : start + chunk], squares[start : start + chunk, None]
        for other in range(start, num, chunk):
            b, bb = x[other : other + chunk], squares[None, other : other + chunk]
            distances = np.sqrt(np.maximum(aa + bb - 2.0 * (a @ b.T), 0.0))
            if start == other:
                np.fill_diagonal(distances, 0.0)
            total += distances.sum() * (1.0 if start == other else 2.0)
    return float(total / (num * (num - 1)))
