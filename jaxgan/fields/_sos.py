"""Stable opponent shaping."""

from __future__ import annotations

import jax.numpy as jnp

from jaxgan.core.field import Field, Pull, linearize
from jaxgan.core.game import warn_if_detached
from jaxgan.core.ranges import NonNegativeSchedule, OpenFraction, checked
from jaxgan.core.schedules import at
from jaxgan.core.state import Context
from jaxgan.core.typing import Batch, PlayerTree, PyTree
from jaxgan.fields import trees
from jaxgan.fields._interaction import off_diagonal, shaping


@checked
def sos(
    field: Field, *, alpha: NonNegativeSchedule, a: OpenFraction = 0.5, b: OpenFraction = 0.1
) -> Field:
    """LOLA with as much shaping as is safe: ξ_0 - p α χ, ξ_0 = ξ - α J_off ξ.

    p = min(p_1, p_2). p_1 keeps the angle to `lookahead_opponent`'s ξ_0 acute: it is 1 if
    s = ⟨-αχ, ξ_0⟩ ≥ 0, else min(1, -a ‖ξ_0‖² / s). p_2 lets shaping vanish at fixed points, which
    would move them otherwise: ‖ξ‖² if ‖ξ‖ < b, else 1.

    Args:
      field: such as `gradient(game)`.
      alpha: the step that the others are expected to take, a number or a schedule of the step.
      a: how much of ξ_0 must be left, in (0, 1).
      b: how near a fixed point shaping begins to vanish, in (0, 1).

    Returns:
      A `Field`.

    Raises:
      ValueError: if `alpha` is negative, or `a` or `b` outside (0, 1).

    Example:
      >>> import jax
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import bilinear
      >>> field = sos(gradient(bilinear()), alpha=0.5)
      >>> params, net_state = field.game.init(jax.random.key(0))
      >>> pull, _, _ = field.apply(params, (), net_state, {}, Context(jax.random.key(0)))
      >>> pull["gen"].tolist(), pull["disc"].tolist()
      ([2.0], [0.0])

    References:
      Letcher et al., 2019 (arXiv:1811.08469), algorithm 1.
    """
    warn_if_detached(field.game, "sos")

    def apply(
        params: PlayerTree,
        memory: PyTree,
        net_state: PlayerTree,
        batch: Batch,
        context: Context,
    ) -> Pull:
        here = linearize(field, params, memory, net_state, batch, context)
        length = trees.dot(here.pull, here.pull)
        weight = jnp.asarray(-at(alpha, context.step), length.dtype)
        safe = trees.add(here.pull, weight, off_diagonal(here.jvp, here.pull))
        chi = shaping(field.game, here, params, net_state, batch, context)
        along = weight * trees.dot(chi, safe)
        bound = -a * trees.dot(safe, safe) / jnp.where(along < 0, along, -1.0)
        p1 = jnp.where(along < 0, jnp.minimum(1.0, bound), 1.0)
        p2 = jnp.where(length < b * b, length, 1.0)
        share = jnp.minimum(p1, p2)
        return trees.add(safe, weight * share, chi), here.memory, here.rest

    return Field(game=field.game, init=field.init, apply=apply)
