"""Loops that are differentiated, at the memory of a few of their steps."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import jax
from jax import lax

from jaxgan.core.typing import PyTree

Carry = TypeVar("Carry")
_MAX_FLAT_STEPS = 16
"""Up to so many steps their states are all kept; beyond, every √n-th one."""


def checkpointed_scan(
    step: Callable[[Carry, PyTree], tuple[Carry, None]],
    start: Carry,
    inputs: PyTree,
    *,
    length: int,
    remat: bool = True,
    unroll: int = 1,
) -> Carry:
    """The end of `lax.scan`, whose backward pass keeps about 2 √n states when they are many.

    Args:
      step: (state, input) -> (state, None).
      start: the first state.
      inputs: arrays with `length` entries each.
      length: n, the number of steps.
      remat: compute a step again in the backward pass instead of keeping what it computed.
      unroll: steps per iteration of the compiled loop.

    Returns:
      The last state.

    Example:
      >>> import jax.numpy as jnp
      >>> def power(x):
      ...     return checkpointed_scan(lambda y, _: (y * x, None), 1.0, None, length=20)
      >>> float(jax.grad(power)(1.0))
      20.0

    References:
      Griewank & Walther, 2000.
    """

    def keep(body: Callable[[Carry, PyTree], Any]) -> Callable[[Carry, PyTree], Any]:
        # Inside a scan nothing is merged with the forward pass, so no barrier is needed.
        return jax.checkpoint(body, prevent_cse=False) if remat else body

    def run(carry: Carry, inputs: PyTree, length: int) -> tuple[Carry, None]:
        return lax.scan(keep(step), carry, inputs, length, unroll=unroll)

    if not remat or length <= _MAX_FLAT_STEPS:
        return run(start, inputs, length)[0]
    size = math.isqrt(length)
    num, rest = divmod(length, size)
    blocks = jax.tree.map(lambda x: x[: num * size].reshape(num, size, *x.shape[1:]), inputs)
    end, _ = lax.scan(keep(lambda carry, block: run(carry, block, size)), start, blocks, num)
    tail = jax.tree.map(lambda x: x[num * size :], inputs)
    return run(end, tail, rest)[0] if rest else end
