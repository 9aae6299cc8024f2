"""Mode coverage of Gaussian mixtures: modes found, share of good samples, evenness."""

from __future__ import annotations

from typing import NamedTuple

import chex
import numpy as np

from jaxgan.core.ranges import Fraction, Positive, checked
from jaxgan.metrics._classes import kl_divergence


class MixtureScore(NamedTuple):
    """How well samples cover a mixture.

    Attributes:
      num_modes: modes that are nearest to at least `least_share` of the samples, of the good ones.
      high_quality: share of samples within `num_stds` standard deviations of a mode.
      reverse_kl: KL(share of good samples per mode ‖ uniform), in nats; infinite if there are none.
    """

    num_modes: int
    high_quality: float
    reverse_kl: float


@checked
def mixture_score(
    points: np.ndarray,
    modes: np.ndarray,
    std: Positive,
    *,
    num_stds: Positive = 3.0,
    least_share: Fraction = 0.01,
) -> MixtureScore:
    """Scores samples of a mixture of isotropic Gaussians.

    A sample is good if it lies within `num_stds` standard deviations of its nearest mode. In two
    dimensions a perfect sampler has 1 - exp(-num_stds² / 2) = 98.9 % good samples.

    Args:
      points: samples of shape [N, D].
      modes: centres of shape [K, D].
      std: standard deviation of each mode, per coordinate.
      num_stds: how far a good sample may lie.
      least_share: of all samples, which must be good and nearest to a mode for it to count. 0
        counts a mode with a single good sample, as VEEGAN does.

    Returns:
      A `MixtureScore`.

    Example:
      >>> modes = np.asarray([[0.0, 0.0], [4.0, 0.0]])
      >>> points = np.asarray([[0.1, 0.0], [0.0, 0.1], [2.0, 0.0], [4.0, 0.0]])
      >>> score = mixture_score(points, modes, std=0.1)
      >>> score.num_modes, score.high_quality, round(score.reverse_kl, 4)
      (2, 0.75, 0.0566)

    References:
      Srivastava et al., 2017, VEEGAN (arXiv:1705.07761); Lin et al., 2018, PacGAN
      (arXiv:1712.04086), section 4.1.
    """
    chex.assert_rank([points, modes], 2)
    distances = np.linalg.norm(points[:, None] - modes[None], axis=-1)
    nearest = distances.argmin(axis=1)
    is_good = distances.min(axis=1) <= num_stds * std
    counts = np.bincount(nearest[is_good], minlength=len(modes))
    num_good = int(counts.sum())
    if not num_good:
        return MixtureScore(0, 0.0, float("inf"))
    uniform = np.full(len(modes), 1.0 / len(modes))
    return MixtureScore(
        num_modes=int((counts >= max(1.0, least_share * len(points))).sum()),
        high_quality=num_good / len(points),
        reverse_kl=kl_divergence(counts / num_good, uniform),
    )
