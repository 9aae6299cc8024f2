"""Ways from one latent to another."""

from __future__ import annotations

import numpy as np


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

    With a = ‖a‖ u, b = ‖b‖ v and cos Ω = u·v, a point is

      ((1 - t)‖a‖ + t‖b‖) (sin((1 - t)Ω) u + sin(tΩ) v) / sin Ω,

    so that the norm is kept where both are equally long. Where Ω is 0 or π, and no circle is
    marked out, the direction goes along the line.

    Args:
      start: a, [..., D].
      end: b, of the same shape.
      shares: t, [N].

    Returns:
      Points of shape [N, ..., D].

    Example:
      >>> path = spherical(np.asarray([2.0, 0.0]), np.asarray([0.0, 2.0]), np.linspace(0, 1, 3))
      >>> np.linalg.norm(path, axis=1).round(6).tolist()
      [2.0, 2.0, 2.0]

    References:
      White, 2016 (arXiv:1609.04468).
    """
    t = shares.reshape(-1, *(1,) * start.ndim)
    lengths = [np.linalg.norm(z, axis=-1, keepdims=True) for z in (start, end)]
    u, v = (z / np.where(n > 0, n, 1.0) for z, n in zip((start, end), lengths, strict=True))
    angle = np.arccos(np.clip(np.sum(u * v, axis=-1, keepdims=True), -1.0, 1.0))
    sine = np.sin(angle)
    is_flat = sine < 1e-6
    safe = np.where(is_flat, 1.0, sine)
    weights = [np.where(is_flat, line, np.sin(line * angle) / safe) for line in (1 - t, t)]
    points: np.ndarray = ((1 - t) * lengths[0] + t * lengths[1]) * (weights[0] * u + weights[1] * v)
    return points


PATHS = {"linear": linear, "spherical": spherical}
