"""Improved precision and recall: which samples could be real, and which real ones are covered."""

from __future__ import annotations

from typing import Any, NamedTuple

from jaxgan.core.ranges import Count, checked
from jaxgan.metrics._neighbors import Ties
from jaxgan.metrics._pairs import TILE
from jaxgan.metrics._prdc import prdc


class PrecisionRecall(NamedTuple):
    """Shares in [0, 1].

    Attributes:
      precision: of fake examples that are in the ball of a real one.
      recall: of real examples that are in the ball of a fake one.
    """

    precision: float
    recall: float


@checked
def precision_recall(
    real: Any, fake: Any, *, k: Count = 3, ties: Ties = "outside", tile: Count = TILE
) -> PrecisionRecall:
    """Fidelity and diversity, each set taken for the union of balls to its k-th neighbours.

    A single outlier with a large ball can raise either; see `density_coverage`.

    Args:
      real: features of shape [N, F].
      fake: features of shape [M, F].
      k: the balls reach to the k-th nearest neighbour in their own set.
      ties: whether a point on the surface is in the ball; see `prdc`.
      tile: how many examples are compared with how many at a time.

    Returns:
      A `PrecisionRecall`.

    Raises:
      ValueError: if a set has no more than k examples, the numbers of features differ, or a number
        is not finite.

    Example:
      >>> import numpy as np
      >>> real, fake = np.arange(8.0)[:, None], np.arange(0.5, 4.0)[:, None]
      >>> precision_recall(real, fake, k=1)
      PrecisionRecall(precision=1.0, recall=0.625)

    References:
      Kynkäänniemi et al., 2019 (arXiv:1904.06991).
    """
    return PrecisionRecall(*prdc(real, fake, k=k, ties=ties, tile=tile)[:2])
