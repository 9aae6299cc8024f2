"""Perceptual path length: how far does the picture move for a small step of the latent?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np

from jaxgan.core.ranges import Count, Index, Positive, Range, checked
from jaxgan.metrics import _checks as checks

Interpolate = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


class PathLength(NamedTuple):
    """The length over paths.

    Attributes:
      value: the mean of those kept.
      std: of those kept; over √num_kept it is the error of the mean.
      num_kept: how many were between the percentiles.
    """

    value: float
    std: float
    num_kept: int


def lerp(start: np.ndarray, end: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Straight from one to the other, as is meant for StyleGAN's w.

    Args:
      start: where t = 0, of shape [B, D].
      end: where t = 1, of shape [B, D].
      t: of shape [B].

    Returns:
      Of shape [B, D].

    Example:
      >>> lerp(np.zeros([1, 2]), np.ones([1, 2]), np.asarray([0.25])).tolist()
      [[0.25, 0.25]]
    """
    between: np.ndarray = start + (end - start) * t[:, None]
    return between


def slerp(start: np.ndarray, end: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Along the great circle at constant speed, as is meant for latents z of a normal distribution.

    The direction turns as in Karras et al.; the norm, which is 1 there, goes straight from that of
    `start` to that of `end`, so that a generator which does not normalise z sees what it was
    trained on.

    Args:
      start: where t = 0, of shape [B, D].
      end: where t = 1, of shape [B, D].
      t: of shape [B].

    Returns:
      Of shape [B, D].

    Raises:
      ValueError: if a latent is 0.

    Example:
      >>> slerp(np.asarray([[2.0, 0.0]]), np.asarray([[0.0, 2.0]]), np.asarray([0.5])).round(3)
      array([[1.414, 1.414]])

    References:
      Shoemake, 1985, Animating rotation with quaternion curves; White, 2016 (arXiv:1609.04468);
      Karras et al., 2019 (arXiv:1812.04948), section 4.1.
    """
    norms = [np.linalg.norm(x, axis=1, keepdims=True) for x in (start, end)]
    if not all(norm.all() for norm in norms):
        raise ValueError("a latent is 0 and has no direction; take straight lines, space='w'")
    a, b = start / norms[0], end / norms[1]
    # Well conditioned at every angle, where the arc cosine is not.
    angle = 2.0 * np.arctan2(
        np.linalg.norm(a - b, axis=1, keepdims=True), np.linalg.norm(a + b, axis=1, keepdims=True)
    )
    # sin(t Ω) / sin Ω is t where Ω is 0; where it is π no circle is marked out: along the line.
    is_line = np.sin(angle) < 1e-12
    safe = np.where(is_line, 1.0, angle)
    weights = [
        np.where(is_line, share, np.sin(share * safe) / np.sin(safe))
        for share in (1.0 - t[:, None], t[:, None])
    ]
    direction = weights[0] * a + weights[1] * b
    length = np.linalg.norm(direction, axis=1, keepdims=True)
    direction /= np.where(length > 0.0, length, 1.0)
    between: np.ndarray = direction * (norms[0] + (norms[1] - norms[0]) * t[:, None])
    return between


_SPACES: dict[str, Interpolate] = {"z": slerp, "w": lerp}


@checked
def path_length(
    generate: Callable[[Any], Any],
    distance: Callable[[Any, Any], Any],
    starts: Any,
    ends: Any,
    *,
    space: Literal["z", "w"] = "z",
    sampling: Literal["full", "end"] = "full",
    epsilon: Positive = 1e-4,
    trim: Annotated[float, Range(at_least=0, below=0.5)] = 0.01,
    batch: Count = 64,
    seed: Index = 0,
) -> PathLength:
    """E d(G(l(t)), G(l(t + ε))) / ε² over paths l between pairs of latents.

    d must be like a square of a distance, as LPIPS is: otherwise the result depends on ε. A
    feature distance is ‖φ(x) - φ(y)‖². The smallest and largest values are left out, at the
    published percentiles.

    Args:
      generate: latents of shape [batch, D] float32 to images; deterministic, best compiled.
      distance: two batches of images to shape [batch].
      starts: latents of shape [N, D].
      ends: other latents of shape [N, D].
      space: z takes great circles, `slerp`; w straight lines, `lerp`, for latents that `generate`
        takes behind its mapping.
      sampling: t uniform in [0, 1), or 0 for all paths, which does not leave what w is trained on.
      epsilon: ε, above 0.
      trim: share left out at both ends, below 0.5.
      batch: how many paths at a time; the last is filled up.
      seed: of t.

    Returns:
      A `PathLength`.

    Raises:
      ValueError: if the latents' shapes differ, an option is out of range, or a latent or a
        distance is not finite.

    Example:
      >>> starts, ends = np.zeros([8, 2]), np.ones([8, 2])
      >>> square = lambda x, y: ((x - y) ** 2).sum(axis=1)
      >>> found = path_length(lambda w: 3.0 * w, square, starts, ends, space="w")
      >>> round(found.value, 1), found.num_kept
      (18.0, 8)

    References:
      Karras et al., 2019 (arXiv:1812.04948), section 4.1.
    """
    a = checks.finite("starts", starts, ("N", "D")).astype(np.float64)
    b = checks.finite("ends", ends, ("N", "D")).astype(np.float64)
    if a.shape != b.shape:
        raise ValueError(f"starts has shape {a.shape}, ends {b.shape}; they must be the same")
    num = len(a)
    t = np.random.default_rng(seed).uniform(size=num) if sampling == "full" else np.zeros(num)
    lengths = np.empty(num)
    for start in range(0, num, batch):
        # Filled up from the front, so that there is one shape to compile for.
        rows = np.arange(start, start + batch) % num
        images = [
            generate(_SPACES[space](a[rows], b[rows], t[rows] + step).astype(np.float32))
            for step in (0.0, epsilon)
        ]
        found = np.asarray(distance(*images), np.float64)
        if found.shape != (batch,):
            raise ValueError(f"distance gives shape {found.shape}; it must be ({batch},)")
        lengths[start : start + batch] = found[: num - start]
    lengths = checks.finite("the distances", lengths / epsilon**2, ("N",))
    low = np.percentile(lengths, 100.0 * trim, method="lower")
    high = np.percentile(lengths, 100.0 * (1.0 - trim), method="higher")
    kept = lengths[(low <= lengths) & (lengths <= high)]
    return PathLength(float(kept.mean()), float(kept.std()), len(kept))
