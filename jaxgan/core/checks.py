"""What is known of numbers and arrays before the program runs."""

from __future__ import annotations

from typing import Any

import jax

from jaxgan.core.typing import PyTree


def is_traced(value: Any) -> bool:
    """Whether a value is known only when the program runs, as under `vmap`, `grad` or `jit`.

    Args:
      value: anything.

    Returns:
      Whether it is a tracer.

    Example:
      >>> import jax.numpy as jnp
      >>> seen = []
      >>> _ = jax.vmap(lambda x: seen.append(is_traced(x)) or x)(jnp.ones(2))
      >>> seen, is_traced(1.0), is_traced(jnp.ones(()))
      ([True], False, False)
    """
    return isinstance(value, jax.core.Tracer)


def is_zero(value: Any) -> bool:
    """Whether a number is known to be 0, so that what it weighs need not be computed.

    Args:
      value: a number, traced or not, or a schedule.

    Returns:
      Whether it is 0 for sure.

    Example:
      >>> is_zero(0.0), is_zero(0.5), is_zero(lambda step: 0.0)
      (True, False, False)
    """
    return not callable(value) and not is_traced(value) and float(value) == 0.0


def first_difference(old: PyTree, new: PyTree) -> str | None:
    """Where two trees of arrays differ in shape, dtype or structure.

    Args:
      old: arrays, or their shapes and dtypes.
      new: likewise.

    Returns:
      One line that names a leaf; None where all are alike.

    Example:
      >>> import jax.numpy as jnp
      >>> old = {"a": jnp.zeros(2), "b": jnp.zeros(3)}
      >>> first_difference(old, {"a": jnp.zeros(2), "b": jnp.zeros(4)})
      "['b'] was float32[3], is float32[4]"
      >>> first_difference(old, {"a": jnp.zeros(2)}), first_difference(old, old)
      ("['b'] was float32[3], is not there", None)
    """
    was, now = _leaves(old), _leaves(new)
    for path in {**was, **now}:
        a, b = was.get(path, "not there"), now.get(path, "not there")
        if a != b:
            return f"{path or 'it'} was {a}, is {b}"
    structures = {jax.tree.structure(old), jax.tree.structure(new)}
    return None if len(structures) == 1 else "its dicts, lists and tuples are others"


def _leaves(tree: PyTree) -> dict[str, str]:
    return {
        jax.tree_util.keystr(path): f"{leaf.dtype}{list(leaf.shape)}"
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    }
