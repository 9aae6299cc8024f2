"""Where a network that computes in few bits needs more of them."""

from __future__ import annotations

import jax.numpy as jnp

from jaxgan.core.typing import Array


def to_float32(x: Array) -> Array:
    """The same numbers in at least 32 bits.

    For statistics, and for what leaves a network: a critic's output of 100 has a resolution of 0.5
    in bfloat16, a point at distance 2 one of 1/64.

    Args:
        x: an array of floating-point numbers.

    Returns:
        `x` as float32 if it is narrower, or else as it is.

    >>> to_float32(jnp.ones(2, jnp.bfloat16)).dtype
    dtype('float32')
    """
    return x.astype(jnp.float32) if jnp.finfo(x.dtype).bits < 32 else x


def add_bias(y: Array, bias: Array | None) -> Array:
    """Adds a bias in at least 32 bits, so that its gradient, a long sum, is taken in them too.

    Args:
        y: [..., features].
        bias: [features], or None for nothing.

    Returns:
        The sum in `y`'s dtype.

    >>> add_bias(jnp.ones((1, 2), jnp.bfloat16), jnp.ones(2)).dtype
    dtype(bfloat16)
    """
    if bias is None:
        return y
    wide = to_float32(y)
    bias = bias.astype(wide.dtype).reshape((1,) * (y.ndim - 1) + bias.shape)
    return (wide + bias).astype(y.dtype)
