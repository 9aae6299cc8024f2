"""Class coverage of labelled data: what share of the classes do samples show, and how evenly?"""

from __future__ import annotations

import chex
import numpy as np

from jaxgan.core.ranges import Count, Fraction, checked


@checked
def class_histogram(labels: np.ndarray, num_classes: Count) -> np.ndarray:
    """The share of each class.

    Args:
      labels: integers in [0, num_classes), of shape [N].
      num_classes: how many classes there are.

    Returns:
      float64 of shape [num_classes] with sum 1.

    Example:
      >>> class_histogram(np.asarray([0, 0, 2, 2]), 3).tolist()
      [0.5, 0.0, 0.5]

    References:
      Srivastava et al., 2017, VEEGAN (arXiv:1705.07761), section 4.
    """
    chex.assert_rank(labels, 1)
    return np.bincount(labels, minlength=num_classes) / len(labels)


@checked
def num_covered(histogram: np.ndarray, least_share: Fraction = 0.01) -> int:
    """How many classes have at least a given share of the samples.

    Args:
      histogram: shares of shape [num_classes].
      least_share: a class with less counts as lost.

    Returns:
      The number of classes covered.

    Example:
      >>> num_covered(np.asarray([0.5, 0.0, 0.5]))
      2

    References:
      Srivastava et al., 2017, VEEGAN (arXiv:1705.07761), section 4.
    """
    return int((histogram >= least_share).sum())


def kl_divergence(p: np.ndarray, q: np.ndarray) -> float:
    """KL(p ‖ q) = Σ p log(p / q), in nats; terms with p = 0 are 0.

    For n samples drawn from q itself it is about (num_classes - 1) / 2n, not 0.

    Args:
      p: shares of shape [num_classes], such as those of the samples.
      q: shares of shape [num_classes], such as those of the data.

    Returns:
      The divergence, infinite where p has mass that q lacks.

    Example:
      >>> round(kl_divergence(np.asarray([1.0, 0.0]), np.asarray([0.5, 0.5])), 4)
      0.6931

    References:
      Metz et al., 2017 (arXiv:1611.02163), section 3.3.
    """
    chex.assert_equal_shape([p, q])
    support = p > 0
    with np.errstate(divide="ignore"):
        return float(np.sum(p[support] * np.log(p[support] / q[support])))
