"""A pull back to where training began."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxgan.core.field import Field, Pull
from jaxgan.core.ranges import NonNegativeSchedule, checked
from jaxgan.core.schedules import at
from jaxgan.core.state import Context
from jaxgan.core.typing import Batch, PlayerTree, PyTree
from jaxgan.fields import trees


@checked
def anchored(field: Field, *, weight: NonNegativeSchedule) -> Field:
    """Adds a pull to the initial parameters: ξ(w) + λ_t (w - w_0), with λ_t falling to 0.

    In a convex-concave game, the bilinear one too, the last iterate converges with plain
    simultaneous descent: with a rate of (1 - p) / (t + 1)^p for a p in (½, 1) and a λ_t that makes
    rate times λ_t equal to (1 - p) γ / (t + 1). `extra_anchored` anchors an extragradient step.

    Args:
      field: such as `gradient(game)`.
      weight: λ, a number or a schedule of the step.

    Returns:
      A `Field`, which keeps the initial parameters in its memory.

    Raises:
      ValueError: if the weight is negative.

    Example:
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import bilinear
      >>> field = anchored(gradient(bilinear()), weight=0.5)
      >>> params, net_state = field.game.init(jax.random.key(0))
      >>> memory = field.init(params)
      >>> moved = {"gen": 3.0 * params["gen"], "disc": params["disc"]}
      >>> pull, _, _ = field.apply(moved, memory, net_state, {}, Context(jax.random.key(0)))
      >>> pull["gen"].tolist(), pull["disc"].tolist()
      ([2.0], [-3.0])

    References:
      Ryu, Yuan & Yin, 2019 (arXiv:1905.10899), section 4.
    """

    def apply(
        params: PlayerTree,
        memory: PyTree,
        net_state: PlayerTree,
        batch: Batch,
        context: Context,
    ) -> Pull:
        pull, own, rest = field.apply(params, memory["field"], net_state, batch, context)
        away = trees.add(params, -1.0, memory["anchor"])
        total = trees.add(pull, at(weight, context.step), away)
        return total, {**memory, "field": own}, rest

    def init(params: PlayerTree) -> PyTree:
        return {"field": field.init(params), "anchor": jax.tree.map(jnp.copy, params)}

    return Field(game=field.game, init=init, apply=apply)
