"""Running averages that terms keep."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxgan.core.typing import Array, PyTree


def zero(params: PyTree) -> Array:
    """A zero to start an average from: float32, or as wide as the parameters.

    Args:
      params: any tree.

    Returns:
      A scalar.

    Example:
      >>> zero({"kernel": jnp.ones(2, jnp.bfloat16)}).dtype.name
      'float32'
    """
    is_wide = any(leaf.dtype == jnp.float64 for leaf in jax.tree.leaves(params))
    return jnp.zeros((), jnp.float64 if is_wide else jnp.float32)


def moved(mean: Array, value: Array, rate: float) -> Array:
    """An exponential average after one more value.

    mean + rate (value - mean).

    Args:
      mean: so far, a scalar.
      value: the next one, a scalar.
      rate: one minus the decay.

    Returns:
      A scalar like `mean`.

    Example:
      >>> float(moved(jnp.zeros(()), jnp.ones(()), 0.25))
      0.25
    """
    return mean + jnp.asarray(rate, mean.dtype) * (value.astype(mean.dtype) - mean)
