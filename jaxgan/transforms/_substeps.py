"""Several steps in one dispatch."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.core.algorithm import Algorithm
from jaxgan.core.ranges import Width, checked
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Batch, Metrics


@checked
def substeps(algorithm: Algorithm, *, num_steps: Width) -> Algorithm:
    """Runs `num_steps` steps under one `lax.scan`: one dispatch, the same numbers bit for bit.

    For small networks the host's part of a step costs more than the device's; here it is paid
    once for all.

    Args:
      algorithm: the algorithm to repeat.
      num_steps: steps per call; batches get that many in front.

    Returns:
      An `Algorithm` whose step advances by `num_steps`; its metrics are means over them.

    Raises:
      ValueError: if `num_steps` is not positive.

    Example:
      >>> from jaxgan.algorithms import simultaneous
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import bilinear
      >>> from jaxgan.optimizers import sgd
      >>> one = simultaneous(gradient(bilinear()), optimizers={"gen": sgd(0.5), "disc": sgd(0.5)})
      >>> ten = substeps(one, num_steps=10)
      >>> state, _ = ten.step(ten.init(jax.random.key(0)), {})
      >>> int(state.step), ten.num_batches, ten.num_steps
      (10, (10,), 10)
    """

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        state, metrics = lax.scan(algorithm.step, state, batch, length=num_steps)
        return state, jax.tree.map(lambda x: jnp.mean(x, axis=0), metrics)

    return algorithm._replace(
        step=step,
        num_batches=(num_steps, *algorithm.num_batches),
        num_steps=num_steps * algorithm.num_steps,
    )
