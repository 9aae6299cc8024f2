"""Many independent trainings in one program."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.core.algorithm import Algorithm
from jaxgan.core.ranges import Index, Width, checked
from jaxgan.core.state import TrainState, is_typed
from jaxgan.core.typing import Batch, Metrics
from jaxgan.transforms._vectorized import vectorized

SPREAD = "std/"
"""Prefix of the metric that holds a metric's standard deviation over seeds."""


@checked
def seeds(algorithm: Algorithm, *, num_seeds: Width) -> Algorithm:
    """Trains `num_seeds` members side by side under `vmap`, each with its own key.

    Member i starts from the key `fold_in(key, i)`: its initial bits are those of a run with that
    key, and it follows that run to rounding for as long as the game is not chaotic. The step
    count is shared, so that lazy penalties stay lazy. All members see the same batches from the
    host; what is sampled on the device (`device_data`, put inside) differs.

    Args:
      algorithm: the algorithm to replicate.
      num_seeds: how many members.

    Returns:
      An `Algorithm` over a state with a leading axis of members on every leaf but `step`. Each
      metric is the mean over members, and `std/NAME` its standard deviation; `vectorized` keeps
      each.

    Raises:
      ValueError: if `num_seeds` is not positive.

    Example:
      >>> from jaxgan.algorithms import simultaneous
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import bilinear
      >>> from jaxgan.optimizers import sgd
      >>> one = simultaneous(gradient(bilinear()), optimizers={"gen": sgd(0.5), "disc": sgd(0.5)})
      >>> four = seeds(one, num_seeds=4)
      >>> state, metrics = four.step(four.init(jax.random.key(0)), {})
      >>> state.params["gen"].shape, sorted(metrics)
      ((4, 1), ['loss/disc', 'loss/gen', 'std/loss/disc', 'std/loss/gen'])
    """

    many = vectorized(lambda: algorithm, seeds=np.arange(num_seeds))

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        state, metrics = many.step(state, batch)
        mean = {name: jnp.mean(values) for name, values in metrics.items()}
        spread = {SPREAD + name: jnp.std(values) for name, values in metrics.items()}
        return state, {**mean, **spread}

    return many._replace(step=step)


def has_members(state: TrainState) -> bool:
    """Whether a state is one of `seeds`: whether its keys are many.

    Args:
      state: a state of any algorithm.

    Returns:
      Whether it has a leading axis of members.

    Example:
      >>> state = TrainState(step=jnp.int32(0), key=jax.random.key(0), params={}, net_state={})
      >>> has_members(state), has_members(state._replace(key=jax.random.split(state.key, 3)))
      (False, True)
    """
    return is_typed(state.key) and state.key.ndim > 0


@checked
def member(state: TrainState, index: Index) -> TrainState:
    """One member of a state made by `seeds`, as a state of its own.

    Args:
      state: a state with a leading axis of members.
      index: which one.

    Returns:
      The state of a single run.

    Raises:
      ValueError: if there is no such member, or the state's key is a raw one, of which the number
        of members is not known.

    Example:
      >>> keys = jax.random.split(jax.random.key(0), 3)
      >>> state = TrainState(step=jnp.int32(5), key=keys, params={"gen": jnp.arange(3.0)},
      ...                    net_state={})
      >>> one = member(state, 1)
      >>> int(one.step), float(one.params["gen"])
      (5, 1.0)
    """
    if not is_typed(state.key):
        raise ValueError(
            f"state.key is {state.key.dtype.name}{list(state.key.shape)}; it must be a typed key, "
            "as of jax.random.key"
        )
    if not has_members(state):
        raise ValueError(f"member is {index}, but the run has a single member")
    num_seeds = state.key.shape[0]
    if not 0 <= index < num_seeds:
        raise ValueError(f"member is {index}; the run has members 0 to {num_seeds - 1}")
    fields = state._asdict()
    step = fields.pop("step")
    return TrainState(step=step, **jax.tree.map(lambda x: x[index], fields))
