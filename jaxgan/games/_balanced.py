"""Regularisers as strong as the loss that they join."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import reduce
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.core.derivatives import held
from jaxgan.core.game import Game, Played
from jaxgan.core.penalty import Penalty
from jaxgan.core.ranges import NonNegative, checked
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, PlayerTree, PyTree, Scene
from jaxgan.games._terms import checked_terms, contribution, view_of, with_terms

MAX_BALANCE = 1e4
"""The largest weight that `balanced` gives to its terms."""


@checked
def balanced(
    game: Game, penalty: Penalty, *, ratio: NonNegative = 1.0, player: str = "gen"
) -> Game:
    """Adds terms to a player's loss, as strong as the loss itself where both meet: at the images.

    L_player + w A with A the weighted terms and

      w = ratio · ‖∇_fake L_player‖ / ‖∇_fake A‖, clipped to [0, 10⁴] and constant in the gradient,

    both gradients with respect to the whole batch of generated examples, `scene["fake"]`. w is 0
    where A does not change with them: balancing is no use for a term that looks elsewhere, such as
    `path_length`. VQGAN takes both gradients with respect to the generator's last layer, which a
    game does not know, adds 10⁻⁴ to the denominator, and weights the adversarial loss instead.

    w is logged as `TERM_weight`, contributions with it under the terms' names. Discriminator and
    terms are evaluated once; each of the two gradients is one more backward pass through them.

    Args:
      game: the game.
      penalty: one or several terms; their own weights count among themselves only.
      ratio: how strong they are together.
      player: whose loss they join.

    Returns:
      A `Game`, which couples the examples of a batch.

    Raises:
      ValueError: if the ratio is negative, the game has no such player, two terms share a name or
        one is lazy, of which w would undo the n times larger weight.

    Example:
      >>> from jaxgan.games import dirac
      >>> from jaxgan.penalties import Penalty, Term
      >>> values = lambda view, state: (5.0 * (view.scene["fake"] - 1.0), state)
      >>> near_one = Term(name="near_one", values=values)
      >>> game = balanced(dirac(), Penalty((near_one,)))
      >>> params = {"gen": jnp.zeros(1), "disc": jnp.ones(1)}
      >>> context, batch = Context(jax.random.key(0)), {"image": jnp.zeros((1, 1))}
      >>> _, net_state = game.init(context.key)
      >>> scene, _ = game.generate(params, net_state, batch, context)
      >>> _, (_, metrics, _) = game.losses(params, net_state, scene, context)
      >>> round(float(metrics["gen"]["near_one_weight"]), 4)  # slopes f'(0) = ½ and 5
      0.1

    References:
      Esser et al., 2021 (arXiv:2012.09841), eq. 7.
    """
    terms = checked_terms(game, penalty, player)
    if lazy := [term.name for term in terms if term.every > 1]:
        raise ValueError(f"{lazy[0]}: every is above 1; a balanced term acts in every update")

    def losses(params: PlayerTree, net_state: PlayerTree, scene: Scene, context: Context) -> Played:
        if scene.get("fake") is None:
            raise ValueError("balanced needs a game with generated examples, such as `gan`")

        def both(fake: PyTree) -> tuple[tuple[Array, Array], Any]:
            here = {**scene, "fake": fake}
            played = game.losses(params, net_state, here, context)
            view = view_of(game, params, net_state, here, context, played[1][2], player)
            found = {}
            for term in terms:
                state = net_state[player].get(term.name, ())
                found[term.name] = contribution(term, view, state, player)
            auxiliary = reduce(operator.add, (value for value, _ in found.values()))
            return (played[0][player], auxiliary), (played, found)

        (loss, auxiliary), push, (played, found) = jax.linearize(both, scene["fake"], has_aux=True)
        theirs = _pulled_norm(push, 0, scene["fake"], loss)
        own = _pulled_norm(push, 1, scene["fake"], auxiliary)
        weight = held(_clipped_ratio(jnp.asarray(ratio, theirs.dtype) * theirs, own), params)
        values, (new_state, metrics, outputs) = played
        own_state, own_metrics = dict(new_state[player]), dict(metrics[player])
        for term in terms:
            value, moved = found[term.name]
            own_metrics[term.name] = weight.astype(value.dtype) * value
            if moved != ():
                own_state[term.name] = moved
        own_metrics["_".join([*(term.name for term in terms), "weight"])] = weight
        added = loss + (weight.astype(auxiliary.dtype) * auxiliary).astype(loss.dtype)
        new_state, metrics = {**new_state, player: own_state}, {**metrics, player: own_metrics}
        return {**values, player: added}, (new_state, metrics, outputs)

    return with_terms(game, terms, losses, couples=True)


def _pulled_norm(push: Callable[[PyTree], Any], index: int, inputs: PyTree, output: Array) -> Array:
    """The norm of one output's gradient, by a transposition of its own: nothing of the other's."""
    (pulled,) = jax.linear_transpose(lambda tangent: push(tangent)[index], inputs)(
        jnp.ones_like(output)
    )
    squared = sum(jnp.sum(jnp.square(leaf)) for leaf in jax.tree.leaves(pulled))
    is_zero = squared == 0  # where the root has no derivative
    return jnp.where(is_zero, 0.0, jnp.sqrt(jnp.where(is_zero, 1.0, squared)))


def _clipped_ratio(numerator: Array, denominator: Array) -> Array:
    is_flat = denominator == 0
    found = numerator / jnp.where(is_flat, 1.0, denominator)
    return jnp.where(is_flat, 0.0, jnp.clip(found, 0.0, MAX_BALANCE))
