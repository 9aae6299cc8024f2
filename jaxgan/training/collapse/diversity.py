"""How different generated examples are from each other, beside real ones."""

from __future__ import annotations

import numpy as np

MAX_EXAMPLES = 256
"""Of more, the first so many are compared: a table of their distances is all that is kept."""

LEAST_EXAMPLES = 8

_SIDE = 32


def diversity(
    fake: np.ndarray,
    real: np.ndarray,
    labels: tuple[np.ndarray, np.ndarray] | None = None,
) -> dict[str, float]:
    """Distances among generated examples over those among as many real ones.

      spread  = mean distance of two generated examples / that of two real ones;
      nearest = mean distance of a generated example to the nearest other one / likewise.

    Both are about 1 for samples of the data's distribution. A generator with a single output has a
    spread near 0; one with a handful of outputs keeps its spread, but each of its samples has a
    copy nearby. Distances are Euclidean, of images that are averaged to at most 32 pixels a side.
    With labels only examples of one class are compared, since a conditional generator can collapse
    in each class apart.

    Args:
      fake: images [num, H, W, C], points [num, D], or either with a leading axis of members, of
        which the smallest numbers are given.
      real: images or points of the same shape, without members.
      labels: of the generated and of the real examples, integers [num] each.

    Returns:
      `{"samples/spread", "samples/nearest"}`; nothing where there are fewer than
      `LEAST_EXAMPLES`, numbers that are not finite, or real examples all the same.

    Example:
      >>> points = np.random.default_rng(0).normal(size=(2, 100, 2))
      >>> {name: round(value, 1) for name, value in diversity(0.5 * points[0], points[1]).items()}
      {'samples/spread': 0.5, 'samples/nearest': 0.5}

    References:
      Copies among a few samples tell the size of a generator's support: Arora & Zhang, 2017
      (arXiv:1706.08224).
    """
    members = fake if fake.ndim > real.ndim else fake[None]
    num = min(members.shape[1], len(real), MAX_EXAMPLES)
    if num < LEAST_EXAMPLES:
        return {}
    fake_labels, real_labels = (None, None) if labels is None else labels
    there = _scales(real[:num], real_labels)
    if there is None or not min(there) > 0.0:
        return {}
    here = [_scales(member[:num], fake_labels) for member in members]
    found = [[h / t for h, t in zip(one, there, strict=True)] for one in here if one is not None]
    if len(found) < len(members):
        return {}
    spread, nearest = np.min(found, axis=0)
    return {"samples/spread": float(spread), "samples/nearest": float(nearest)}


def _scales(examples: np.ndarray, labels: np.ndarray | None) -> tuple[float, float] | None:
    """Mean distance of pairs and mean distance to the nearest, within classes."""
    if not np.isfinite(examples).all():
        return None
    vectors = _vectors(examples)
    squares = np.sum(vectors**2, axis=1)
    products = vectors @ vectors.T
    distances = np.sqrt(np.maximum(squares[:, None] + squares[None, :] - 2.0 * products, 0.0))
    is_pair = ~np.eye(len(vectors), dtype=bool)
    if labels is not None:
        own = np.asarray(labels)[: len(vectors)]
        is_pair &= own[:, None] == own[None, :]
    has_other = is_pair.any(axis=1)
    if not has_other.any():
        return None
    nearest = np.where(is_pair, distances, np.inf).min(axis=1)[has_other]
    return float(distances[is_pair].mean()), float(nearest.mean())


def _vectors(examples: np.ndarray) -> np.ndarray:
    """float64 [num, features], centred, so that large means cost no digits of small distances."""
    if examples.ndim == 4:
        examples = _pooled(examples)
    vectors = examples.reshape(len(examples), -1).astype(np.float64)
    centered: np.ndarray = vectors - vectors.mean(axis=0)
    return centered


def _pooled(images: np.ndarray) -> np.ndarray:
    """Means over squares, so that at most `_SIDE` are left on a side; what is over is cut off."""
    num, height, width, channels = images.shape
    size = -(-max(height, width) // _SIDE)
    rows, columns = max(1, height // size), max(1, width // size)
    size_y, size_x = min(size, height), min(size, width)
    kept = images[:, : rows * size_y, : columns * size_x]
    pooled: np.ndarray = kept.reshape(num, rows, size_y, columns, size_x, channels).mean(
        axis=(2, 4)
    )
    return pooled
