"""Inception score: is each sample of a class that can be named, and are all classes there?"""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np
from scipy.special import log_softmax, logsumexp

from jaxgan.core.ranges import Count, checked
from jaxgan.metrics import _checks as checks


class InceptionScore(NamedTuple):
    """The score over splits of the samples.

    Attributes:
      mean: over the splits; from 1 to the number of classes.
      std: over the splits (0 degrees of freedom withheld), not an error of the mean.
    """

    mean: float
    std: float


@checked
def inception_score(logits: Any, *, num_splits: Count = 10) -> InceptionScore:
    """exp E_x KL(p(y | x) ‖ p(y)), where p(y) is the mean of p(y | x) over a split.

    The splits are the samples in their order, as published; samples sorted by class must be
    shuffled before. The score grows with the number of samples per split.

    Args:
      logits: of a classifier, of shape [N, K].
      num_splits: into how many parts of nearly equal size.

    Returns:
      An `InceptionScore`.

    Raises:
      ValueError: if a number is not finite, or there are fewer samples than splits.

    Example:
      >>> inception_score(100.0 * np.eye(4), num_splits=1)
      InceptionScore(mean=4.0, std=0.0)

    References:
      Salimans et al., 2016 (arXiv:1606.03498); Barratt and Sharma, 2018 (arXiv:1801.01973).
    """
    values = checks.finite("logits", logits, ("N", "K")).astype(np.float64)
    num = len(values)
    checks.at_least("the number of samples", num, num_splits)
    edges = [i * num // num_splits for i in range(num_splits + 1)]
    log_p = log_softmax(values, axis=1)
    scores = []
    for start, end in itertools.pairwise(edges):
        part = log_p[start:end]
        marginal = logsumexp(part, axis=0) - np.log(len(part))
        scores.append(np.exp((np.exp(part) * (part - marginal)).sum(axis=1).mean()))
    return InceptionScore(float(np.mean(scores)), float(np.std(scores)))
