"""Arithmetic on {player: pytree}, in the dtypes of the first tree."""

from __future__ import annotations

from collections.abc import Iterable

import jax
import jax.numpy as jnp

from jaxgan.core.typing import Array, Key, PlayerTree, PyTree


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


def scaled(tree: PyTree, weight: Array | float) -> PyTree:
    """weight · tree.

    Args:
      tree: arrays.
      weight: a number.

    Returns:
      A tree of the same shapes.

    Example:
      >>> scaled({"w": jnp.ones(1)}, 0.5)["w"].tolist()
      [0.5]
    """
    return jax.tree.map(lambda x: jnp.asarray(weight, x.dtype) * x, tree)


def signs(key: Key, tree: PyTree) -> PyTree:
    """Independent random signs, ±1 with equal probability, shaped like a tree.

    Args:
      key: typed PRNG key.
      tree: arrays.

    Returns:
      A tree of the same shapes.

    Example:
      >>> made = signs(jax.random.key(0), {"w": jnp.zeros(100)})["w"]
      >>> sorted(set(made.tolist())), abs(float(made.mean())) < 0.3
      ([-1.0, 1.0], True)

    References:
      Hutchinson, 1990: E[‖A s‖²] is the sum of A's squares.
    """
    leaves, structure = jax.tree.flatten(tree)
    keys = jax.random.split(key, len(leaves))
    drawn = [jax.random.rademacher(k, x.shape, x.dtype) for k, x in zip(keys, leaves, strict=True)]
    return jax.tree.unflatten(structure, drawn)


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
