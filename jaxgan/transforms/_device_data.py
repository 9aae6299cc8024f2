"""Data sampled on the device, inside the step."""

from __future__ import annotations

import math
from collections.abc import Callable

import jax

from jaxgan.core.algorithm import Algorithm
from jaxgan.core.ranges import Count, checked
from jaxgan.core.state import TrainState, stream
from jaxgan.core.typing import Batch, Key, Metrics


@checked
def device_data(
    algorithm: Algorithm, *, sample: Callable[[Key, int], Batch], batch_size: Count
) -> Algorithm:
    """Draws the real batches of each step on the device, so that the whole loop is one program.

    Args:
      algorithm: the algorithm to feed.
      sample: (key, num) -> batch of `num` examples, such as `Source.sample` of a mixture.
      batch_size: examples per batch.

    Returns:
      An `Algorithm` that takes the empty batch `{}`, and still says in `num_batches` how many
      batches a step consumes; the data of step t depend on the run's key and t alone.

    Raises:
      ValueError: if `batch_size` is not positive.

    Example:
      >>> import jax.numpy as jnp
      >>> from jaxgan.algorithms import simultaneous
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import dirac
      >>> from jaxgan.optimizers import sgd
      >>> one = simultaneous(gradient(dirac()), optimizers={"gen": sgd(0.1), "disc": sgd(0.1)})
      >>> zeros = lambda key, num: {"image": jnp.zeros((num, 1))}
      >>> fed = device_data(one, sample=zeros, batch_size=8)
      >>> state, metrics = fed.step(fed.init(jax.random.key(0)), {})
      >>> int(state.step), sorted(metrics)[-2:]
      (1, ['loss/disc', 'loss/gen'])
    """
    shape = (*algorithm.num_batches, batch_size)

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        drawn = sample(stream(state.key, "data", state.step), math.prod(shape))
        drawn = jax.tree.map(lambda x: x.reshape(*shape, *x.shape[1:]), drawn)
        return algorithm.step(state, drawn)

    return algorithm._replace(step=step)
