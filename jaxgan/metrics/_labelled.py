"""Mode coverage of labelled data: a classifier names each sample; how many names come up?"""

from __future__ import annotations

from typing import NamedTuple

import chex
import numpy as np

from jaxgan.core.ranges import Count, Fraction, checked
from jaxgan.metrics._classes import class_histogram, kl_divergence


class LabelledScore(NamedTuple):
    """How well samples cover the modes of a data set whose modes are classes.

    Attributes:
      num_modes: classes with enough good samples.
      high_quality: share of good samples, those that the classifier is sure enough of.
      reverse_kl: KL(share of good samples per class ‖ uniform), in nats; infinite if there are
        none.
    """

    num_modes: int
    high_quality: float
    reverse_kl: float


@checked
def labelled_score(
    labels: np.ndarray,
    num_classes: Count,
    *,
    confidences: np.ndarray | None = None,
    min_confidence: Fraction = 0.0,
    least_share: Fraction = 0.0,
) -> LabelledScore:
    """Scores samples by the classes that a classifier gives them, such as stacked MNIST's 1000.

    For N samples of a perfect sampler of K equally likely classes the divergence is about
    (K - 1) / 2N, not 0, and K (1 - 1/K)^N classes are missed by chance. A classifier that errs
    finds modes that are not there: a sample that is no digit still gets a name, unless
    `min_confidence` refuses it.

    Args:
      labels: the class of each sample, integers in [0, num_classes), of shape [N].
      num_classes: how many modes the data has.
      confidences: how sure the classifier is of each label, in [0, 1], of shape [N]; None takes
        every sample as good.
      min_confidence: a good sample has at least this.
      least_share: of all samples, which must be good and of a class for it to count. 0 counts a
        class with a single good sample, as VEEGAN and PacGAN do.

    Returns:
      A `LabelledScore`.

    Raises:
      ValueError: if there are no samples, a label is out of range, or `min_confidence` is given
        without `confidences`.

    Example:
      >>> labels, sure = np.asarray([0, 0, 1, 2]), np.asarray([0.9, 0.8, 0.9, 0.3])
      >>> score = labelled_score(labels, 4, confidences=sure, min_confidence=0.5)
      >>> score.num_modes, score.high_quality, round(score.reverse_kl, 4)
      (2, 0.75, 0.7498)

    References:
      Metz et al., 2017 (arXiv:1611.02163), section 3.3; Srivastava et al., 2017, VEEGAN
      (arXiv:1705.07761); Lin et al., 2018, PacGAN (arXiv:1712.04086), section 4.2.
    """
    chex.assert_rank(labels, 1)
    if not len(labels):
        raise ValueError("labels is empty; there must be at least one sample")
    if labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError(
            f"labels are in [{labels.min()}, {labels.max()}]; they must be in [0, {num_classes})"
        )
    if confidences is None:
        if min_confidence > 0.0:
            raise ValueError(f"min_confidence is {min_confidence}, but confidences is None")
        good = labels
    else:
        chex.assert_equal_shape([labels, confidences])
        good = labels[confidences >= min_confidence]
    if not len(good):
        return LabelledScore(0, 0.0, float("inf"))
    shares = class_histogram(good, num_classes)
    # In counts, which are exact: a share of 1 in 10 may round to less than 0.1.
    counts = np.bincount(good, minlength=num_classes)
    return LabelledScore(
        num_modes=int((counts >= max(1.0, least_share * len(labels))).sum()),
        high_quality=len(good) / len(labels),
        reverse_kl=kl_divergence(shares, np.full(num_classes, 1.0 / num_classes)),
    )
