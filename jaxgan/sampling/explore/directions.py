"""Directions in a latent space along which pictures change most."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from jaxgan.sampling.explore.explorer import Explorer

NUM_STYLES = 1000
"""Samples whose styles are analyzed; the mapping network alone is run."""

NUM_POINTS = 4
"""Latents around which the change of pictures is measured, each in every coordinate."""

STEP = 0.25
"""How far a latent is moved for it, in standard deviations."""


class Directions(NamedTuple):
    """Directions, the one of most change first.

    Attributes:
      vectors: one standard deviation along each, [K, D] of latents or [K, L, D] of styles.
      shares: of the variance of all styles, or of the change of pictures in all directions, [K].
    """

    vectors: np.ndarray
    shares: np.ndarray


def principal_directions(
    explorer: Explorer,
    num: int,
    *,
    label: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Directions:
    """The directions along which pictures change most.

    Of a generator with styles they are the principal components of these. Of another they are the
    eigenvectors of its metric tensor JᵀJ, where J holds the derivatives of all pixels by the
    latent, as differences; it is summed over a few latents, as it hardly depends on them. Codes are
    left as they are, since they have meanings of their own.

    Args:
      explorer: the generator.
      num: how many, at most.
      label: of a conditional game.
      progress: called with (pictures made, pictures to make), where pictures are made.

    Returns:
      At most `num` `Directions`, whose largest elements are positive.

    Example:
      >>> draw = lambda seed, num: np.random.default_rng(seed).normal(size=(num, 3))
      >>> stretch = np.asarray([1.0, 5.0, 2.0])
      >>> render = lambda given, labels: (given["latent"] * stretch)[..., None, None]
      >>> principal_directions(Explorer(draw, None, render), 2).vectors.round(6).tolist()
      [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]

    References:
      Styles: Härkönen et al., 2020 (arXiv:2004.02546). Latents: Wang and Ponce, 2021
      (arXiv:2101.06006).
    """
    if num < 1:
        return Directions(np.zeros((0, 0)), np.zeros(0))
    if explorer.styles is not None:
        labels = np.full(NUM_STYLES, label)
        w = explorer.styles(explorer.draw(0, NUM_STYLES), labels).astype(np.float64)
        flat = (w - w.mean(axis=0)).reshape(len(w), -1)
        # Layers mostly have the same style, so that there are far fewer components than elements.
        _, spread, vectors = np.linalg.svd(flat, full_matrices=False)
        scales, weights, shape = spread / np.sqrt(len(w) - 1), spread**2, w.shape[1:]
    else:
        metric, std = _metric(explorer, label, progress)
        weights, columns = np.linalg.eigh(metric)
        weights, vectors = weights[::-1], columns.T[::-1] * std
        scales, shape = np.ones_like(weights), std.shape
        num = min(num, int(np.count_nonzero(std)))
    vectors, weights = vectors[:num], weights / max(weights.sum(), np.finfo(np.float64).tiny)
    largest = np.take_along_axis(vectors, np.abs(vectors).argmax(axis=1)[:, None], axis=1)
    scaled = vectors * np.where(largest < 0, -1, 1) * scales[:num, None]
    return Directions(scaled.reshape(-1, *shape), weights[:num])


def _metric(
    explorer: Explorer, label: int, progress: Callable[[int, int], None]
) -> tuple[np.ndarray, np.ndarray]:
    """The metric tensor per standard deviation of the latents, and these, 0 where a code lies."""
    latents = explorer.draw(0, 256).astype(np.float64)
    std = np.ones(latents.shape[1]) if explorer.is_normal else latents.std(axis=0)
    for code in explorer.codes:
        std[code.start : code.start + code.size] = 0
    moved, done = np.flatnonzero(std), 0
    metric, total = np.zeros((len(std), len(std))), NUM_POINTS * (len(moved) + 1)

    def made(z: np.ndarray) -> np.ndarray:
        nonlocal done
        image = explorer.render({"latent": z[None]}, np.full(1, label))
        done += 1
        progress(done, total)
        return image.astype(np.float64).ravel()

    for z in latents[:NUM_POINTS]:
        here = made(z)
        changes = [made(z + STEP * std * np.eye(len(std))[i]) - here for i in moved]
        metric[np.ix_(moved, moved)] += np.asarray(changes) @ np.asarray(changes).T
    return metric, std
