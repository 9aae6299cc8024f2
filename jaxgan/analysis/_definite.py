"""Whether a large symmetric matrix is positive definite, by products with a few random vectors."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import stdtrit

from jaxgan.core.krylov import Krylov, arnoldi, random_direction
from jaxgan.core.ranges import Count, Decay, Index, OpenFraction, checked
from jaxgan.core.typing import Array, PyTree


class Definiteness(NamedTuple):
    """What Lanczos iterations found of a symmetric matrix.

    Attributes:
      is_definite: True if it is positive definite, False if it has a negative eigenvalue, None if
        that is undecided.
      smallest: the smallest Ritz value θ; the smallest eigenvalue is not above it.
      residual: ‖A y - θ y‖ of its vector y: an eigenvalue is that near to θ.
      largest: the largest Ritz value.
      lower: what the smallest eigenvalue is not below, up to a probability of `failure`.
      failure: the probability, over the random starts, that `lower` is wrong; 0 if the Krylov
        space is invariant, so that Ritz values are eigenvalues.
      size: of the matrix.
      num_products: how many products were taken.
      vector: y, of shape [size].
      text: all that in a sentence.
    """

    is_definite: bool | None
    smallest: float
    residual: float
    largest: float
    lower: float
    failure: float
    size: int
    num_products: int
    vector: np.ndarray
    text: str


def ritz_margin(size: int, num_vectors: int, num_starts: int, failure: float) -> float:
    r"""How far beyond its Ritz values a matrix may reach, relative to their spread.

    With a random start, uniform on the sphere, and k products, all Ritz values exceed
    λ₁ + η (λ_n - λ₁) with a probability of at most

    .. math:: P = P(|t_{n-1}| \le \sqrt{n-1} / s), \quad
        s = \sinh\bigl((2k - 1)\, \mathrm{atanh} \sqrt{\eta}\bigr),

    t Student's with n - 1 degrees of freedom. For, with c = λ₁ + η (λ_n - λ₁) and the polynomial p
    of degree k - 1 of which (x - c) p(x)² = (λ_n - c) T(x)², T the Chebyshev polynomial of degree
    2k - 1 at √((x - c) / (λ_n - c)), the form of A - c in p(A) b is positive only if the share of
    the first eigenvector in b is at most 1/s. Where P is small it is at most about
    1.6 √n exp(-(2k - 1) √η), as the bound of Kuczynski and Wozniakowski.

    Of m independent starts all have to fail, and both ends of the spectrum count: with a
    probability of 1 - 2 P^m the eigenvalues are within κ (θ_max - θ_min) of the extreme Ritz
    values, κ = η / (1 - 2η).

    Args:
      size: n.
      num_vectors: k.
      num_starts: m.
      failure: 2 P^m.

    Returns:
      κ; infinity if so few products bound nothing.

    Example:
      >>> [round(ritz_margin(2000, k, 2, 1e-3), 5) for k in (16, 64, 256)]
      [0.07443, 0.00406, 0.00025]

    References:
      Kuczynski & Wozniakowski, 1992 (SIAM J. Matrix Anal. Appl. 13), whose bound for Lanczos is of
      the order √n exp(-(2k - 1) √η); the argument here is derived in docs/certificates.md.
    """
    if num_vectors >= size:
        return 0.0
    one = (0.5 * failure) ** (1 / num_starts)
    share = stdtrit(size - 1, 0.5 * (1 + one)) / math.sqrt(size - 1)
    eta = math.tanh(math.asinh(1 / share) / (2 * num_vectors - 1)) ** 2
    return eta / (1 - 2 * eta) if eta < 0.5 else math.inf


@checked
def definiteness(
    make: Callable[[Any], Callable[[Array], Array]],
    point: PyTree,
    vector: Array,
    *,
    num_starts: Count,
    num_vectors: Count,
    failure: OpenFraction,
    tolerance: Decay | None = None,
    seed: Index = 0,
) -> Definiteness:
    """Whether a symmetric matrix A is positive definite, matrix-free.

    Lanczos iterations from random starts. A negative Ritz value is a vector with ⟨y, A y⟩ < 0 and
    disproves it; a lower bound above 0 confirms it, up to a probability. In between it is
    undecided, in particular where the smallest eigenvalue is 0 to `tolerance`.

    Args:
      make: (point) -> (v -> A v), hashable, so that the compiled program is kept.
      point: arrays that A depends on.
      vector: of the shape and dtype of v, [size].
      num_starts: m.
      num_vectors: k, products for each start.
      failure: the probability of a wrong bound that is allowed.
      tolerance: what counts as 0, relative to the largest magnitude of a Ritz value; by default
        1e-6, and 1e-3 in single precision.
      seed: of the starts.

    Returns:
      A `Definiteness`.

    Raises:
      ValueError: for a wrong option or if a product is not finite.

    Example:
      >>> from functools import partial
      >>> times, ones = partial(partial, jnp.multiply), jnp.ones(50)
      >>> options = {"num_starts": 2, "num_vectors": 20, "failure": 1e-3}
      >>> definiteness(times, jnp.linspace(1.0, 2.0, 50), ones, **options).is_definite
      True
      >>> print(definiteness(times, jnp.linspace(-1.0, 2.0, 50), ones, **options).text)
      has a negative eigenvalue, -1 (residual 0.0011)
      >>> print(definiteness(times, jnp.linspace(0.0, 2.0, 50), ones, **options).text)
      undecided: singular, its smallest Ritz value is 0 to 0.001 of the largest
    """
    size, exact = vector.shape[0], vector.dtype == jnp.float64
    num_vectors = min(num_vectors, size)
    tolerance = tolerance if tolerance is not None else 1e-6 if exact else 1e-3
    smallest, largest, is_invariant = np.inf, -np.inf, False
    best: np.ndarray = np.zeros(size)
    for index in range(num_starts):
        start = random_direction(jax.random.fold_in(jax.random.key(seed), index), vector)
        space = _lanczos(make, num_vectors, point, start)
        values, vectors = _ritz(space)
        if not np.isfinite(values).all():
            raise ValueError("the Hessian is not finite at these params")
        largest = max(largest, float(values[-1]))
        is_invariant |= int(space.rank) < num_vectors or num_vectors == size
        if values[0] < smallest:
            smallest = float(values[0])
            best = vectors[:, 0] @ np.asarray(space.basis)[: len(values)]
    rest = np.asarray(_apply(make, point, jnp.asarray(best, vector.dtype))) - smallest * best
    margin = 0.0 if is_invariant else ritz_margin(size, num_vectors, num_starts, failure)
    lower = smallest - margin * (largest - smallest) if math.isfinite(margin) else -math.inf
    scale = max(abs(smallest), abs(largest))
    residual, zero = float(np.linalg.norm(rest)), tolerance * scale
    is_definite = False if smallest < -zero else True if lower > zero else None
    text = _said(is_definite, smallest, residual, lower, 0.0 if is_invariant else failure)
    if is_definite is None and smallest <= zero:
        text = f"undecided: singular, its smallest Ritz value is 0 to {tolerance:g} of the largest"
    return Definiteness(
        is_definite=is_definite,
        smallest=smallest,
        residual=residual,
        largest=largest,
        lower=lower,
        failure=0.0 if is_invariant else failure,
        size=size,
        num_products=num_starts * num_vectors + 1,
        vector=best,
        text=text,
    )


def _said(
    is_definite: bool | None, smallest: float, residual: float, lower: float, failure: float
) -> str:
    if is_definite is False:
        return f"has a negative eigenvalue, {smallest:.3g} (residual {residual:.2g})"
    if is_definite:
        sure = f"with probability {1 - failure:.6g}" if failure else "to rounding"
        return f"is positive definite {sure}, its smallest eigenvalue at least {lower:.3g}"
    return (
        f"undecided: its smallest Ritz value is {smallest:.3g}, and no more is known than that "
        f"its eigenvalues are above {lower:.3g}; raise num_vectors"
    )


def _ritz(space: Krylov) -> tuple[np.ndarray, np.ndarray]:
    """Ritz values, the smallest first, and their coefficients in the basis."""
    matrix = np.asarray(space.matrix, np.float64)[: int(space.rank), : int(space.rank)]
    if not np.isfinite(matrix).all():
        return np.full(1, np.nan), np.ones((1, 1))
    values, vectors = np.linalg.eigh(0.5 * (matrix + matrix.T))
    return values, vectors


@partial(jax.jit, static_argnums=(0, 1))
def _lanczos(
    make: Callable[[Any], Callable[[Array], Array]], num: int, point: PyTree, start: Array
) -> Krylov:
    return arnoldi(make(point), start, num=num)


@partial(jax.jit, static_argnums=0)
def _apply(make: Callable[[Any], Callable[[Array], Array]], point: PyTree, vector: Array) -> Array:
    return make(point)(vector)
