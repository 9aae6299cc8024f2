"""All players' parameters as one vector, and a field as a function of it."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from jaxgan.core.errors import bad_value
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, Batch, PlayerTree, PyTree
from jaxgan.fields import Field


def ravel_players(params: PlayerTree) -> tuple[Array, Callable[[Array], PlayerTree]]:
    """All players' parameters as one vector: `gen` first, then the others by name.

    It is the order of the rows and columns of every matrix of this package. The order of the
    dict itself would not do: JAX sorts the keys of a dict that passes through `jit`.

    Args:
      params: {player: pytree} of real floating-point arrays.

    Returns:
      The vector, of shape [num_params], and the map back from a vector to {player: pytree}.

    Raises:
      ValueError: if there are no parameters, or some that are not real floating-point numbers.

    Example:
      >>> vector, unravel = ravel_players({"disc": jnp.full(2, 7.0), "gen": jnp.zeros(1)})
      >>> vector.tolist()
      [0.0, 7.0, 7.0]
      >>> unravel(vector + 1.0)["gen"].tolist()
      [1.0]
    """
    leaves = jax.tree.leaves_with_path(params)
    for path, leaf in leaves:
        if not jnp.issubdtype(jnp.result_type(leaf), jnp.floating):
            name, dtype = jax.tree_util.keystr(path), jnp.result_type(leaf)
            raise ValueError(bad_value(f"params{name}.dtype", dtype, "real floating-point"))
    if not sum(jnp.size(leaf) for _, leaf in leaves):
        raise ValueError("params holds no number; a game without parameters has no Jacobian")
    players = sorted(params, key=lambda player: (player != "gen", player))
    # Players may differ in precision: the vector then has the higher one.
    with jax.numpy_dtype_promotion("standard"):
        vector, unravel = ravel_pytree([params[player] for player in players])
    return vector, lambda flat: dict(zip(players, unravel(flat), strict=True))


def flat_pull(
    field: Field,
    params: PlayerTree,
    memory: PyTree,
    net_state: PlayerTree,
    batch: Batch,
    context: Context,
) -> tuple[Array, Callable[[Array], Array]]:
    """A field as a function from vector to vector, and the point where `params` lie.

    Args:
      field: any field.
      params: the point w.
      memory: the field's memory, the same for every w.
      net_state: the players' network states.
      batch: real data.
      context: what may be known about training; its key fixes all draws.

    Returns:
      w of shape [num_params], and w -> ξ(w), both in the order of `ravel_players`.

    Example:
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import bilinear
      >>> field, context = gradient(bilinear(2.0)), Context(jax.random.key(0))
      >>> params, net_state = field.game.init(context.key)
      >>> point, pull = flat_pull(field, params, (), net_state, {}, context)
      >>> pull(point).tolist()
      [2.0, -2.0]
    """
    point, unravel = ravel_players(params)

    def pull(w: Array) -> Array:
        grads, _, _ = field.apply(unravel(w), memory, net_state, batch, context)
        return ravel_players(grads)[0]

    return point, pull


def memory_of(field: Field, params: PlayerTree, memory: PyTree | None) -> PyTree:
    """The memory that was given, or a fresh one where it is None.

    Example:
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import bilinear
      >>> memory_of(gradient(bilinear()), {}, None)
      ()
    """
    return field.init(params) if memory is None else memory
