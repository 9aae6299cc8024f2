"""Functions that grow exponentially, continued by their tangents so that float32 holds them."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgan.core.typing import Array

CAP = 20.0
"""The largest exponent that is taken as it is; e^20 is about 5e8."""


def tangent_beyond(function: Callable[[Array], Array], x: Array, cap: float) -> Array:
    """A function up to `cap`, and its tangent there beyond.

    f(x) for x ≤ c,  f(c) + f'(c) (x - c) for x > c: continuous with its first derivative.

    Args:
      function: f, applied elementwise; it is not evaluated beyond the cap.
      x: where.
      cap: c.

    Returns:
      An array like `x`.

    Example:
      >>> tangent_beyond(jnp.square, jnp.asarray([1.0, 3.0]), 2.0).tolist()  # 4 + 4 (3 - 2)
      [1.0, 8.0]
    """
    x = jnp.asarray(x)
    inside = jnp.minimum(x, jnp.asarray(cap, x.dtype))
    value, slope = jax.jvp(function, (inside,), (jnp.ones_like(inside),))
    total: Array = value + slope * (x - inside)
    return total


def capped_exp(x: Array, *, cap: float = CAP) -> Array:
    """The exponential up to `cap`, and its tangent there beyond.

    e^x for x ≤ c,  e^c (1 + x - c) for x > c.

    Args:
      x: the exponent.
      cap: c.

    Returns:
      An array like `x`.

    Example:
      >>> bool(jnp.isfinite(jax.grad(capped_exp)(1e4)))
      True
    """
    return tangent_beyond(jnp.exp, x, cap)
