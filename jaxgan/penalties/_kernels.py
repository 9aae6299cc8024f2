"""The kernels of a network, as matrices."""

from __future__ import annotations

import jax

from jaxgan.core.typing import Array, Params


def kernels(params: Params, caller: str) -> list[Array]:
    """All leaves called `kernel` of two axes or more, each as a matrix with a column per output.

    A convolution's [height, width, in, out] becomes [height · width · in, out].

    Args:
      params: one player's parameters.
      caller: who needs them, for the message.

    Returns:
      Matrices [in, out], in the order of the tree.

    Raises:
      ValueError: if there are none.

    Example:
      >>> import jax.numpy as jnp
      >>> conv = {"kernel": jnp.ones((3, 3, 2, 8)), "bias": jnp.ones(8)}
      >>> [matrix.shape for matrix in kernels({"Conv_0": conv}, "orthogonal")]
      [(18, 8)]
    """
    found = [
        leaf.reshape(-1, leaf.shape[-1])
        for path, leaf in jax.tree.leaves_with_path(params)
        # An NNX variable may have its value one level deeper.
        if "kernel" in [jax.tree_util.keystr((key,), simple=True) for key in path[-2:]]
        and leaf.ndim >= 2
    ]
    if not found:
        raise ValueError(f"{caller} needs parameters called 'kernel' with two axes or more")
    return found


def named(name: str, player: str) -> str:
    """A term's name, which tells whose parameters it is about where they are not `disc`'s.

    Args:
      name: of the term.
      player: whose loss it joins.

    Returns:
      `name`, or `name_player`, so that terms of two players can be added.

    Example:
      >>> named("orthogonal", "disc"), named("orthogonal", "gen")
      ('orthogonal', 'orthogonal_gen')
    """
    return name if player == "disc" else f"{name}_{player}"
