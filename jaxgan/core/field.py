"""Where each player is pulled: the contract of a field."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax

from jaxgan.core.game import Game
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, Batch, PlayerTree, PyTree

Pull = tuple[PlayerTree, PyTree, tuple[PlayerTree, dict[str, dict[str, Array]]]]
"""({player: gradient}, memory, (net_state, {player: {name: scalar}}))."""


class Field(NamedTuple):
    """A vector field on the parameters of all players.

    Players descend along it: the optimizer of each takes its entry for a gradient. Whatever turns
    a field into another one (consensus, symplectic adjustment, gradient accumulation) is a
    function from field to field.

    Attributes:
      game: the game that is played, so that a field is all an algorithm needs.
      init: (params) -> memory, `()` for most: a warm-started solver, a past gradient.
      apply: (params, memory, net_state, batch, context) -> ({player: gradient}, memory,
        (net_state, metrics)). It is evaluated for all players at once; an algorithm that updates
        one of them uses that entry, and the compiler drops the rest.
      is_gradient: whether the pull is each player's gradient of its own loss, and so the
        Jacobian that of the game; for methods whose solver relies on the game's structure. A map
        that changes the pull makes a new `Field`, which is none.
    """

    game: Game
    init: Callable[[PlayerTree], PyTree]
    apply: Callable[[PlayerTree, PyTree, PlayerTree, Batch, Context], Pull]
    is_gradient: bool = False


class Linearized(NamedTuple):
    """A field at a point, with the products of its Jacobian J = ∂ξ/∂w there.

    Attributes:
      pull: ξ, {player: gradient}.
      jvp: v -> J v, on {player: pytree}; linear, hence differentiable in v.
      vjp: v -> Jᵀ v.
      memory: the field's new memory.
      rest: (net_state, metrics), as the field returns them.
    """

    pull: PlayerTree
    jvp: Callable[[PlayerTree], PlayerTree]
    vjp: Callable[[PlayerTree], PlayerTree]
    memory: PyTree
    rest: tuple[PlayerTree, dict[str, dict[str, Array]]]


def linearize(
    field: Field,
    params: PlayerTree,
    memory: PyTree,
    net_state: PlayerTree,
    batch: Batch,
    context: Context,
) -> Linearized:
    """Evaluates a field once, for its value and both products of its Jacobian.

    Args:
      field: any field.
      params: the point w.
      memory: the field's memory.
      net_state: the players' network states.
      batch: real data.
      context: what may be known about training.

    Returns:
      A `Linearized`. Nothing is computed for a product that is not taken.

    Example:
      For f = x y the pull is (y, -x) and J = [[0, 1], [-1, 0]]:

      >>> import jax.numpy as jnp
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import bilinear
      >>> field, context = gradient(bilinear()), Context(jax.random.key(0))
      >>> params, net_state = field.game.init(context.key)
      >>> at = linearize(field, params, (), net_state, {}, context)
      >>> v = {"gen": jnp.ones(1), "disc": jnp.zeros(1)}
      >>> at.jvp(v)["disc"].tolist(), at.vjp(v)["disc"].tolist()
      ([-1.0], [1.0])

    References:
      Balduzzi et al., 2018 (arXiv:1802.05642), appendix.
    """

    def evaluate(params: PlayerTree) -> tuple[PlayerTree, PyTree]:
        pull, new_memory, rest = field.apply(params, memory, net_state, batch, context)
        return pull, (new_memory, rest)

    pull, jvp, (new_memory, rest) = jax.linearize(evaluate, params, has_aux=True)
    transpose = jax.linear_transpose(jvp, params)
    return Linearized(
        pull=pull, jvp=jvp, vjp=lambda v: transpose(v)[0], memory=new_memory, rest=rest
    )
