"""Extragradient with an anchor."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxgan.algorithms._extragradient import two_half_steps
from jaxgan.core.algorithm import Algorithm, Optimizers, make_init
from jaxgan.core.field import Field
from jaxgan.core.ranges import checked
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Array, Batch, Key, Metrics, PlayerTree


@checked
def extra_anchored(field: Field, *, optimizers: Optimizers) -> Algorithm:
    """Extragradient steps from a point that is drawn back to where training began.

    b = w_t + (w_0 - w_t) / (t + 2);  w_{t+½} = b - η ξ(w_t);  w_{t+1} = b - η ξ(w_{t+½}), with
    each player's own optimizer in place of η. In a smooth convex-concave game the squared norm of
    the field at the last iterate falls as 1/t², which is the best that any method of first order
    can promise; extragradient's falls as 1/t. Batches, moments and schedules are those of
    `extragradient`.

    Args:
      field: such as `gradient(game)`.
      optimizers: one Optax transformation per player.

    Returns:
      An `Algorithm` that consumes two batches per step and keeps the initial parameters in its
      memory; metrics are those of the second half-step.

    Raises:
      ValueError: if the optimizers are not those of the game's players or, when played, there are
        not two batches.

    Example:
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import bilinear
      >>> from jaxgan.optimizers import sgd
      >>> sgds = {"gen": sgd(0.5), "disc": sgd(0.5)}
      >>> algorithm = extra_anchored(gradient(bilinear()), optimizers=sgds)
      >>> state = algorithm.init(jax.random.key(0))
      >>> for step in range(100):
      ...     state, metrics = algorithm.step(state, {})
      ...     if step in (24, 49, 99):
      ...         x, y = float(state.params["gen"][0]), float(state.params["disc"][0])
      ...         print(f"distance {(x * x + y * y) ** 0.5:.3f}")
      distance 0.111
      distance 0.055
      distance 0.028

    References:
      Yoon & Ryu, 2021 (arXiv:2102.07922), EAG with a constant step size.
    """
    first_state = make_init(field, optimizers=optimizers)

    def init(key: Key) -> TrainState:
        state = first_state(key)
        anchor = jax.tree.map(jnp.copy, state.params)
        return state._replace(memory={"field": state.memory, "anchor": anchor})

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        anchor = state.memory["anchor"]

        def nearer(now: Array, begun: Array) -> Array:
            return now + (begun - now) / (state.step + 2).astype(now.dtype)

        base: PlayerTree = jax.tree.map(nearer, state.params, anchor)
        state = state._replace(memory=state.memory["field"])
        state, metrics = two_half_steps(field, optimizers, state, batch, base)
        return state._replace(memory={"field": state.memory, "anchor": anchor}), metrics

    return Algorithm(init=init, step=step, num_batches=(2,), field=field)
