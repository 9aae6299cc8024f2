"""LookAhead: each player answers where the others are about to be."""

from __future__ import annotations

from typing import Literal

from jaxgan.core.field import Field, Pull, linearize
from jaxgan.core.game import warn_if_detached
from jaxgan.core.ranges import NonNegativeSchedule, checked
from jaxgan.core.schedules import at
from jaxgan.core.state import Context
from jaxgan.core.typing import Batch, PlayerTree, PyTree
from jaxgan.fields import trees
from jaxgan.fields._interaction import off_diagonal


@checked
def lookahead_opponent(
    field: Field, *, alpha: NonNegativeSchedule, mode: Literal["taylor", "exact"] = "taylor"
) -> Field:
    """Each player's pull at the others' next point: ξ_i(w_i, w_j - α ξ_j(w)).

    "exact" evaluates that, at one evaluation of the field per player. "taylor" is its first-order
    expansion ξ - α J_off ξ, J_off being the Jacobian without its diagonal blocks; with α = η it is
    linearised competitive gradient descent, and in a zero-sum game also
    `symplectic(field, lam=η, align=False)`. How a player's own move changes the others' is left
    out; `lola` has it.

    Args:
      field: such as `gradient(game)`.
      alpha: the step that the others are expected to take, a number or a schedule of the step.
      mode: whether the expansion is taken.

    Returns:
      A `Field`.

    Raises:
      ValueError: if `alpha` is negative or `mode` neither.

    Example:
      On f = x y, exact and expanded are the same:

      >>> import jax
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import bilinear
      >>> field = lookahead_opponent(gradient(bilinear()), alpha=0.5)
      >>> params, net_state = field.game.init(jax.random.key(0))
      >>> pull, _, _ = field.apply(params, (), net_state, {}, Context(jax.random.key(0)))
      >>> pull["gen"].tolist(), pull["disc"].tolist()
      ([1.5], [-0.5])

    References:
      Zhang & Lesser, 2010; Letcher et al., 2019 (arXiv:1811.08469), section 2.2; LCGD: Schäfer &
      Anandkumar, 2019 (arXiv:1905.12103).
    """
    warn_if_detached(field.game, "lookahead_opponent")

    def expand(
        params: PlayerTree,
        memory: PyTree,
        net_state: PlayerTree,
        batch: Batch,
        context: Context,
    ) -> Pull:
        here = linearize(field, params, memory, net_state, batch, context)
        change = off_diagonal(here.jvp, here.pull)
        return trees.add(here.pull, -at(alpha, context.step), change), here.memory, here.rest

    def evaluate(
        params: PlayerTree,
        memory: PyTree,
        net_state: PlayerTree,
        batch: Batch,
        context: Context,
    ) -> Pull:
        pull, new_memory, rest = field.apply(params, memory, net_state, batch, context)
        moved = trees.add(params, -at(alpha, context.step), pull)
        answers = {
            player: field.apply(
                {**moved, player: params[player]}, memory, net_state, batch, context
            )[0][player]
            for player in params
        }
        return answers, new_memory, rest

    return Field(game=field.game, init=field.init, apply=expand if mode == "taylor" else evaluate)
