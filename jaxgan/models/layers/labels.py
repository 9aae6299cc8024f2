"""Labels as numbers that a layer can take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.core.ranges import Width, checked
from jaxgan.core.typing import Array
from jaxgan.models.layers.dense import Dense


def check_conditioning(conditioning: str, num_classes: int | None) -> None:
    """Raises unless a network has the classes that it is conditioned on.

    Args:
        conditioning: how it is given labels.
        num_classes: how many classes there are; None without.

    Raises:
        ValueError: with what is allowed.

    >>> check_conditioning("concat", None)
    Traceback (most recent call last):
    ...
    ValueError: conditioning is 'concat', which needs classes; set num_classes
    """
    if conditioning != "none" and not num_classes:
        raise ValueError(f"conditioning is {conditioning!r}, which needs classes; set num_classes")


def one_hot(label: Array | None, num_classes: int, dtype: Any = jnp.float32) -> Array:
    """Labels as vectors of zeros with a one; what is no class, such as -1, is all zeros.

    Args:
        label: integers [B] in [0, num_classes), or [B, m] for m of them beside each other.
        num_classes: how many there are.
        dtype: of the vectors.

    Returns:
        [B, num_classes], or [B, m num_classes].

    Raises:
        ValueError: if there are no labels.

    >>> one_hot(jnp.asarray([1, -1]), 3).tolist()
    [[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    """
    if label is None:
        raise ValueError("label is None; a conditional network needs one label per example")
    chex.assert_rank(label, {1, 2})
    return jax.nn.one_hot(label, num_classes, dtype=dtype).reshape(label.shape[0], -1)


def label_maps(label: Array | None, num_classes: int, x: Array) -> Array:
    """Images with labels as further channels, each of one number.

    Args:
        label: as for `one_hot`.
        num_classes: how many there are.
        x: images, [B, H, W, C].

    Returns:
        [B, H, W, C + num_classes].

    >>> label_maps(jnp.asarray([1]), 3, jnp.zeros((1, 2, 2, 1)))[0, 0, 1].tolist()
    [0.0, 0.0, 1.0, 0.0]

    References:
        Mirza and Osindero, 2014 (arXiv:1411.1784); as maps: Reed et al., 2016 (arXiv:1605.05396).
    """
    chex.assert_rank(x, 4)
    codes = one_hot(label, num_classes, x.dtype)
    maps = jnp.broadcast_to(codes[:, None, None, :], (*x.shape[:3], codes.shape[-1]))
    return jnp.concatenate([x, maps], axis=-1)


@checked
class ClassEmbedding(nn.Module):
    """A learned vector for each class; examples without a class have the zero vector.

    It is a product with one-hot vectors rather than a table that is looked up, so that a label out
    of range cannot read another class's vector, and gradients need no scatter.

    Args:
        num_classes: how many there are.
        features: length of the vectors.
        kernel_init: Flax initialiser of the table, [num_classes, features].

    >>> layer = ClassEmbedding(10, 4)
    >>> layer.init_with_output(jax.random.key(0), jnp.asarray([3, -1]))[0].shape
    (2, 4)
    """

    num_classes: Width
    features: Width
    kernel_init: Callable[..., Array] = nn.initializers.normal(1.0)

    @nn.compact
    def __call__(self, label: Array) -> Array:
        """Map labels [B] to vectors [B, features]."""
        chex.assert_rank(label, 1)
        table = Dense(self.features, use_bias=False, kernel_init=self.kernel_init, name="table")
        vectors: Array = table(one_hot(label, self.num_classes))
        return vectors
