"""Nearest neighbours: does a generator repeat its training data?"""

from __future__ import annotations

import chex
import numpy as np

from jaxgan.core.ranges import Count, checked


@checked
def nearest_neighbors(
    queries: np.ndarray, references: np.ndarray, *, chunk: Count = 1024
) -> tuple[np.ndarray, np.ndarray]:
    """For each query, the nearest reference in Euclidean distance, and how far it is.

    Args:
      queries: arrays of shape [N, ...], flattened per example.
      references: arrays of shape [M, ...].
      chunk: queries compared at a time; memory is chunk · M.

    Returns:
      (indices int [N], distances float64 [N]).

    Example:
      >>> indices, distances = nearest_neighbors(np.asarray([[0.0], [5.0]]), np.eye(2)[:, :1] * 5)
      >>> indices.tolist(), distances.tolist()
      ([1, 0], [0.0, 0.0])

    References:
      Goodfellow et al., 2014 (arXiv:1406.2661), figure 2.
    """
    chex.assert_equal_shape_suffix([queries, references], queries.ndim - 1)
    x = queries.reshape(len(queries), -1).astype(np.float64)
    y = references.reshape(len(references), -1).astype(np.float64)
    indices = np.empty(len(x), int)
    for start in range(0, len(x), chunk):
        part = slice(start, start + chunk)
        # |x - y|² = |x|² - 2 x·y + |y|²; |x|² does not change which is nearest.
        indices[part] = np.argmin((y * y).sum(axis=1) - 2 * x[part] @ y.T, axis=1)
    return indices, np.linalg.norm(x - y[indices], axis=1)


@checked
def leave_one_out_distances(examples: np.ndarray, *, chunk: Count = 1024) -> np.ndarray:
    """The distance of each example to the nearest other one.

    Args:
      examples: arrays of shape [N, ...], N at least 2.
      chunk: examples compared at a time.

    Returns:
      float64 of shape [N].

    Example:
      >>> leave_one_out_distances(np.asarray([[0.0], [1.0], [3.0]])).tolist()
      [1.0, 1.0, 2.0]

    References:
      Goodfellow et al., 2014 (arXiv:1406.2661), figure 2.
    """
    x = examples.reshape(len(examples), -1).astype(np.float64)
    squares = (x * x).sum(axis=1)
    nearest = np.empty(len(x), int)
    for start in range(0, len(x), chunk):
        rows = np.arange(start, min(start + chunk, len(x)))
        scores = squares - 2 * x[rows] @ x.T
        scores[np.arange(len(rows)), rows] = np.inf
        nearest[rows] = np.argmin(scores, axis=1)
    distances: np.ndarray = np.linalg.norm(x - x[nearest], axis=1)
    return distances
