"""How values show themselves: a title, and a few rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np


def rows(title: str, parts: Mapping[str, str]) -> str:
    """A table of names and texts under a title.

    Args:
      title: the first line.
      parts: texts of one line each, by name; empty ones are left out.

    Returns:
      The lines.

    Example:
      >>> print(rows("a run", {"game": "gan", "averaged": "", "step": "5"}))
      a run
        game  gan
        step  5
    """
    said = {name: text for name, text in parts.items() if text}
    width = max(map(len, said), default=0)
    return "\n".join([title, *(f"  {name:{width}}  {text}" for name, text in said.items())])


def size_of(tree: Any) -> int:
    """The numbers in a pytree.

    Args:
      tree: of arrays, or of their shapes.

    Returns:
      How many they are.

    Example:
      >>> size_of({"w": np.zeros((2, 3)), "b": np.zeros(3)})
      9
    """
    return sum(int(np.prod(np.shape(leaf))) for leaf in jax.tree.leaves(tree))


def counts_of(trees: Mapping[str, Any]) -> str:
    """How many numbers each player has.

    Args:
      trees: a pytree for each player.

    Returns:
      One line.

    Example:
      >>> counts_of({"gen": np.zeros(1200), "disc": ()})
      'gen 1,200, disc 0'
    """
    return ", ".join(f"{player} {size_of(tree):,}" for player, tree in trees.items())


def shapes_of(tree: Mapping[str, Any]) -> str:
    """Shapes and dtypes by name.

    Args:
      tree: arrays, or their shapes.

    Returns:
      One line.

    Example:
      >>> shapes_of({"image": np.zeros((8, 8, 1), np.float32), "label": np.int32(0)})
      'image float32[8,8,1], label int32[]'
    """
    return ", ".join(
        f"{name} {one.dtype}[{','.join(map(str, one.shape))}]"
        for name, part in tree.items()
        for one in jax.tree.leaves(part)
    )
