"""Fréchet distance of features: two Gaussians fitted, and how far apart they are."""

from __future__ import annotations

import functools
import warnings
from typing import Any, NamedTuple

import numpy as np
import scipy.linalg

from jaxgan.core.ranges import Count, checked
from jaxgan.metrics import _checks as checks


# In the other notation a field must not have the name of one of a tuple's methods.
class Moments(
    NamedTuple("Moments", [("count", int), ("mean", np.ndarray), ("scatter", np.ndarray)])
):
    """Sums over features that any split of the examples gives again, see `merge`.

    Attributes:
      count: how many examples.
      mean: float64 of shape [F].
      scatter: Σ (x - mean)(x - mean)ᵀ, float64 of shape [F, F]; over count - 1 it is the
        covariance.
    """

    __slots__ = ()


@checked
def moments(features: Any, *, chunk: Count = 4096) -> Moments:
    """Count, mean and scatter of features, in float64 on the host.

    Args:
      features: of any float dtype, of shape [N, F].
      chunk: examples that are held in float64 at a time.

    Returns:
      Their `Moments`.

    Raises:
      ValueError: if there are none, or a number is not finite.

    Example:
      >>> found = moments(np.asarray([[0.0, 1.0], [2.0, 1.0]]))
      >>> found.count, found.mean.tolist(), found.scatter.tolist()
      (2, [1.0, 1.0], [[2.0, 0.0], [0.0, 0.0]])

    References:
      Heusel et al., 2017 (arXiv:1706.08500).
    """
    x = checks.finite("features", features)
    parts = (_moments(x[start : start + chunk]) for start in range(0, len(x), chunk))
    return functools.reduce(merge, parts)


def _moments(features: np.ndarray) -> Moments:
    x = features.astype(np.float64)
    mean = x.mean(axis=0)
    x -= mean
    return Moments(len(x), mean, x.T @ x)


def merge(a: Moments, b: Moments) -> Moments:
    """The moments of two sets together.

    With δ = m_b - m_a and n = n_a + n_b the mean is m_a + δ n_b / n, and the scatter
    S_a + S_b + δδᵀ n_a n_b / n, in which nothing cancels.

    Args:
      a: moments of one set.
      b: moments of the other, of features as many.

    Returns:
      Their `Moments`.

    Raises:
      ValueError: if the number of features differs.

    Example:
      >>> parts = moments(np.asarray([[0.0]])), moments(np.asarray([[3.0], [6.0]]))
      >>> merge(*parts)
      Moments(count=3, mean=array([3.]), scatter=array([[18.]]))

    References:
      Chan et al., 1979, Updating formulae and a pairwise algorithm for computing sample variances.
    """
    if a.mean.shape != b.mean.shape:
        raise ValueError(
            f"moments of {len(a.mean)} and of {len(b.mean)} features; they must be as many"
        )
    count = a.count + b.count
    gap = b.mean - a.mean
    root = np.sqrt(a.count * b.count / count) * gap
    return Moments(
        count, a.mean + gap * (b.count / count), a.scatter + b.scatter + np.outer(root, root)
    )


def frechet_distance(real: Moments, fake: Moments) -> float:
    """The squared 2-Wasserstein distance of two Gaussians, usually known by its features as FID.

    ‖m_r - m_f‖² + tr(C_r + C_f - 2 (C_r C_f)^½)

    with covariances of N - 1 degrees of freedom. With factors C = L Lᵀ the trace of the root is
    the sum of the singular values of L_fᵀ L_r, whose squares are the eigenvalues of a symmetric
    matrix: real for any covariances, singular ones too, and of the lower of their ranks.

    Estimates are biased upwards by an amount that falls with N and depends on the generator: only
    numbers of the same N can be compared.

    Args:
      real: moments of one set.
      fake: moments of the other.

    Returns:
      The distance, at least 0, in the square of the features' unit.

    Raises:
      ValueError: if the number of features differs, or a set has fewer than two samples.

    Warns:
      UserWarning: if a set has no more samples than features.

    Example:
      >>> points = np.asarray([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [2.0, 2.0]])
      >>> frechet_distance(moments(points), moments(points + 3.0))
      18.0

    References:
      Dowson and Landau, 1982, The Fréchet distance between multivariate normal distributions;
      Heusel et al., 2017 (arXiv:1706.08500); Chong and Forsyth, 2020 (arXiv:1911.07023).
    """
    for name, one in (("real", real), ("fake", fake)):
        num_features = len(one.mean)
        checks.at_least(f"{name}: the number of samples", one.count, 2)
        if one.count <= num_features:
            warnings.warn(
                f"{name}: {one.count} samples of {num_features} features: the covariance is "
                f"singular and the distance biased upwards; give more than {num_features}, at best "
                f"{10 * num_features}",
                stacklevel=2,
            )
    return gaussian_distance(real, fake)


def gaussian_distance(real: Moments, fake: Moments) -> float:
    """`frechet_distance` that does not say when there are few samples.

    Args:
      real: moments of at least two samples.
      fake: moments of at least two samples.

    Returns:
      The distance.

    Raises:
      ValueError: if the number of features differs.

    Example:
      >>> gaussian_distance(*[moments(np.asarray([[0.0], [x]])) for x in (1.0, 3.0)])
      3.0
    """
    if real.mean.shape != fake.mean.shape:
        raise ValueError(
            f"real has {len(real.mean)} features, fake {len(fake.mean)}; they must be as many"
        )
    product = _factor(fake).T @ _factor(real)
    small = product @ product.T if len(product) < product.shape[1] else product.T @ product
    root = np.sqrt(np.maximum(np.linalg.eigvalsh(small), 0.0)).sum() if small.size else 0.0
    traces = sum(np.trace(one.scatter) / (one.count - 1) for one in (real, fake))
    gap = real.mean - fake.mean
    return max(float(gap @ gap + traces - 2.0 * root), 0.0)


def _factor(of: Moments) -> np.ndarray:
    """L of shape [F, rank] with L Lᵀ the covariance."""
    covariance = of.scatter / (of.count - 1)
    if of.count > len(of.mean):
        try:
            lower: np.ndarray = scipy.linalg.cholesky(covariance, lower=True)
            return lower
        except np.linalg.LinAlgError:
            pass
    # Pivoting finds the rank, and leaves out what is rounding.
    lower, pivots, rank, _ = scipy.linalg.lapack.dpstrf(covariance, lower=1)
    factor = np.empty((len(covariance), rank))
    factor[pivots - 1] = np.tril(lower)[:, :rank]
    return factor
