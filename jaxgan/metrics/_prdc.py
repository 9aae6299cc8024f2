"""Precision, recall, density and coverage in one pass over the pairs."""

from __future__ import annotations

from typing import Any, NamedTuple

from jaxgan.core.ranges import Count, checked
from jaxgan.metrics import _checks as checks
from jaxgan.metrics import _neighbors as neighbors
from jaxgan.metrics._neighbors import Balls, Counts, Nearest, Ties
from jaxgan.metrics._pairs import TILE, tiled, visit


class PrdcScore(NamedTuple):
    """Fidelity and diversity; see `precision_recall` and `density_coverage`.

    Attributes:
      precision: share of fake examples that are in the ball of a real one.
      recall: share of real examples that are in the ball of a fake one.
      density: balls of real examples that a fake one is in, over k, on average.
      coverage: share of real examples with a fake one in their ball.
    """

    precision: float
    recall: float
    density: float
    coverage: float


@checked
def prdc(
    real: Any, fake: Any, *, k: Count = 5, ties: Ties = "outside", tile: Count = TILE
) -> PrdcScore:
    """Compares each example's distance to every other with the radii of both.

    The ball of an example reaches to its k-th nearest neighbour in its own set. A point on its
    surface, to within 5e-7 of ‖x‖² + ‖y‖² about the centre of all features, is outside, as in
    Naeem et al.'s code; with ties="inside" it is inside, as in Kynkäänniemi et al.'s. That matters
    for features with few values, and for samples that copy the data.

    Two matrix products of N² F and one of N M F, halved where a set is compared with itself, in
    float32 on the default device. Features are held there whole; distances a tile at a time.

    Args:
      real: features of shape [N, F].
      fake: features of shape [M, F].
      k: which neighbour.
      ties: whether a point on the surface is in the ball.
      tile: how many examples are compared with how many at a time.

    Returns:
      A `PrdcScore`.

    Raises:
      ValueError: if a set has no more than k examples, the numbers of features differ, or a number
        is not finite.

    Example:
      >>> import numpy as np
      >>> real, fake = np.arange(8.0)[:, None], np.arange(0.5, 4.0)[:, None]
      >>> prdc(real, fake, k=1)
      PrdcScore(precision=1.0, recall=0.625, density=2.0, coverage=0.625)

    References:
      Kynkäänniemi et al., 2019 (arXiv:1904.06991); Naeem et al., 2020 (arXiv:2002.09797).
    """
    x, y = checks.finite_pair(real, fake)
    neighbors.check_k(k, real=x, fake=y)
    of_x, of_y = tiled(x, y, tile=tile)
    near_x, near_y = Nearest(of_x, k), Nearest(of_y, k)
    visit(of_x, of_x, near_x)
    visit(of_y, of_y, near_y)
    balls = Balls(of_x, of_y, near_x.radii(), near_y.radii(), ties)
    visit(of_x, of_y, balls)
    return score_counts(balls.counts(), k)


def score_counts(counts: Counts, k: int) -> PrdcScore:
    """What it says of both sets, who is in whose ball.

    Args:
      counts: of all pairs.
      k: the neighbour that the balls reach to.

    Returns:
      A `PrdcScore`.

    Example:
      >>> import numpy as np
      >>> score_counts(Counts(np.asarray([1, 1, 0]), np.asarray([1, 1]), np.asarray([1, 0])), 1)
      PrdcScore(precision=0.6666666666666666, recall=0.5, density=0.6666666666666666, coverage=1.0)
    """
    return PrdcScore(
        precision=float((counts.real_balls > 0).mean()),
        recall=float((counts.fake_balls > 0).mean()),
        density=float(counts.real_balls.mean() / k),
        coverage=float((counts.fakes_inside > 0).mean()),
    )
