"""How hard each player is pulled, for the log."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.core.field import Field, Pull
from jaxgan.core.ranges import checked
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, Batch, PlayerTree, PyTree


@checked
def with_norms(field: Field) -> Field:
    """Tells the length of each player's pull among that player's metrics, as `grad_norm`.

    ‖ξ_i‖₂ over all of player i's parameters, in at least float32 and at most its largest number.
    The pull is the field's own. Put it outermost: what it tells is then what the optimizers are
    given, and a step that moves one player computes that player's length only.

    Args:
      field: any field.

    Returns:
      A `Field`.

    Example:
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import bilinear
      >>> field = with_norms(gradient(bilinear(3.0)))
      >>> params, net_state = field.game.init(jax.random.key(0))
      >>> _, _, (_, metrics) = field.apply(params, (), net_state, {}, Context(jax.random.key(0)))
      >>> {player: float(own["grad_norm"]) for player, own in sorted(metrics.items())}
      {'disc': 3.0, 'gen': 3.0}
    """

    def apply(
        params: PlayerTree, memory: PyTree, net_state: PlayerTree, batch: Batch, context: Context
    ) -> Pull:
        pull, memory, (net_state, metrics) = field.apply(params, memory, net_state, batch, context)
        logged = {p: {**own, "grad_norm": _length(pull[p])} for p, own in metrics.items()}
        return pull, memory, (net_state, logged)

    return field._replace(apply=apply)


def _length(tree: PyTree) -> Array:
    leaves = jax.tree.leaves(lax.stop_gradient(tree))
    is_wide = any(x.dtype == jnp.float64 for x in leaves)
    dtype = jnp.float64 if is_wide else jnp.float32
    squares = sum((jnp.sum(jnp.square(x.astype(dtype))) for x in leaves), jnp.zeros((), dtype))
    # A pull whose square is beyond the largest number is long, not lost.
    return jnp.minimum(jnp.sqrt(squares), jnp.finfo(dtype).max)
