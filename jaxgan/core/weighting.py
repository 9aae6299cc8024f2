"""Values of terms, weighted and added."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from functools import reduce

import jax.numpy as jnp

from jaxgan.core.schedules import at
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, ScalarOrSchedule


def weighted(weight: ScalarOrSchedule, values: Array, context: Context) -> Array:
    """Values times a weight, in the dtype of the values.

    Args:
      weight: a number or a schedule of the step.
      values: of any shape.
      context: of this update.

    Returns:
      An array like `values`.

    Example:
      >>> weighted(lambda step: 0.5 * step, jnp.ones(2), Context(None, step=3)).tolist()
      [1.5, 1.5]
    """
    return jnp.asarray(at(weight, context.step), values.dtype) * values


def added(values: Iterable[Array]) -> Array:
    """The sum of values whose mean is the sum of their means.

    Args:
      values: arrays of one shape, or, where some objectives have one value for the whole batch or
        as many as there are patches, of several.

    Returns:
      An array of that shape; a scalar, the sum of the means, where there are several.

    Example:
      >>> added([jnp.ones(3), jnp.ones(3)]).tolist(), float(added([jnp.ones(3), jnp.float32(2.0)]))
      ([2.0, 2.0, 2.0], 3.0)
    """
    found = [*values]
    if len({jnp.shape(each) for each in found}) > 1:
        found = [jnp.mean(each) for each in found]
    return reduce(operator.add, (each.astype(found[0].dtype) for each in found[1:]), found[0])
