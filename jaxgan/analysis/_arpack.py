"""A few eigenvalues of a large matrix on the host, by products alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigs

from jaxgan.core.errors import bad_value

Which = Literal["LM", "SM", "LR", "SR", "LI", "SI"]
"""An end of the spectrum, by ARPACK's names."""

_ORDERS = {
    "LM": lambda values: -np.abs(values),
    "SM": lambda values: np.abs(values),
    "LR": lambda values: -values.real,
    "SR": lambda values: values.real,
    "LI": lambda values: -np.abs(values.imag),
    "SI": lambda values: np.abs(values.imag),
}
"""What is smallest first, by ARPACK's name for it."""


class ConvergenceError(RuntimeError):
    """The eigenvalues asked for were not all found in the iterations allowed.

    Attributes:
      eigenvalues: those that were found.
    """

    def __init__(self, message: str, eigenvalues: np.ndarray) -> None:
        super().__init__(message)
        self.eigenvalues = eigenvalues


def few_eigenvalues(
    product: Callable[[np.ndarray], Any],
    size: int,
    dtype: Any,
    *,
    of: str,
    num: int,
    which: Which,
    tol: float,
    max_iterations: int,
    num_vectors: int | None,
    seed: int,
) -> np.ndarray:
    """Eigenvalues at one end of the spectrum, by ARPACK; of a small matrix all, densely.

    Args:
      product: v -> A v, on vectors of shape [size].
      size: of the matrix.
      dtype: of the vectors, single or double precision.
      of: what has the Jacobian, for messages.
      num: how many eigenvalues.
      which: an end of the spectrum.
      tol: relative accuracy asked for; 0 for machine precision.
      max_iterations: restarts allowed.
      num_vectors: size of the Krylov basis; by default max(2 num + 1, 40), at most `size`.
      seed: of the start vector.

    Returns:
      Complex eigenvalues, of shape [num], the most extreme first.

    Raises:
      ValueError: if `num` or `num_vectors` is out of range or a product is not finite.
      ConvergenceError: if fewer than `num` eigenvalues were found; it holds those.

    Example:
      >>> options = {"tol": 0.0, "max_iterations": 100, "num_vectors": None, "seed": 0}
      >>> found = few_eigenvalues(lambda v: np.arange(9.0) * v, 9, np.float64, of="field", num=2,
      ...                         which="LM", **options)
      >>> found.real.round(6).tolist()
      [8.0, 7.0]
    """
    if not 1 <= num <= size:
        raise ValueError(bad_value("num", num, f"from 1 to the number of eigenvalues, {size}"))

    def finite(v: np.ndarray) -> np.ndarray:
        out = np.asarray(product(v.reshape(-1))).astype(dtype)
        if not np.isfinite(out).all():
            raise ValueError(f"the Jacobian of the {of} is not finite at these params")
        return out

    if num >= size - 1:
        # Too small for the iteration.
        matrix = np.stack([finite(one) for one in np.eye(size, dtype=dtype)], axis=1)
        values = np.linalg.eigvals(0.0 + matrix.astype(np.float64))  # so that -0 is 0
        return whole(in_order(values, which)[:num]).astype(complex_of(dtype))
    if num_vectors is None:
        num_vectors = min(size, max(2 * num + 1, 40))
    if not num + 2 <= num_vectors <= size:
        raise ValueError(bad_value("num_vectors", num_vectors, f"in [{num + 2}, {size}]"))
    operator = LinearOperator((size, size), matvec=finite, dtype=dtype)
    start = np.random.default_rng(seed).normal(size=size).astype(dtype)
    options = {"which": which, "v0": start, "ncv": num_vectors, "maxiter": max_iterations}
    try:
        values = eigs(operator, k=num, tol=tol, return_eigenvectors=False, **options)
    except ArpackNoConvergence as error:
        found = whole(in_order(error.eigenvalues, which)).astype(complex_of(dtype))
        raise ConvergenceError(
            f"{len(found)} of {num} eigenvalues ({which}) converged in {max_iterations} "
            f"iterations; raise max_iterations, num_vectors (now {num_vectors}) or tol (now {tol})",
            found,
        ) from error
    return whole(in_order(values, which)).astype(complex_of(dtype))


def in_order(values: np.ndarray, which: str) -> np.ndarray:
    """Most extreme first; a pair stays together, its positive imaginary part first.

    Args:
      values: complex, of shape [num].
      which: an end of the spectrum.

    Returns:
      The values, sorted.

    Example:
      >>> in_order(np.array([1.0, -1j, 1j, -3.0]), "LM").tolist()
      [(-3+0j), 1j, (-0-1j), (1+0j)]
    """
    values = np.asarray(values)
    # Conjugates are exact in both solvers, hence equal in all but the last two keys.
    keys = (-values.imag, np.abs(values.imag), values.real, _ORDERS[which](values))
    return values[np.lexsort(keys)]


def whole(values: np.ndarray) -> np.ndarray:
    """Of a pair that the end cuts in two, the half with positive imaginary part.

    Args:
      values: complex, of shape [num].

    Returns:
      The values, those whose conjugate is not among them with a positive imaginary part.

    Example:
      >>> whole(np.array([1.0 - 2j, 1.0])).tolist()
      [(1+2j), (1+0j)]
    """
    values = values.copy()
    is_cut = values.imag < 0
    is_cut &= ~np.isin(values.conj(), values)
    values[is_cut] = values[is_cut].conj()
    return values


def complex_of(dtype: Any) -> np.dtype:
    """The complex dtype of a real one.

    Args:
      dtype: of real numbers.

    Returns:
      complex128 for float64, otherwise complex64.

    Example:
      >>> complex_of(np.float32).name
      'complex64'
    """
    return np.dtype(np.complex128 if dtype == np.float64 else np.complex64)
