"""Pixel-wise normalisation of features."""

from __future__ import annotations

import jax.numpy as jnp

from jaxgan.core.typing import Array
from jaxgan.models.layers.precision import to_float32


def pixel_norm(x: Array, epsilon: float = 1e-8) -> Array:
    r"""Scales the features of every pixel to a mean square of one.

    .. math:: y = x \Big/ \sqrt{\tfrac1C \sum_c x_c^2 + \epsilon}

    Args:
        x: [..., C].
        epsilon: added to the mean square.

    Returns:
        An array like `x`.

    >>> print(pixel_norm(jnp.asarray([1.0, -7.0])))
    [ 0.2 -1.4]

    References:
        Karras et al., 2018 (arXiv:1710.10196), section 4.2.
    """
    wide = to_float32(x)
    mean = jnp.mean(jnp.square(wide), axis=-1, keepdims=True)
    return (wide / jnp.sqrt(mean + epsilon)).astype(x.dtype)
