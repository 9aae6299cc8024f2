"""Numbers that look random and depend on a seed and an index alone."""

from __future__ import annotations

import numpy as np

_GOLDEN = 0x9E3779B97F4A7C15


def hashed(indices: np.ndarray, seed: int) -> np.ndarray:
    """SplitMix64 of each index, started afresh for each seed.

    Args:
      indices: integers, at least 0, of any shape.
      seed: at least 0 and below 2**64.

    Returns:
      uint64 of the same shape.

    >>> hashed(np.arange(2), seed=0).tolist() == hashed(np.arange(2), seed=0).tolist()
    True

    References:
      Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014.
    """
    start = _mix(np.asarray([seed], np.uint64))
    return _mix(indices.astype(np.uint64) + start)


def uniform(indices: np.ndarray, seed: int, draw: int) -> np.ndarray:
    """Uniform numbers in [0, 1), one of each index.

    Args:
      indices: integers, at least 0, of any shape.
      seed: at least 0 and below 2**64.
      draw: which of several independent numbers of the same index, at least 0.

    Returns:
      float64 of the same shape.

    >>> uniform(np.arange(3), seed=0, draw=1).shape
    (3,)
    """
    return (hashed(hashed(indices, seed), draw) >> np.uint64(11)) * 2.0**-53


def _mix(x: np.ndarray) -> np.ndarray:
    x = x + np.uint64(_GOLDEN)  # arrays wrap around, silently
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: np.ndarray = x ^ (x >> np.uint64(31))
    return mixed
