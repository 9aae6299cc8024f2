"""The Jacobian of a small game as a matrix."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgan.analysis._flat import flat_pull, memory_of, ravel_players
from jaxgan.core.game import warn_if_detached
from jaxgan.core.ranges import Count, checked
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, Batch, PlayerTree, PyTree
from jaxgan.fields import Field


@checked
def dense_jacobian(
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
    """The Jacobian J = ∂ξ/∂w of a field as a matrix.

    One product J e_i per column, `chunk_size` of them at a time: beside the matrix itself, the
    memory needed is that of `chunk_size` evaluations of the field, whatever the game's size. The
    compiled program is kept for further calls with the same field.

    Args:
      field: any field. Players descend along it, so their flow has the Jacobian -J.
      params: the point w.
      net_state: the players' network states.
      batch: real data.
      context: what may be known about training; its key fixes all draws.
      memory: the field's memory, held constant; by default `field.init(params)`.
      chunk_size: how many columns are computed at a time.
      max_params: the largest game that is tried; a matrix grows with its square.

    Returns:
      J, of shape [num_params, num_params], of the parameters' dtype; rows (whose pull) and
      columns (whose parameter) are in the order of `ravel_players`: `gen` first.

    Raises:
      ValueError: if the game has more than `max_params` parameters, `chunk_size` is below 1, or
        the field is not differentiable to finite numbers at this point.

    Example:
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import quadratic
      >>> one, context = jnp.eye(1), Context(jax.random.key(0))
      >>> field = gradient(quadratic(3 * one, 2 * one, 5 * one))
      >>> params, net_state = field.game.init(context.key)
      >>> dense_jacobian(field, params, net_state, {}, context).tolist()
      [[3.0, 2.0], [-2.0, 5.0]]

    References:
      Mescheder et al., 2017 (arXiv:1705.10461), section 3.
    """
    warn_if_detached(field.game, "analysis")
    shape = jax.eval_shape(lambda tree: ravel_players(tree)[0], params)
    if shape.size > max_params:
        gib = shape.size**2 * shape.dtype.itemsize / 2**30
        raise ValueError(
            f"the game has {shape.size:,} parameters, more than max_params = {max_params:,}: its "
            f"Jacobian would take {gib:.3g} GiB; leading_eigenvalues needs no matrix"
        )
    held = memory_of(field, params, memory)
    chunk_size = min(chunk_size, shape.size)
    matrix = np.asarray(_columns(field, chunk_size, params, held, net_state, batch, context)).T
    if not np.isfinite(matrix).all():
        raise ValueError("the Jacobian of the field is not finite at these params")
    return matrix


@partial(jax.jit, static_argnums=(0, 1))
def _columns(
    field: Field,
    chunk_size: int,
    params: PlayerTree,
    memory: PyTree,
    net_state: PlayerTree,
    batch: Batch,
    context: Context,
) -> Array:
    """Jᵀ: the columns of J, one a row."""
    point, pull = flat_pull(field, params, memory, net_state, batch, context)
    _, jvp = jax.linearize(pull, point)
    num_params = point.size
    # Rounded up to whole chunks, for one program instead of two; a one-hot vector beyond the end
    # is zero.
    num_columns = -(-num_params // chunk_size) * chunk_size

    def column(index: Array) -> Array:
        product: Array = jvp(jax.nn.one_hot(index, num_params, dtype=point.dtype))
        return product

    columns: Array = lax.map(column, jnp.arange(num_columns), batch_size=chunk_size)[:num_params]
    return columns
