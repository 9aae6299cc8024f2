"""Arithmetic on {player: pytree}, in the dtypes of the first tree."""

from __future__ import annotations

from collections.abc import Iterable

import jax
import jax.numpy as jnp

from jaxgan.typing import Array, PlayerTree, PyTree


def add(tree: PyTree, weight: Array | float, other: PyTree) -> PyTree:
    """tree + weight · other.

    Args:
      tree: arrays.
      weight: a number.
      other: arrays of the same shapes.

    Returns:
      The sum.

    Example:
      >>> add({"w": jnp.ones(1)}, 0.5, {"w": jnp.ones(1)})["w"].tolist()
      [1.5]
    """
    return jax.tree.map(lambda x, y: x + jnp.asarray(weight, x.dtype) * y, tree, other)


def dot(tree: PyTree, other: PyTree) -> Array:
    """The inner product of two trees.

    Args:
      tree: arrays.
      other: arrays of the same shapes.

    Returns:
      A scalar.

    Example:
      >>> float(dot({"a": jnp.ones(2), "b": jnp.ones(1)}, {"a": jnp.ones(2), "b": jnp.ones(1)}))
      3.0
    """
    products = jax.tree.map(lambda x, y: jnp.sum(x * y), tree, other)
    return jnp.sum(jnp.stack(jax.tree.leaves(products)))


def zeros(tree: PyTree) -> PyTree:
    """Zeros shaped like a tree.

    Args:
      tree: arrays.

    Returns:
      Zeros.

    Example:
      >>> zeros({"w": jnp.ones(2)})["w"].tolist()
      [0.0, 0.0]
    """
    return jax.tree.map(jnp.zeros_like, tree)


def without(tree: PlayerTree, players: Iterable[str]) -> PlayerTree:
    """The tree with zeros for some of the players.

    Args:
      tree: one entry per player.
      players: whose entries become zero.

    Returns:
      A tree of the same shapes.

    Example:
      >>> without({"gen": jnp.ones(1), "disc": jnp.ones(1)}, ["disc"])["disc"].tolist()
      [0.0]
    """
    return {**tree, **{player: zeros(tree[player]) for player in players}}
