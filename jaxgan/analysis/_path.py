"""The field along the line between two points: what kind of stationary point is the end?"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgan.analysis._flat import flat_pull, memory_of, ravel_players
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, Batch, PlayerTree, PyTree
from jaxgan.fields import Field


class Path(NamedTuple):
    """The field on the line from a start to an end, as NumPy arrays of shape [num_points].

    Attributes:
      alphas: where on the line: 0 is the start, 1 the end.
      angle: cosine of the angle between the field ξ and the line, in [-1, 1]; 0 where ξ is 0.
      norm: ‖ξ‖.
    """

    alphas: np.ndarray
    angle: np.ndarray
    norm: np.ndarray


def path(
    field: Field,
    start: PlayerTree,
    end: PlayerTree,
    net_state: PlayerTree,
    batch: Batch,
    context: Context,
    *,
    alphas: Array | np.ndarray | None = None,
    memory: PyTree | None = None,
) -> Path:
    """Path-angle and path-norm of a field between two points, usually the first and the last.

    w_α = α end + (1 - α) start,  c(α) = ⟨end - start, ξ(w_α)⟩ / (‖end - start‖ ‖ξ(w_α)‖).

    Around an attracting end without rotation the angle jumps from -1 to 1 (the field points away
    from it, since players descend); around a repelling one from 1 to -1; with rotation alone it
    keeps its sign in a bump; with both it is a mixture.

    Args:
      field: any field.
      start: the parameters at α = 0.
      end: the parameters at α = 1, of the same structure.
      net_state: the players' network states.
      batch: real data.
      context: what may be known about training; its key fixes all draws.
      alphas: of shape [num_points]; 100 from -0.1 to 1.1 by default.
      memory: the field's memory, held constant; by default `field.init(start)`.

    Returns:
      A `Path`.

    Raises:
      ValueError: if `start` and `end` are the same point or differ in structure or shapes.

    Example:
      Descent on ½x² comes from one side and would leave on the other:

      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import quadratic
      >>> one = jnp.eye(1)
      >>> field, context = gradient(quadratic(one, 0 * one, one)), Context(jax.random.key(0))
      >>> start, net_state = field.game.init(context.key)
      >>> end = jax.tree.map(jnp.zeros_like, start)
      >>> found = path(field, start, end, net_state, {}, context, alphas=jnp.array([0.0, 2.0]))
      >>> found.angle.round().tolist(), (found.norm**2).round().tolist()
      ([-1.0, 1.0], [2.0, 2.0])

    References:
      Berard et al., 2020 (arXiv:1906.04848), section 4.2.
    """
    if jax.tree.map(jnp.shape, start) != jax.tree.map(jnp.shape, end):
        raise ValueError("start and end differ in structure or shapes; they must be of one game")
    if all(jax.tree.leaves(jax.tree.map(lambda a, b: bool(jnp.all(a == b)), start, end))):
        raise ValueError("start and end are the same point; a path needs two")
    chosen = np.linspace(-0.1, 1.1, 100) if alphas is None else np.asarray(alphas)
    chex.assert_rank(chosen, 1)
    held = memory_of(field, start, memory)
    angle, norm = _along(field, start, end, jnp.asarray(chosen), held, net_state, batch, context)
    return Path(chosen, np.asarray(angle), np.asarray(norm))


@partial(jax.jit, static_argnums=0)
def _along(
    field: Field,
    start: PlayerTree,
    end: PlayerTree,
    alphas: Array,
    memory: PyTree,
    net_state: PlayerTree,
    batch: Batch,
    context: Context,
) -> tuple[Array, Array]:
    first, pull = flat_pull(field, start, memory, net_state, batch, context)
    last, _ = ravel_players(end)
    line = last - first
    direction = line / jnp.linalg.norm(line)

    def point(alpha: Array) -> tuple[Array, Array]:
        xi = pull(alpha * last + (1 - alpha) * first)
        norm = jnp.linalg.norm(xi)
        is_zero = norm == 0
        cosine = (direction @ xi) / jnp.where(is_zero, jnp.ones_like(norm), norm)
        return jnp.clip(cosine, -1, 1), norm

    found: tuple[Array, Array] = lax.map(point, alphas.astype(first.dtype))
    return found
