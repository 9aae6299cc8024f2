"""The base field: each player's gradient of its own loss."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp

from jaxgan.core.field import Field, Pull
from jaxgan.core.game import Game
from jaxgan.core.ranges import checked
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, Batch, PlayerTree, PyTree


@checked
def gradient(game: Game) -> Field:
    """Every player's gradient of its own loss, from one evaluation of the game.

    ξ(w) = (∇_{w_1} L_1(w), ..., ∇_{w_n} L_n(w)): one forward pass of all losses, then one pullback
    per player.

    Args:
      game: any `Game`.

    Returns:
      A `Field` without memory.

    Example:
      >>> from jaxgan.games import bilinear
      >>> field = gradient(bilinear())
      >>> params, net_state = field.game.init(jax.random.key(0))
      >>> grads, _, _ = field.apply(params, (), net_state, {}, Context(jax.random.key(0)))
      >>> grads["gen"].tolist(), grads["disc"].tolist()
      ([1.0], [-1.0])

    References:
      Balduzzi et al., 2018 (arXiv:1802.05642), definition 1.
    """

    def init(params: PlayerTree) -> PyTree:
        return ()

    def apply(
        params: PlayerTree,
        memory: PyTree,
        net_state: PlayerTree,
        batch: Batch,
        context: Context,
    ) -> Pull:
        def evaluate(
            params: PlayerTree,
        ) -> tuple[dict[str, Array], tuple[PlayerTree, dict[str, dict[str, Array]]]]:
            scene, new_state = game.generate(params, net_state, batch, context)
            losses, (new_state, metrics, _) = game.losses(params, new_state, scene, context)
            return losses, (new_state, metrics)

        losses, push, (new_state, metrics) = jax.linearize(evaluate, params, has_aux=True)
        # Each loss is transposed by itself, so that nothing of another player's is pulled back.
        grads = {}
        for player, loss in losses.items():
            pull_back = jax.linear_transpose(partial(_entry, push, player), params)
            (pulled,) = pull_back(jnp.ones_like(loss))
            grads[player] = pulled[player]
        metrics = {player: {"loss": losses[player], **metrics[player]} for player in losses}
        return grads, memory, (new_state, metrics)

    return Field(game=game, init=init, apply=apply, is_gradient=True)


def _entry(
    push: Callable[[PlayerTree], dict[str, Array]], player: str, tangent: PlayerTree
) -> Array:
    return push(tangent)[player]
