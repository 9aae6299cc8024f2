"""Eigenvalues of a game's flow: all of them, or the few that decide, without a matrix."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.analysis._arpack import Which, complex_of, few_eigenvalues, in_order
from jaxgan.analysis._flat import flat_pull, memory_of, ravel_players
from jaxgan.analysis._jacobian import dense_jacobian
from jaxgan.core.game import warn_if_detached
from jaxgan.core.ranges import Count, Index, NonNegative, checked
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, Batch, PlayerTree, PyTree
from jaxgan.fields import Field


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
    return in_order(values, "LM").astype(complex_of(jacobian.dtype))


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
    # ARPACK has single and double precision; lower ones are computed in single.
    dtype: Any = np.float64 if shape.dtype == jnp.float64 else np.float32

    def product(v: np.ndarray) -> np.ndarray:
        tangent = jnp.asarray(v, shape.dtype)
        return np.asarray(_flow_product(field, params, held, net_state, batch, context, tangent))

    return few_eigenvalues(
        product,
        num_params,
        dtype,
        of="field",
        num=num,
        which=which,
        tol=tol,
        max_iterations=max_iterations,
        num_vectors=num_vectors,
        seed=seed,
    )


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
