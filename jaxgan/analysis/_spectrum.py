"""Eigenvalues of a game's flow: all of them, or the few that decide, without a matrix."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigs

from jaxgan.analysis._flat import flat_pull, memory_of, ravel_players
from jaxgan.analysis._jacobian import dense_jacobian
from jaxgan.core.errors import bad_value
from jaxgan.core.game import warn_if_detached
from jaxgan.core.ranges import Count, Index, NonNegative, checked
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, Batch, PlayerTree, PyTree
from jaxgan.fields import Field

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


@checked
def flow_eigenvalues(
    field: Field,
    params: PlayerTree,
    net_state: PlayerTree,
    batch: Batch,
    context: Context,
    *,
    memory: PyTree | None = None,
    chunk_size: Count = 64,
    max_params: Count = 10_000,
) -> np.ndarray:
    """All eigenvalues of v' = -J, the Jacobian of the flow v = -ξ that descent follows.

    A real part below 0 attracts, above 0 repels, an imaginary part rotates. The time taken grows
    with the cube of the number of parameters: seconds for 2,000, a quarter of an hour for 10,000.

    Args:
      field: any field.
      params: the point w.
      net_state: the players' network states.
      batch: real data.
      context: what may be known about training; its key fixes all draws.
      memory: the field's memory, held constant; by default `field.init(params)`.
      chunk_size: see `dense_jacobian`.
      max_params: see `dense_jacobian`.

    Returns:
      Complex eigenvalues, of shape [num_params], the largest magnitude first; of a pair the one
      with positive imaginary part first. complex128 for float64 parameters, otherwise complex64.

    Raises:
      ValueError: as `dense_jacobian`.

    Example:
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import bilinear
      >>> field, context = gradient(bilinear(2.0)), Context(jax.random.key(0))
      >>> params, net_state = field.game.init(context.key)
      >>> flow_eigenvalues(field, params, net_state, {}, context).tolist()
      [2j, -2j]

    References:
      Mescheder et al., 2017 (arXiv:1705.10461), section 3; Berard et al., 2020
      (arXiv:1906.04848), section 4.
    """
    jacobian = dense_jacobian(
        field,
        params,
        net_state,
        batch,
        context,
        memory=memory,
        chunk_size=chunk_size,
        max_params=max_params,
    )
    # In double precision always: the matrix is known to its own rounding, no need to add to it.
    # Less than zero rather than minus, so that an absent coupling is 0 and not -0.
    values = np.linalg.eigvals(0.0 - jacobian.astype(np.float64)).astype(np.complex128)
    return _in_order(values, "LM").astype(_complex(jacobian.dtype))


@checked
def leading_eigenvalues(
    field: Field,
    params: PlayerTree,
    net_state: PlayerTree,
    batch: Batch,
    context: Context,
    *,
    num: Count = 6,
    which: Which = "LM",
    memory: PyTree | None = None,
    tol: NonNegative = 0.0,
    max_iterations: Count = 1000,
    num_vectors: Count | None = None,
    seed: Index = 0,
) -> np.ndarray:
    """A few eigenvalues of v' = -J at one end of the spectrum, by products alone.

    Implicitly restarted Arnoldi iteration (ARPACK): memory for `num_vectors` vectors of
    parameters. A repeated eigenvalue may be found fewer times than it occurs. Games with
    `num >= num_params - 1` are too small for the iteration and are solved densely.

    Args:
      field: any field.
      params: the point w.
      net_state: the players' network states.
      batch: real data.
      context: what may be known about training; its key fixes all draws.
      num: how many eigenvalues.
      which: "LM" or "SM", the largest or smallest magnitude; "LR" or "SR", real part; "LI" or
        "SI", magnitude of the imaginary part. The outer ends ("LM", "LR", "SR", "LI") are found
        much faster than what is nearest to 0.
      memory: the field's memory, held constant; by default `field.init(params)`.
      tol: relative accuracy asked for; 0 for machine precision.
      max_iterations: restarts allowed.
      num_vectors: size of the Krylov basis; by default max(2 num + 1, 40), at most num_params.
      seed: of the start vector.

    Returns:
      Complex eigenvalues, of shape [num], the most extreme first; of a pair the one with positive
      imaginary part first, and that one alone where the end cuts a pair.

    Raises:
      ValueError: if `which`, `num`, `max_iterations` or `num_vectors` is out of range, or the
        field is not differentiable to finite numbers at this point.
      ConvergenceError: if fewer than `num` eigenvalues were found; it holds those.

    Example:
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import quadratic
      >>> game = quadratic(jnp.diag(jnp.arange(1.0, 9.0)), jnp.zeros((8, 1)), jnp.eye(1))
      >>> field, context = gradient(game), Context(jax.random.key(0))
      >>> params, net_state = field.game.init(context.key)
      >>> found = leading_eigenvalues(field, params, net_state, {}, context, num=2)
      >>> found.real.round(4).tolist()
      [-8.0, -7.0]

    References:
      Lehoucq, Sorensen and Yang, 1998, ARPACK users' guide; of GANs: Berard et al., 2020
      (arXiv:1906.04848), section 5.
    """
    warn_if_detached(field.game, "analysis")
    shape = jax.eval_shape(lambda tree: ravel_players(tree)[0], params)
    num_params = shape.size
    if not 1 <= num <= num_params:
        raise ValueError(f"num is {num}; the game has {num_params} eigenvalues, take 1 or more")
    held = memory_of(field, params, memory)
    if num >= num_params - 1:
        values = flow_eigenvalues(field, params, net_state, batch, context, memory=held)
        return _whole(_in_order(values, which)[:num])
    if num_vectors is None:
        num_vectors = min(num_params, max(2 * num + 1, 40))
    if not num + 2 <= num_vectors <= num_params:
        raise ValueError(bad_value("num_vectors", num_vectors, f"in [{num + 2}, {num_params}]"))
    # ARPACK has single and double precision; lower ones are computed in single.
    dtype: Any = np.dtype(np.float64 if shape.dtype == jnp.float64 else np.float32)

    def product(v: np.ndarray) -> np.ndarray:
        tangent = jnp.asarray(v.reshape(-1), shape.dtype)
        out = _flow_product(field, params, held, net_state, batch, context, tangent)
        out = np.asarray(out).astype(dtype)
        if not np.isfinite(out).all():
            raise ValueError("the Jacobian of the field is not finite at these params")
        return out

    operator = LinearOperator((num_params, num_params), matvec=product, dtype=dtype)
    start = np.random.default_rng(seed).normal(size=num_params).astype(dtype)
    options = {"which": which, "v0": start, "ncv": num_vectors, "maxiter": max_iterations}
    try:
        values = eigs(operator, k=num, tol=tol, return_eigenvectors=False, **options)
    except ArpackNoConvergence as error:
        found = _whole(_in_order(error.eigenvalues, which)).astype(_complex(dtype))
        raise ConvergenceError(
            f"{len(found)} of {num} eigenvalues ({which}) converged in {max_iterations} "
            f"iterations; raise max_iterations, num_vectors (now {num_vectors}) or tol (now {tol})",
            found,
        ) from error
    return _whole(_in_order(values, which)).astype(_complex(dtype))


@partial(jax.jit, static_argnums=0)
def _flow_product(
    field: Field,
    params: PlayerTree,
    memory: PyTree,
    net_state: PlayerTree,
    batch: Batch,
    context: Context,
    tangent: Array,
) -> Array:
    point, pull = flat_pull(field, params, memory, net_state, batch, context)
    product: Array = -jax.jvp(pull, (point,), (tangent,))[1]
    return product


def _in_order(values: np.ndarray, which: str) -> np.ndarray:
    """Most extreme first; a pair stays together, its positive imaginary part first."""
    values = np.asarray(values)
    # Conjugates are exact in both solvers, hence equal in all but the last two keys.
    keys = (-values.imag, np.abs(values.imag), values.real, _ORDERS[which](values))
    return values[np.lexsort(keys)]


def _whole(values: np.ndarray) -> np.ndarray:
    """Of a pair that the end cuts in two, the half with positive imaginary part."""
    values = values.copy()
    is_cut = values.imag < 0
    is_cut &= ~np.isin(values.conj(), values)
    values[is_cut] = values[is_cut].conj()
    return values


def _complex(dtype: np.dtype) -> np.dtype:
    return np.dtype(np.complex128 if dtype == np.float64 else np.complex64)
