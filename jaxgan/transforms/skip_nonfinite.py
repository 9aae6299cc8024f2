"""Steps that would leave the numbers are not taken."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxgan.algorithms.base import Algorithm
from jaxgan.state import TrainState
from jaxgan.typing import Array, Batch, Metrics, PyTree


def all_finite(tree: PyTree) -> Array:
    """Whether no floating-point leaf holds a NaN or an infinity.

    Args:
      tree: arrays of any kind; integers and keys are always finite.

    Returns:
      A boolean scalar.

    Example:
      >>> bool(all_finite({"a": jnp.ones(2), "b": jnp.int32(3)})), bool(all_finite(jnp.log(-1.0)))
      (True, False)
    """
    leaves = [x for x in jax.tree.leaves(tree) if jnp.issubdtype(x.dtype, jnp.inexact)]
    return jnp.all(jnp.asarray([jnp.all(jnp.isfinite(x)) for x in leaves] or [True]))


def skip_nonfinite(algorithm: Algorithm) -> Algorithm:
    """Leaves the state as it was where a step gives a NaN or an infinity.

    `step` advances all the same, so that the next attempt sees other latents and another batch.

    Args:
      algorithm: the algorithm to guard.

    Returns:
      An `Algorithm` with the metric `skipped`: 1 where the step was not taken. Metrics of a
      skipped step are those of the attempt.

    Example:
      >>> from jaxgan.algorithms import simultaneous
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import bilinear
      >>> from jaxgan.optimizers import sgd
      >>> wild = simultaneous(gradient(bilinear(jnp.inf)), {"gen": sgd(0.1), "disc": sgd(0.1)})
      >>> state, metrics = skip_nonfinite(wild).step(wild.init(jax.random.key(0)), {})
      >>> state.params["gen"].tolist(), int(state.step), float(metrics["skipped"])
      ([1.0], 1, 1.0)
    """

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        new, metrics = algorithm.step(state, batch)
        is_good = all_finite(new)

        def choose(taken: Array, kept: Array) -> Array:
            return jnp.where(is_good, taken, kept)

        chosen = jax.tree.map(choose, new, state)._replace(step=new.step)
        return chosen, {**metrics, "skipped": 1.0 - is_good.astype(jnp.float32)}

    return algorithm._replace(step=step)
