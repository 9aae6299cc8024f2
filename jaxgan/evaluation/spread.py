"""Several evaluations as one: of the members of a run, and of other latents."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxgan.evaluation.protocol import Score

SMALL_IS_GOOD = (
    *("fd", "fid", "kd", "kid", "intra_fd", "ppl", "ppl_lpips", "swd"),
    *("class_kl", "reverse_kl"),
)
LARGE_IS_GOOD = (
    *("is", "precision", "recall", "density", "coverage", "classes_covered"),
    *("num_modes", "high_quality", "gan_train", "gan_test"),
)
"""Scores that have a good end; the others are good where real data are, or nobody knows."""

OF_SUMMARIES = ("members", "repeats")
"""What the protocol of a mean has besides."""


def summary(found: Sequence[Sequence[Score]], *, members: int, repeats: int) -> list[Score]:
    """The mean and the standard deviation of each score, with all its values.

    The standard deviation is that of the values about their mean, with one degree of freedom less
    than there are values, and None if one is not finite. It says how much runs or latents differ,
    not how well their mean is known.

    Args:
      found: scores of each evaluation, the same ones; those of a member follow one another.
      members: how many members were measured.
      repeats: how often each was, with other latents.

    Returns:
      A score of each name, whose protocol says of how many values it is the mean.

    Example:
      >>> one, other = [Score("fd", 1.0, None, {})], [Score("fd", 3.0, None, {})]
      >>> (score,) = summary([one, other], members=2, repeats=1)
      >>> score.value, round(score.std, 3), score.values, score.protocol["members"]
      (2.0, 1.414, (1.0, 3.0), 2)
    """
    scores = []
    for same in zip(*found, strict=True):
        values = tuple(score.value for score in same)
        # Of what is infinite there is no deviation.
        std = float(np.std(values, ddof=1)) if np.isfinite(values).all() else None
        protocol: dict[str, Any] = {**same[0].protocol, "members": members, "repeats": repeats}
        if members > 1:
            protocol["member"] = None
        scores.append(Score(same[0].name, float(np.mean(values)), std, protocol, values))
    return scores


def worst(score: Score) -> float | None:
    """The worst value of a score that has several.

    Args:
      score: as `summary` gives it.

    Returns:
      The largest where small is good, the smallest where large is good, and NaN if one is; None
      where neither is known, or there is one value.

    Example:
      >>> worst(Score("fd_pixels", 2.0, 1.0, {}, (1.0, 3.0)))
      3.0
      >>> worst(Score("coverage_pixels", 0.4, 0.1, {}, (0.5, 0.3)))
      0.3
    """
    if not score.values:
        return None
    if any(map(math.isnan, score.values)):
        return math.nan
    if _is_one(score.name, SMALL_IS_GOOD):
        return max(score.values)
    return min(score.values) if _is_one(score.name, LARGE_IS_GOOD) else None


def _is_one(name: str, kinds: Sequence[str]) -> bool:
    """Names of features come after those of scores."""
    return any(name == kind or name.startswith(f"{kind}_") for kind in kinds)
