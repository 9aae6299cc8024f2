"""Products with the Jacobian of a game, without the matrix."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax

from jaxgan.analysis._flat import memory_of
from jaxgan.core.game import warn_if_detached
from jaxgan.core.state import Context
from jaxgan.core.typing import Batch, PlayerTree, PyTree
from jaxgan.fields import Field, linearize


class Products(NamedTuple):
    """A field at a point and products with its Jacobian J = ∂ξ/∂w = S + A there.

    S = (J + Jᵀ)/2 is the potential part and A = (J - Jᵀ)/2 the rotation of the game.

    Attributes:
      pull: ξ, {player: gradient}.
      jvp: v -> J v, on {player: pytree}.
      vjp: v -> Jᵀ v.
      antisymmetric: v -> Aᵀ v = (Jᵀ v - J v) / 2; for v = ξ, the adjustment of SGA.
    """

    pull: PlayerTree
    jvp: Callable[[PlayerTree], PlayerTree]
    vjp: Callable[[PlayerTree], PlayerTree]
    antisymmetric: Callable[[PlayerTree], PlayerTree]


def products(
    field: Field,
    params: PlayerTree,
    net_state: PlayerTree,
    batch: Batch,
    context: Context,
    *,
    memory: PyTree | None = None,
) -> Products:
    """Evaluates a field once, for products with its Jacobian from either side.

    Each product costs about as much as the field itself, whatever the number of parameters.

    Args:
      field: any field; with `consensus` around it these are that field's products.
      params: the point w.
      net_state: the players' network states.
      batch: real data.
      context: what may be known about training; its key fixes all draws.
      memory: the field's memory, held constant; by default `field.init(params)`.

    Returns:
      A `Products`. Nothing is computed for a product that is not taken.

    Example:
      f = x y is all rotation: J = [[0, 1], [-1, 0]] = A.

      >>> import jax.numpy as jnp
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import bilinear
      >>> field, context = gradient(bilinear()), Context(jax.random.key(0))
      >>> params, net_state = field.game.init(context.key)
      >>> at = products(field, params, net_state, {}, context)
      >>> v = {"gen": jnp.ones(1), "disc": jnp.zeros(1)}
      >>> [float(f(v)["disc"][0]) for f in (at.jvp, at.vjp, at.antisymmetric)]
      [-1.0, 1.0, 1.0]

    References:
      Balduzzi et al., 2018 (arXiv:1802.05642), section 2.2 and appendix A.
    """
    warn_if_detached(field.game, "analysis")
    at = linearize(field, params, memory_of(field, params, memory), net_state, batch, context)

    def antisymmetric(v: PlayerTree) -> PlayerTree:
        product: PlayerTree = jax.tree.map(
            lambda left, right: 0.5 * (left - right), at.vjp(v), at.jvp(v)
        )
        return product

    return Products(at.pull, at.jvp, at.vjp, antisymmetric)


def hessian_block(
    field: Field,
    row: str,
    col: str,
    params: PlayerTree,
    net_state: PlayerTree,
    batch: Batch,
    context: Context,
    *,
    memory: PyTree | None = None,
) -> Callable[[PyTree], PyTree]:
    """One block of the Jacobian of a game as a map: v -> (∂ξ_row / ∂w_col) v.

    For the base field `gradient(game)` and row == col it is the Hessian of that player's own
    loss; for row != col how its gradient turns as the other player moves.

    Args:
      field: any field.
      row: the player whose pull is differentiated.
      col: the player with respect to whose parameters.
      params: the point w.
      net_state: the players' network states.
      batch: real data.
      context: what may be known about training; its key fixes all draws.
      memory: the field's memory, held constant; by default `field.init(params)`.

    Returns:
      A linear function from pytrees like `params[col]` to pytrees like `params[row]`.

    Raises:
      ValueError: if `row` or `col` is not a player.

    Example:
      >>> import jax.numpy as jnp
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import quadratic
      >>> one, context = jnp.eye(1), Context(jax.random.key(0))
      >>> field = gradient(quadratic(3 * one, 2 * one, 5 * one))
      >>> params, net_state = field.game.init(context.key)
      >>> pairs = [("gen", "gen"), ("gen", "disc"), ("disc", "gen"), ("disc", "disc")]
      >>> blocks = [hessian_block(field, *pair, params, net_state, {}, context) for pair in pairs]
      >>> [float(block(jnp.ones(1))[0]) for block in blocks]
      [3.0, 2.0, -2.0, 5.0]

    References:
      Mescheder et al., 2017 (arXiv:1705.10461), section 3.
    """
    warn_if_detached(field.game, "analysis")
    for name, player in (("row", row), ("col", col)):
        if player not in params:
            raise ValueError(f"{name} is {player!r}; the players are {sorted(params)}")
    held = memory_of(field, params, memory)

    def pull(own: PyTree) -> PyTree:
        grads, _, _ = field.apply({**params, col: own}, held, net_state, batch, context)
        return grads[row]

    return jax.linearize(pull, params[col])[1]
