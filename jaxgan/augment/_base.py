"""The contract of an augmentation: fixed, or as likely as a probability says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.core.examples import example_shape, num_examples
from jaxgan.core.ranges import Fraction, checked
from jaxgan.core.state import stream
from jaxgan.core.typing import Array, Key, PyTree

Augment = Callable[[Key, Any], Any]
"""(key, images [B, H, W, C]) -> images of that shape; each example has its own draw. One of
your own may take other examples, such as a dict of arrays [B, ...]."""

AdaptiveAugment = Callable[[Key, Any, Array], Any]
"""(key, images [B, H, W, C], p) -> images: each change is made with probability p, a scalar."""


def each(augment: Augment, keys: Array, images: PyTree) -> PyTree:
    """Augments every example by its own key, whatever batch it is part of.

    Args:
      augment: an augmentation.
      keys: typed PRNG keys, of shape [B].
      images: of shape [B, H, W, C], or whatever the augmentation takes: a tree of [B, ...].

    Returns:
      Images of the same shape.

    Example:
      >>> keys = jax.random.split(jax.random.key(0), 4)
      >>> noise = lambda key, images: images + jax.random.normal(key, images.shape)
      >>> whole = each(noise, keys, jnp.zeros((4, 2, 2, 1)))
      >>> half = each(noise, keys[2:], jnp.zeros((2, 2, 2, 1)))
      >>> bool((whole[2:] == half).all())
      True
    """

    def one(key: Key, image: PyTree) -> PyTree:
        made = augment(key, jax.tree.map(lambda x: x[None], image))
        return jax.tree.map(lambda x: x[0], made)

    return jax.vmap(one)(keys, images)


@checked
def fixed(augment: AdaptiveAugment, *, p: Fraction) -> Augment:
    """An adaptive augmentation with its probability fixed.

    Args:
      augment: such as `bgc()`.
      p: the probability of each change.

    Returns:
      An `Augment`.

    Raises:
      ValueError: if p is not in [0, 1].

    Example:
      >>> fixed(lambda key, images, p: images * p, p=0.5)(None, jnp.ones(1)).tolist()
      [0.5]
    """
    return lambda key, images: augment(key, images, jnp.asarray(p, images.dtype))


def adjustable(augment: Augment) -> AdaptiveAugment:
    """Makes any augmentation adaptive: an example is augmented with probability p.

    Args:
      augment: such as `diffaugment()`.

    Returns:
      An `AdaptiveAugment`; with p = 0 it is the identity.

    Example:
      >>> brighter = adjustable(lambda key, images: images + 1.0)
      >>> brighter(jax.random.key(0), jnp.zeros((4, 1, 1, 1)), jnp.float32(1.0)).ravel().tolist()
      [1.0, 1.0, 1.0, 1.0]
    """

    def adaptive(key: Key, images: Array, p: Array) -> Array:
        num = num_examples(images)
        drawn = jax.random.uniform(stream(key, "adjustable"), (num, 1, 1, 1), p.dtype)

        def choose(made: Array, image: Array) -> Array:
            return jnp.where((drawn < p).reshape(num, *(1,) * (image.ndim - 1)), made, image)

        chosen: Array = jax.tree.map(choose, augment(key, images), images)
        return chosen

    return adaptive


def check_images(images: PyTree, caller: str, channels: Sequence[int] = ()) -> None:
    """Raises unless these are images.

    Args:
      images: what should have shape [B, H, W, C].
      caller: whose input it is, for the message.
      channels: how many there may be; any number by default.

    Raises:
      ValueError: naming the shape.

    Example:
      >>> check_images(jnp.zeros((8, 2)), "diffaugment")
      Traceback (most recent call last):
      ...
      ValueError: diffaugment: examples have shape (2,); it takes images [H, W, C]
    """
    shape = getattr(images, "shape", ())
    if len(shape) != 4 or 0 in shape:
        raise ValueError(
            f"{caller}: examples have shape {example_shape(images)}; it takes images [H, W, C]"
        )
    if channels and images.shape[-1] not in channels:
        raise ValueError(
            f"{caller}: images have {images.shape[-1]} channels; it takes "
            f"{' or '.join(map(str, channels))}"
        )


def check_policy(policy: Sequence[str], allowed: Sequence[str]) -> None:
    """Raises unless a policy names known groups of changes, each once.

    Args:
      policy: the names.
      allowed: the known ones.

    Raises:
      ValueError: naming the policy and what is allowed.

    Example:
      >>> check_policy(("colour",), ("color", "cutout"))
      Traceback (most recent call last):
      ...
      ValueError: policy is ['colour']; it must name some of color, cutout, each once
    """
    is_list = not isinstance(policy, str) and len(policy) > 0
    if not is_list or set(policy) - set(allowed) or len(set(policy)) < len(policy):
        shown = policy if isinstance(policy, str) else list(policy)
        raise ValueError(
            f"policy is {shown!r}; it must name some of {', '.join(allowed)}, each once"
        )
