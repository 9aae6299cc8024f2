"""LOLA: learning with opponent-learning awareness."""

from __future__ import annotations

from typing import Literal

import jax

from jaxgan.core.field import Field, Pull, linearize
from jaxgan.core.game import warn_if_detached
from jaxgan.core.ranges import NonNegativeSchedule, checked
from jaxgan.core.schedules import at
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, Batch, PlayerTree, PyTree
from jaxgan.fields import trees
from jaxgan.fields._interaction import off_diagonal, shaping


@checked
def lola(
    field: Field,
    *,
    alpha: NonNegativeSchedule,
    mode: Literal["taylor", "shaping", "exact"] = "taylor",
) -> Field:
    """Each player descends its loss after the others' next step, and knows that it shapes it.

    - exact: ∇_i [L_i(w_i, w_j - α ξ_j(w))], differentiated through ξ_j as well;
    - taylor: ξ - α J_off ξ - α χ, its first-order expansion in α;
    - shaping: ξ - α χ, what the authors' first code computes;

    with χ_i = Σ_{j≠i} (∂ξ_j/∂w_i)ᵀ ∇_j L_i and J_off the Jacobian without its diagonal blocks.

    Args:
      field: such as `gradient(game)`.
      alpha: the step that the others are expected to take, a number or a schedule of the step.
      mode: which of the three.

    Returns:
      A `Field`.

    Raises:
      ValueError: if `alpha` is negative or `mode` none of them.

    Example:
      On f = x y each player expects to be answered in kind:

      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import bilinear
      >>> field = lola(gradient(bilinear()), alpha=0.5)
      >>> params, net_state = field.game.init(jax.random.key(0))
      >>> pull, _, _ = field.apply(params, (), net_state, {}, Context(jax.random.key(0)))
      >>> pull["gen"].tolist(), pull["disc"].tolist()
      ([2.0], [0.0])

    References:
      Foerster et al., 2018 (arXiv:1709.04326); Letcher et al., 2019 (arXiv:1811.08469).
    """
    warn_if_detached(field.game, "lola")
    game = field.game

    def expand(
        params: PlayerTree,
        memory: PyTree,
        net_state: PlayerTree,
        batch: Batch,
        context: Context,
    ) -> Pull:
        here = linearize(field, params, memory, net_state, batch, context)
        weight = -at(alpha, context.step)
        chi = shaping(game, here, params, net_state, batch, context)
        pull = trees.add(here.pull, weight, chi)
        if mode == "taylor":
            pull = trees.add(pull, weight, off_diagonal(here.jvp, here.pull))
        return pull, here.memory, here.rest

    def evaluate(
        params: PlayerTree,
        memory: PyTree,
        net_state: PlayerTree,
        batch: Batch,
        context: Context,
    ) -> Pull:
        def foreseen(own: PyTree, player: str) -> Array:
            everyone = {**params, player: own}
            pull, _, _ = field.apply(everyone, memory, net_state, batch, context)
            moved = {**trees.add(everyone, -at(alpha, context.step), pull), player: own}
            scene, state = game.generate(moved, net_state, batch, context)
            return game.losses(moved, state, scene, context)[0][player]

        _, new_memory, rest = field.apply(params, memory, net_state, batch, context)
        pull = {player: jax.grad(foreseen)(params[player], player) for player in params}
        return pull, new_memory, rest

    return Field(game=game, init=field.init, apply=evaluate if mode == "exact" else expand)
