"""Distances of pairs of images, for games that reconstruct: pix2pix, CycleGAN, autoencoders."""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp

from jaxgan.core.typing import Array

Norm = Callable[[Array, Array], Array]
"""(x, y) -> values of shape [B]."""


def l1(x: Array, y: Array) -> Array:
    """The mean absolute difference of each pair.

    mean abs(x - y) over an example's elements. pix2pix and CycleGAN write the norm, a sum; their
    code takes this mean, which their weights of 100 and 10 are for.

    Args:
      x: [B, ...].
      y: of the same shape.

    Returns:
      Values of shape [B].

    Raises:
      ValueError: if the shapes differ.

    Example:
      >>> l1(jnp.zeros((2, 3)), jnp.full((2, 3), -2.0)).tolist()
      [2.0, 2.0]

    References:
      Isola et al., 2017 (arXiv:1611.07004), eq. 3.
    """
    _check("l1", x, y)
    return jnp.mean(jnp.abs(x - y), axis=tuple(range(1, x.ndim)))


def l2(x: Array, y: Array) -> Array:
    """The mean squared difference of each pair.

    mean (x - y)² over an example's elements.

    Args:
      x: [B, ...].
      y: of the same shape.

    Returns:
      Values of shape [B].

    Raises:
      ValueError: if the shapes differ.

    Example:
      >>> l2(jnp.zeros((2, 3)), jnp.full((2, 3), -2.0)).tolist()
      [4.0, 4.0]

    References:
      Pathak et al., 2016 (arXiv:1604.07379), eq. 1, there as a sum.
    """
    _check("l2", x, y)
    return jnp.mean((x - y) ** 2, axis=tuple(range(1, x.ndim)))


def cycle_consistency(x: Array, reconstructed: Array, *, norm: Norm = l1) -> Array:
    """There and back again: an image mapped to the other domain and back is itself.

    norm(x, F(G(x))); CycleGAN adds the two directions, with weight 10.

    Args:
      x: images of one domain, [B, ...].
      reconstructed: F(G(x)).
      norm: `l1` or `l2`.

    Returns:
      Values of shape [B].

    Raises:
      ValueError: if the shapes differ.

    Example:
      >>> cycle_consistency(jnp.zeros((2, 3)), jnp.ones((2, 3))).tolist()
      [1.0, 1.0]

    References:
      Zhu et al., 2017 (arXiv:1703.10593), eq. 2.
    """
    return norm(x, reconstructed)


def identity(x: Array, mapped: Array, *, norm: Norm = l1) -> Array:
    """An image that is in the target domain already is left alone.

    norm(y, G(y)) for y of the domain that G maps to; CycleGAN gives it half the cycle's weight.

    Args:
      x: images of the target domain, [B, ...].
      mapped: G of them.
      norm: `l1` or `l2`.

    Returns:
      Values of shape [B].

    Raises:
      ValueError: if the shapes differ.

    Example:
      >>> identity(jnp.ones((2, 3)), jnp.ones((2, 3))).tolist()
      [0.0, 0.0]

    References:
      Taigman et al., 2017 (arXiv:1611.02200); Zhu et al., 2017 (arXiv:1703.10593), section 5.2.
    """
    return norm(x, mapped)


def _check(name: str, x: Array, y: Array) -> None:
    if x.shape != y.shape or x.ndim < 1:
        raise ValueError(f"{name}: shapes {x.shape} and {y.shape}; they must be [batch, ...]")
