"""Ways from one latent to another."""

from __future__ import annotations

import numpy as np

from jaxgan.metrics import slerp


def linear(start: np.ndarray, end: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """The straight line, (1 - t) a + t b.

    Args:
      start: a, [..., D].
      end: b, of the same shape.
      shares: t, [N].

    Returns:
      Points of shape [N, ..., D].

    Example:
      >>> linear(np.zeros(2), np.ones(2), np.asarray([0.0, 0.5])).tolist()
      [[0.0, 0.0], [0.5, 0.5]]
    """
    t = shares.reshape(-1, *(1,) * start.ndim)
    points: np.ndarray = (1 - t) * start + t * end
    return points


def spherical(start: np.ndarray, end: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """The great circle, at even speed: normal latents lie near a sphere, a line leaves it.

    See `jaxgan.metrics.slerp`; the norm goes straight from that of a to that of b.

    Args:
      start: a, [..., D].
      end: b, of the same shape.
      shares: t, [N].

    Returns:
      Points of shape [N, ..., D].

    Raises:
      ValueError: if a latent is 0.

    Example:
      >>> path = spherical(np.asarray([2.0, 0.0]), np.asarray([0.0, 2.0]), np.linspace(0, 1, 3))
      >>> np.linalg.norm(path, axis=1).round(6).tolist()
      [2.0, 2.0, 2.0]

    References:
      White, 2016 (arXiv:1609.04468).
    """
    shape = (len(shares), *np.shape(start))
    a, b = (np.broadcast_to(z, shape).reshape(-1, shape[-1]) for z in (start, end))
    return slerp(a, b, np.repeat(shares, len(a) // len(shares))).reshape(shape)


PATHS = {"linear": linear, "spherical": spherical}
