"""Activations with a gain."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from jaxgan.core.typing import Array


def scaled_leaky_relu(
    x: Array, gain: float = math.sqrt(2.0), clamp: float | None = None, slope: float = 0.2
) -> Array:
    """Leaky ReLU times a gain, by default the one that keeps the mean square of normal inputs.

    Args:
        x: any shape.
        gain: what the result is multiplied by; √2 makes up for the half that a ReLU drops.
        clamp: bound of the result, before a `gain` other than √2: it is clamp gain / √2. Networks
            that were trained in float16 have 256.
        slope: for negative numbers.

    Returns:
        An array like `x`.

    >>> scaled_leaky_relu(jnp.asarray([1.0, -10.0]), gain=2.0).tolist()
    [2.0, -4.0]

    References:
        He et al., 2015 (arXiv:1502.01852); as in Karras et al., 2020 (arXiv:1912.04958).
    """
    y = gain * jax.nn.leaky_relu(x, slope)
    if clamp is None:
        return y
    bound = clamp * gain / math.sqrt(2.0)
    return jnp.clip(y, -bound, bound)
