"""Density and coverage: precision and recall that outliers cannot buy."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from jaxgan.core.ranges import Count, checked
from jaxgan.metrics import _checks as checks
from jaxgan.metrics import _neighbors as neighbors
from jaxgan.metrics._neighbors import Balls, Nearest, Ties
from jaxgan.metrics._pairs import TILE, tiled, visit


class DensityCoverage(NamedTuple):
    """How densely fake examples lie where the real ones are, and how much of them they reach.

    Attributes:
      density: balls of real examples that a fake one is in, over k, on average; about 1 for equal
        distributions, and more where samples crowd.
      coverage: share of real examples with a fake one in their ball; for equal distributions and
        as many samples, of which there are many, 1 - 2^-k.
    """

    density: float
    coverage: float


@checked
def density_coverage(
    real: Any, fake: Any, *, k: Count = 5, ties: Ties = "outside", tile: Count = TILE
) -> DensityCoverage:
    """Fidelity and diversity by balls around real examples alone.

    Args:
      real: features of shape [N, F].
      fake: features of shape [M, F].
      k: the balls reach to the k-th nearest real neighbour.
      ties: whether a point on the surface is in the ball; see `prdc`.
      tile: how many examples are compared with how many at a time.

    Returns:
      A `DensityCoverage`.

    Raises:
      ValueError: if there are no more than k real examples, the numbers of features differ, or a
        number is not finite.

    Example:
      >>> real, fake = np.arange(8.0)[:, None], np.arange(0.5, 4.0)[:, None]
      >>> density_coverage(real, fake, k=1)
      DensityCoverage(density=2.0, coverage=0.625)

    References:
      Naeem et al., 2020 (arXiv:2002.09797).
    """
    x, y = checks.finite_pair(real, fake)
    neighbors.check_k(k, real=x)
    of_x, of_y = tiled(x, y, tile=tile)
    nearest = Nearest(of_x, k)
    visit(of_x, of_x, nearest)
    balls = Balls(of_x, of_y, nearest.radii(), np.zeros(len(y)), ties)
    visit(of_x, of_y, balls)
    counts = balls.counts()
    return DensityCoverage(
        float(counts.real_balls.mean() / k), float((counts.fakes_inside > 0).mean())
    )
