"""How strong the terms of the players' losses are, and whether they pull the same way."""

from __future__ import annotations

import operator
from functools import reduce
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.core.errors import bad_value
from jaxgan.core.game import Game
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, Batch, Params, PlayerTree

REST = "rest"
"""What is in a player's loss beside its named terms, such as an objective that is no sum."""


class TermGradient(NamedTuple):
    """One term of a player's loss, by its gradient in that player's parameters.

    Attributes:
      value: what the term adds to the loss.
      norm: ‖∇ value‖₂.
      cosine: of the angle between its gradient and the sum of all others'; 0 where either is 0.
    """

    value: Array
    norm: Array
    cosine: Array


def term_gradients(
    game: Game, params: PlayerTree, net_state: PlayerTree, batch: Batch, context: Context
) -> dict[str, dict[str, TermGradient]]:
    """The gradients of the terms of every player's loss, in that player's parameters.

    Terms are those of an objective that is a sum and all regularizers, `Game.terms`; what else is
    in the loss is `rest`, which is exactly 0 where there is nothing else. A lazy term is 0 unless
    `context.updates` says that it is due; then it is n times as strong as on average.

    Args:
      game: the game.
      params: the point.
      net_state: the players' network states.
      batch: real data.
      context: what may be known about training.

    Returns:
      `{player: {term: TermGradient}}` of the players that have terms: one forward pass, and a
      backward pass for each of them.

    Raises:
      ValueError: if a term is called `rest`.

    Example:
      >>> from jaxgan.games import dirac, with_penalty
      >>> from jaxgan.penalties import r1
      >>> game, context = with_penalty(dirac(), r1(weight=1.0)), Context(jax.random.key(0))
      >>> params, net_state = game.init(context.key)
      >>> found = term_gradients(game, params, net_state, {"image": jnp.zeros((4, 1))}, context)
      >>> {name: (round(float(x.norm), 3), float(x.cosine)) for name, x in found["disc"].items()}
      {'r1': (1.0, 1.0), 'rest': (0.731, 1.0)}

    References:
      Cosines between the gradients of objectives: Yu et al., 2020 (arXiv:2001.06782), section 2.
    """
    names = {
        player: [name for owner, name in game.terms if owner == player] for player in game.players
    }
    names = {player: own for player, own in names.items() if own}
    if any(REST in own for own in names.values()):
        raise ValueError(bad_value("a term's name", REST, "another, as that is for all others"))

    def evaluate(params: PlayerTree) -> dict[str, dict[str, Array]]:
        scene, state = game.generate(params, net_state, batch, context)
        losses, (_, metrics, _) = game.losses(params, state, scene, context)
        found = {}
        for player, own in names.items():
            found[player] = {name: metrics[player][name] for name in own}
            named = reduce(operator.add, found[player].values())
            # A derivative of what is in both is the sum of two that cancel to the bit.
            found[player][REST] = losses[player] - named.astype(losses[player].dtype)
        return found

    # In all players' parameters, as the base field has it, for what is `held` in them.
    values, pull_back = jax.vjp(evaluate, params)

    def pulled(player: str, name: str) -> Params:
        seeds = jax.tree.map(jnp.zeros_like, values)
        seeds[player][name] = jnp.ones_like(values[player][name])
        return pull_back(seeds)[0][player]

    return {
        player: _compared(own, {name: pulled(player, name) for name in own})
        for player, own in values.items()
    }


def _compared(values: dict[str, Array], gradients: dict[str, Params]) -> dict[str, TermGradient]:
    found = {}
    for name, value in values.items():
        own = gradients[name]
        others = [gradient for other, gradient in gradients.items() if other != name]
        rest = jax.tree.map(lambda *leaves: reduce(operator.add, leaves), *others)
        norm, length = jnp.sqrt(_dot(own, own)), jnp.sqrt(_dot(rest, rest))
        lengths = norm * length
        is_zero = lengths == 0
        cosine = jnp.where(is_zero, 0.0, _dot(own, rest) / jnp.where(is_zero, 1.0, lengths))
        found[name] = TermGradient(value, norm, cosine)
    return found


def _dot(a: Params, b: Params) -> Array:
    def leaf(x: Array, y: Array) -> Array:
        dtype = jnp.float64 if x.dtype == jnp.float64 else jnp.float32
        return jnp.sum(x.astype(dtype) * y.astype(dtype))

    total: Array = reduce(operator.add, jax.tree.leaves(jax.tree.map(leaf, a, b)))
    return total
