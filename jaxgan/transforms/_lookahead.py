"""Lookahead-minimax: backtracking over all players jointly."""

from __future__ import annotations

from typing import Annotated

import jax
import jax.numpy as jnp

from jaxgan.core.algorithm import Algorithm
from jaxgan.core.ranges import Count, Range, checked
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Batch, Key, Metrics


@checked
def lookahead(
    algorithm: Algorithm,
    *,
    num_steps: Count = 5,
    alpha: Annotated[float, Range(above=0, at_most=1)] = 0.5,
) -> Algorithm:
    """Every k-th step pulls all players back towards where they were k steps before.

    After k steps of the algorithm from w̃: w̃ ← w̃ + α (w - w̃), w ← w̃, parameters of all players
    at once; the optimizers go on undisturbed. Rotation around an equilibrium averages out, so it
    converges where the algorithm alone circles. Optax's `lookahead` is per optimizer and counts
    its own updates, so that with unequal numbers of updates the players fall out of step; this
    counts steps.

    Args:
      algorithm: such as `alternating(...)`; put `ema` outside.
      num_steps: k.
      alpha: α in (0, 1]; 1 is the algorithm itself.

    Returns:
      An `Algorithm` that keeps one more copy of the parameters, in its memory.

    Raises:
      ValueError: if `num_steps` or `alpha` is out of range.

    Example:
      On the bilinear game simultaneous descent, which leaves, becomes one that arrives:

      >>> from jaxgan.algorithms import simultaneous
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import bilinear
      >>> from jaxgan.optimizers import sgd
      >>> plain = simultaneous(gradient(bilinear()), optimizers={"gen": sgd(0.3), "disc": sgd(0.3)})
      >>> ahead = lookahead(plain, num_steps=6, alpha=0.5)
      >>> state = ahead.init(jax.random.key(0))
      >>> for step in range(36):
      ...     state, metrics = ahead.step(state, {})
      ...     if step % 12 == 11:
      ...         x, y = float(state.params["gen"][0]), float(state.params["disc"][0])
      ...         print(f"distance {(x * x + y * y) ** 0.5:.4f}")
      distance 0.7844
      distance 0.4351
      distance 0.2413

    References:
      Chavdarova et al., 2021 (arXiv:2006.14567), algorithm 1; Zhang et al., 2019
      (arXiv:1907.08610).
    """

    def init(key: Key) -> TrainState:
        state = algorithm.init(key)
        # A copy, since a donated state may not hold the same buffer twice.
        slow = jax.tree.map(jnp.copy, state.params)
        return state._replace(memory={"algorithm": state.memory, "slow": slow})

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        slow = state.memory["slow"]
        state, metrics = algorithm.step(state._replace(memory=state.memory["algorithm"]), batch)
        is_due = state.step % num_steps == 0
        weight = jnp.where(is_due, alpha, 0.0)
        slow = jax.tree.map(
            lambda old, new: old + weight.astype(old.dtype) * (new - old), slow, state.params
        )
        params = jax.tree.map(lambda old, new: jnp.where(is_due, old, new), slow, state.params)
        memory = {"algorithm": state.memory, "slow": slow}
        return state._replace(params=params, memory=memory), metrics

    return algorithm._replace(init=init, step=step)
