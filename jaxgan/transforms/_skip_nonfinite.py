"""Steps that would leave the numbers are not taken."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxgan.core.algorithm import Algorithm
from jaxgan.core.ranges import checked
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Array, Batch, Metrics, PyTree
from jaxgan.transforms._seeds import has_members
from jaxgan.transforms._vectorized import MEMBER_AXES


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


@checked
def skip_nonfinite(algorithm: Algorithm) -> Algorithm:
    """Leaves the state as it was where a step gives a NaN or an infinity.

    `step` advances all the same, so that the next attempt sees other latents and another batch. Of
    members side by side (`seeds`) each has its own: one that leaves the numbers stops no other,
    whichever of the two transforms is outside.

    Args:
      algorithm: the algorithm to guard.

    Returns:
      An `Algorithm` with the metric `skipped`: 1 where the step was not taken, of several members
      the share that did not take it. Metrics of a skipped step are those of the attempt.

    Example:
      >>> from jaxgan.algorithms import simultaneous
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import bilinear
      >>> from jaxgan.optimizers import sgd
      >>> sgds = {"gen": sgd(0.1), "disc": sgd(0.1)}
      >>> wild = simultaneous(gradient(bilinear(jnp.full((1, 1), jnp.inf))), optimizers=sgds)
      >>> state, metrics = skip_nonfinite(wild).step(wild.init(jax.random.key(0)), {})
      >>> state.params["gen"].tolist(), int(state.step), float(metrics["skipped"])
      ([1.0], 1, 1.0)
    """

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        new, metrics = algorithm.step(state, batch)
        choose = _choose
        if has_members(state):
            choose = jax.vmap(_choose, (MEMBER_AXES, MEMBER_AXES), (MEMBER_AXES, 0))
        chosen, skipped = choose(new, state)
        return chosen, {**metrics, "skipped": jnp.mean(skipped)}

    return algorithm._replace(step=step)


def _choose(new: TrainState, old: TrainState) -> tuple[TrainState, Array]:
    """The new state if it is finite, else the old one at the new step; and 1 if it is not."""
    is_good = all_finite(new)
    chosen = jax.tree.map(lambda taken, kept: jnp.where(is_good, taken, kept), new, old)
    return chosen._replace(step=new.step), 1.0 - is_good.astype(jnp.float32)
