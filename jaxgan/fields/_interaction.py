"""How players act on each other: the parts of a game's Jacobian off its diagonal."""

from __future__ import annotations

from collections.abc import Callable

import jax

from jaxgan.core.field import Linearized
from jaxgan.core.game import Game
from jaxgan.core.ranges import checked
from jaxgan.core.state import Context
from jaxgan.core.typing import Batch, PlayerTree
from jaxgan.fields import trees


def off_diagonal(jvp: Callable[[PlayerTree], PlayerTree], vector: PlayerTree) -> PlayerTree:
    """J_off v, J without its diagonal blocks: (J_off v)_i = Σ_{j≠i} (∂ξ_i/∂w_j) v_j.

    Args:
      jvp: v -> J v.
      vector: v.

    Returns:
      One entry per player.

    Example:
      >>> import jax.numpy as jnp
      >>> jvp = lambda v: {"gen": 5.0 * v["gen"] + v["disc"], "disc": -v["gen"]}
      >>> made = off_diagonal(jvp, {"gen": jnp.ones(1), "disc": jnp.ones(1)})
      >>> made["gen"].tolist(), made["disc"].tolist()
      ([1.0], [-1.0])
    """
    total: PlayerTree = trees.zeros(vector)
    for source in vector:
        moved = jvp(trees.without(vector, [p for p in vector if p != source]))
        total = {p: total[p] if p == source else trees.add(total[p], 1.0, moved[p]) for p in vector}
    return total


@checked
def shaping(
    game: Game,
    here: Linearized,
    params: PlayerTree,
    net_state: PlayerTree,
    batch: Batch,
    context: Context,
) -> PlayerTree:
    """χ_i = Σ_{j≠i} (∂ξ_j/∂w_i)ᵀ ∇_j L_i: how a player may shape what the others are about to do.

    A step of -η ξ_j by the others changes L_i by -η ⟨∇_j L_i, ξ_j⟩; χ_i is the gradient of that
    product in w_i through ξ_j.

    Args:
      game: whose losses are L.
      here: the field, linearized.
      params: the point w.
      net_state: the players' network states.
      batch: real data.
      context: what may be known about training.

    Returns:
      χ, one entry per player.

    Example:
      >>> from jaxgan.fields import gradient, linearize
      >>> from jaxgan.games import bilinear
      >>> field, context = gradient(bilinear()), Context(jax.random.key(0))
      >>> params, net_state = field.game.init(context.key)
      >>> here = linearize(field, params, (), net_state, {}, context)
      >>> shaping(field.game, here, params, net_state, {}, context)["gen"].tolist()
      [-1.0]

    References:
      Foerster et al., 2018 (arXiv:1709.04326); Letcher et al., 2019 (arXiv:1811.08469).
    """
    chi = {}
    for player in params:

        def loss(everyone: PlayerTree, player: str = player) -> jax.Array:
            scene, state = game.generate(everyone, net_state, batch, context)
            return game.losses(everyone, state, scene, context)[0][player]

        stakes = jax.grad(loss)(params)
        chi[player] = here.vjp(trees.without(stakes, [player]))[player]
    return chi
