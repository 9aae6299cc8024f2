"""What is known of a number before the program runs."""

from __future__ import annotations

from typing import Any

import jax


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
