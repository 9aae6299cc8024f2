"""Batches of examples: arrays [B, ...], or trees of them with one first axis."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.core.text import shown
from jaxgan.core.typing import Array, Batch, PyTree


def num_examples(examples: PyTree) -> int:
    """How many examples there are.

    Args:
      examples: arrays [B, ...].

    Returns:
      B.

    Raises:
      ValueError: if there is no array, or they do not have one number of examples.

    Example:
      >>> num_examples({"image": jnp.zeros((2, 8, 8, 1)), "depth": jnp.zeros((2, 4))})
      2
    """
    sizes = {jnp.shape(leaf)[:1] for leaf in jax.tree.leaves(examples)}
    if len(sizes) != 1 or sizes == {()}:
        shapes = jax.tree.map(jnp.shape, examples)
        raise ValueError(f"examples have shapes {shapes}; they must share their first axis")
    return next(iter(sizes))[0]


def check_batch(batch: Any) -> None:
    """Raises unless a batch has names for what is in it.

    Args:
      batch: as a step is given it.

    Raises:
      ValueError: saying what it is.

    Example:
      >>> check_batch(jnp.zeros((2, 8)))
      Traceback (most recent call last):
      ...
      ValueError: batch is an array of shape (2, 8); it must be a dict, {'image': ...}
    """
    if not isinstance(batch, Mapping):
        shape = getattr(batch, "shape", None)
        what = shown(batch) if shape is None else f"an array of shape {shape}"
        raise ValueError(f"batch is {what}; it must be a dict, {{'image': ...}}")


def entry_of(batch: Batch, name: str) -> PyTree:
    """What a batch has under a name.

    Args:
      batch: a dict.
      name: of the entry.

    Returns:
      The entry.

    Raises:
      ValueError: if it has none, with the names that it has.

    Example:
      >>> entry_of({"images": jnp.zeros((2, 8))}, "image")
      Traceback (most recent call last):
      ...
      ValueError: batch has 'images'; it must have 'image'
    """
    check_batch(batch)
    if name not in batch:
        names = ", ".join(repr(one) for one in sorted(batch)) or "nothing"
        raise ValueError(f"batch has {names}; it must have {name!r}")
    return batch[name]


def example_shape(examples: PyTree) -> Any:
    """The shape of one example, or of each part of it.

    Args:
      examples: arrays [B, ...].

    Returns:
      A tuple, or a tree of tuples.

    Example:
      >>> example_shape(jnp.zeros((2, 8, 8, 1))), example_shape({"a": jnp.zeros((2, 4))})
      ((8, 8, 1), {'a': (4,)})
    """
    return jax.tree.map(lambda leaf: tuple(jnp.shape(leaf)[1:]), examples)


def map_named(function: Callable[[str, Any], Any], name: str, examples: PyTree) -> PyTree:
    """A function of each part of the examples and of a name of its own, for what is drawn for it.

    Args:
      function: (name, array) -> anything.
      name: of the whole; an array that is no tree has this one.
      examples: arrays [B, ...].

    Returns:
      A tree like the examples.

    Example:
      >>> map_named(lambda name, x: name, "noise", {"a": jnp.zeros(1), "b": jnp.zeros(1)})
      {'a': 'noise/a', 'b': 'noise/b'}
    """

    def at(path: tuple[Any, ...], leaf: Array) -> Any:
        parts = [jax.tree_util.keystr((key,), simple=True) for key in path]
        return function("/".join([name, *parts]), leaf)

    return jax.tree_util.tree_map_with_path(at, examples)


def example_mean(examples: PyTree) -> Array:
    """The mean over all elements of each example.

    Args:
      examples: arrays [B, ...].

    Returns:
      Means of shape [B].

    Example:
      >>> example_mean({"a": jnp.ones((1, 3)), "b": jnp.full((1, 1), 5.0)}).tolist()
      [2.0]
    """
    leaves = jax.tree.leaves(examples)
    means = [jnp.mean(leaf, axis=tuple(range(1, leaf.ndim))) for leaf in leaves]
    total = sum(leaf.size for leaf in leaves)
    if len(leaves) == 1:
        return means[0]
    weighted: Array = sum(
        (mean * (leaf.size / total) for mean, leaf in zip(means[1:], leaves[1:], strict=True)),
        means[0] * (leaves[0].size / total),
    )
    return weighted


def samples_of(fake: PyTree) -> PyTree:
    """What a generator made, without the latents that BiGAN's discriminator sees beside it.

    Args:
      fake: of a scene.

    Returns:
      Examples like the data's.

    Example:
      >>> samples_of({"image": 1, "latent": 2}), samples_of({"image": 1, "depth": 3})
      (1, {'image': 1, 'depth': 3})
    """
    is_pair = isinstance(fake, dict) and "latent" in fake
    return fake["image"] if is_pair else fake
