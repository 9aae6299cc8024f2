"""Simultaneous play."""

from __future__ import annotations

from jaxgan.core.algorithm import (
    Algorithm,
    Optimizers,
    apply_updates,
    flatten_metrics,
    make_context,
    make_init,
)
from jaxgan.core.field import Field
from jaxgan.core.ranges import checked
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Batch, Metrics


@checked
def simultaneous(field: Field, *, optimizers: Optimizers) -> Algorithm:
    """All players move at once, each along the field at the same point.

    w_{t+1} = w_t - η ξ(w_t), with each player's own optimizer in place of η. One forward pass of
    the game per step.

    Args:
      field: such as `gradient(game)`.
      optimizers: one Optax transformation per player.

    Returns:
      An `Algorithm` that consumes one batch per step.

    Raises:
      ValueError: if the optimizers are not those of the game's players.

    Example:
      On the bilinear game plain descent spirals away from the equilibrium at the origin, by
      √(1 + η²) per step:

      >>> import jax
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import bilinear
      >>> from jaxgan.optimizers import sgd
      >>> sgds = {"gen": sgd(0.1), "disc": sgd(0.1)}
      >>> algorithm = simultaneous(gradient(bilinear()), optimizers=sgds)
      >>> state = algorithm.init(jax.random.key(0))
      >>> for step in range(3):
      ...     state, metrics = algorithm.step(state, {})
      ...     x, y = float(state.params["gen"][0]), float(state.params["disc"][0])
      ...     print(f"distance {(x * x + y * y) ** 0.5:.4f}")
      distance 1.4213
      distance 1.4284
      distance 1.4355

    References:
      Mescheder et al., 2017 (arXiv:1705.10461), algorithm 1.
    """
    init = make_init(field, optimizers=optimizers)

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        updates = dict.fromkeys(state.params, state.step)
        context = make_context(state, optimizers=optimizers, updates=updates, phase=0)
        grads, memory, (net_state, metrics) = field.apply(
            state.params, state.memory, state.net_state, batch, context
        )
        params, opt_state = apply_updates(
            state, grads, optimizers=optimizers, players=tuple(state.params)
        )
        state = state._replace(
            step=state.step + 1,
            params=params,
            net_state=net_state,
            opt_state=opt_state,
            memory=memory,
        )
        return state, flatten_metrics(metrics)

    return Algorithm(init=init, step=step, num_batches=(), field=field)
