"""Range checks of numbers; one that is traced passes, so that a grid of it is one program."""

from __future__ import annotations

import math
import numbers
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def is_traced(value: Any) -> bool:
    """Whether a value is known only when the program runs, as under `vmap`, `grad` or `jit`.

    Args:
      value: anything.

    Returns:
      Whether it is a tracer.

    Example:
      >>> seen = []
      >>> _ = jax.vmap(lambda x: seen.append(is_traced(x)) or x)(np.ones(2))
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


def check_number(
    name: str,
    value: Any,
    *,
    above: float | None = None,
    at_least: float | None = None,
    below: float | None = None,
    at_most: float | None = None,
) -> None:
    """Raises unless a value is a finite number within bounds, or traced.

    Args:
      name: the argument's, for the message.
      value: a Python number, or a NumPy or JAX scalar.
      above: what it must exceed.
      at_least: what it must not be under.
      below: what it must stay under.
      at_most: what it must not exceed.

    Raises:
      ValueError: naming the argument, the value and what is allowed.

    Example:
      >>> check_number("margin", 0.5, above=0)
      >>> check_number("margin", float("nan"), above=0)
      Traceback (most recent call last):
      ...
      ValueError: margin is nan; it must be above 0 and finite
    """
    if not _is_allowed(value, above, at_least, below, at_most):
        allowed = _words(above, at_least, below, at_most)
        raise ValueError(f"{name} is {_shown(value)}; it must be {allowed}")


def check_scalar(
    name: str,
    value: Any,
    *,
    above: float | None = None,
    at_least: float | None = None,
    below: float | None = None,
    at_most: float | None = None,
) -> None:
    """As `check_number`, of what may be a schedule.

    Of a schedule that says between which values it stays, as all factories here do, these are
    checked; what another function of the step will give cannot be known.

    Args:
      name: the argument's, for the message.
      value: a number, or a function of the step.
      above: what it must exceed.
      at_least: what it must not be under.
      below: what it must stay under.
      at_most: what it must not exceed.

    Raises:
      ValueError: naming the argument, the value and what is allowed.

    Example:
      >>> check_scalar("decay", lambda step: 0.5, at_least=0, below=1)
      >>> check_scalar("decay", 1.5, at_least=0, below=1)
      Traceback (most recent call last):
      ...
      ValueError: decay is 1.5; it must be at least 0 and below 1, or a schedule
    """
    if not callable(value):
        if not _is_allowed(value, above, at_least, below, at_most):
            allowed = _words(above, at_least, below, at_most)
            raise ValueError(f"{name} is {_shown(value)}; it must be {allowed}, or a schedule")
        return
    for reached in getattr(value, "reaches", ()):
        if not _is_allowed(reached, above, at_least, below, at_most):
            allowed = _words(above, at_least, below, at_most)
            raise ValueError(
                f"{name} is a schedule that reaches {_shown(reached)}; it must be {allowed}"
            )


def _is_allowed(
    value: Any,
    above: float | None,
    at_least: float | None,
    below: float | None,
    at_most: float | None,
) -> bool:
    if is_traced(value):
        return True
    if not _is_number(value):
        return False
    number = float(value)
    return (
        math.isfinite(number)
        and (above is None or number > above)
        and (at_least is None or number >= at_least)
        and (below is None or number < below)
        and (at_most is None or number <= at_most)
    )


def _is_number(value: Any) -> bool:
    if isinstance(value, np.ndarray | np.generic | jax.Array):
        kinds = (jnp.floating, jnp.integer)
        return value.ndim == 0 and any(jnp.issubdtype(value.dtype, kind) for kind in kinds)
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    """Numbers as they print, `0.5` rather than `np.float64(0.5)`."""
    return f"{value}" if _is_number(value) else f"{value!r}"


def _words(
    above: float | None, at_least: float | None, below: float | None, at_most: float | None
) -> str:
    bounds = {"above": above, "at least": at_least, "below": below, "at most": at_most}
    found = [f"{word} {bound:g}" for word, bound in bounds.items() if bound is not None]
    if below is None and at_most is None:
        found.append("finite" if found else "a finite number")
    return " and ".join(found)
