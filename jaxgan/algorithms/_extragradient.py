"""Extragradient, and its cheaper form that extrapolates from the past."""

from __future__ import annotations

from typing import Literal

import jax
import jax.numpy as jnp

from jaxgan.core.algorithm import (
    Algorithm,
    Optimizers,
    apply_updates,
    check_batches,
    flatten_metrics,
    make_context,
    make_init,
)
from jaxgan.core.field import Field
from jaxgan.core.optimizer import hold_schedules
from jaxgan.core.ranges import checked
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Batch, Key, Metrics, PlayerTree


@checked
def extragradient(
    field: Field, *, optimizers: Optimizers, batches: Literal["fresh", "same"] = "fresh"
) -> Algorithm:
    """All players step tentatively, look at the field there, and step from where they were.

    w_{t+½} = w_t - η ξ(w_t);  w_{t+1} = w_t - η ξ(w_{t+½}), with each player's own optimizer in
    place of η. Both half-steps go through the optimizer, whose moments and bias correction advance
    twice: with Adam this is ExtraAdam. Each half-step has fresh latents and a fresh real batch, or
    both have the same: a step of extragradient in the game of that very batch. A step counts as one
    update of each player, for lazy penalties and for schedules: both half-steps have the same
    learning rate. `optimizers.hold_schedules` says what else counts, and how.

    Args:
      field: such as `gradient(game)`.
      optimizers: one Optax transformation per player.
      batches: whether each half-step has `"fresh"` data and latents, or both the `"same"`.

    Returns:
      An `Algorithm` that consumes two batches per step, or one for both; metrics are those of the
      second half-step.

    Raises:
      ValueError: if the optimizers are not those of the game's players or, when played, there are
        not two batches.

    Example:
      On the bilinear game it contracts by √(1 - η² + η⁴) per step:

      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import bilinear
      >>> from jaxgan.optimizers import sgd
      >>> sgds = {"gen": sgd(0.5), "disc": sgd(0.5)}
      >>> algorithm = extragradient(gradient(bilinear()), optimizers=sgds)
      >>> state = algorithm.init(jax.random.key(0))
      >>> for step in range(3):
      ...     state, metrics = algorithm.step(state, {})
      ...     x, y = float(state.params["gen"][0]), float(state.params["disc"][0])
      ...     print(f"distance {(x * x + y * y) ** 0.5:.4f}")
      distance 1.2748
      distance 1.1490
      distance 1.0357

    References:
      Korpelevich, 1976; Gidel et al., 2019 (arXiv:1802.10551), algorithms 2 and 4. The same
      batch: Mishchenko et al., 2020 (arXiv:1905.11373).
    """
    init = make_init(field, optimizers=optimizers)

    is_same = batches == "same"

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        if is_same:
            batch = jax.tree.map(lambda x: jnp.stack([x, x]), batch)
        phases = (0, 0) if is_same else (0, 1)
        return two_half_steps(field, optimizers, state, batch, state.params, phases)

    return Algorithm(init=init, step=step, num_batches=() if is_same else (2,), field=field)


def two_half_steps(
    field: Field,
    optimizers: Optimizers,
    state: TrainState,
    batch: Batch,
    base: PlayerTree,
    phases: tuple[int, int] = (0, 1),
) -> tuple[TrainState, Metrics]:
    """base - η ξ(w), and from the field there base - η ξ(base - η ξ(w)).

    Args:
      field: ξ.
      optimizers: one per player, in place of η.
      state: with w, and the field's own memory.
      batch: two of them.
      base: from where both half-steps start.
      phases: of their contexts; of one number both draw the same.

    Returns:
      (the state after the second, its metrics).

    Raises:
      ValueError: if there are not two batches.

    Example:
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import bilinear
      >>> from jaxgan.optimizers import sgd
      >>> field, sgds = gradient(bilinear()), {"gen": sgd(0.5), "disc": sgd(0.5)}
      >>> state = make_init(field, optimizers=sgds)(jax.random.key(0))
      >>> state, _ = two_half_steps(field, sgds, state, {}, state.params)
      >>> state.params["gen"].tolist(), state.params["disc"].tolist()
      ([0.25], [1.25])

    References:
      Korpelevich, 1976.
    """
    check_batches(batch, 2)
    everyone = tuple(state.params)
    first, second = (jax.tree.map(lambda x, i=i: x[i], batch) for i in range(2))
    updates = dict.fromkeys(everyone, state.step)
    context = make_context(state, optimizers=optimizers, updates=updates, phase=phases[0])
    grads, memory, (net_state, _) = field.apply(
        state.params, state.memory, state.net_state, first, context
    )
    state = state._replace(params=base)
    half, opt_state = apply_updates(state, grads, optimizers=optimizers, players=everyone)
    state = state._replace(opt_state=hold_schedules(opt_state, state.opt_state))
    context = make_context(state, optimizers=optimizers, updates=updates, phase=phases[1])
    grads, memory, (net_state, metrics) = field.apply(half, memory, net_state, second, context)
    params, opt_state = apply_updates(state, grads, optimizers=optimizers, players=everyone)
    state = state._replace(
        step=state.step + 1,
        params=params,
        net_state=net_state,
        opt_state=opt_state,
        memory=memory,
    )
    return state, flatten_metrics(metrics)


@checked
def past_extragradient(field: Field, *, optimizers: Optimizers) -> Algorithm:
    """Extragradient that extrapolates along the last gradient: one evaluation per step, not two.

    w_{t+½} = w_t - η ξ(w_{t-½});  w_{t+1} = w_t - η ξ(w_{t+½}). The first step extrapolates by
    nothing. With plain descent the points w_{t+½} are those of optimistic gradient descent. Moments
    advance twice and schedules once per step, as in `extragradient`.

    Args:
      field: such as `gradient(game)`.
      optimizers: one Optax transformation per player.

    Returns:
      An `Algorithm` that consumes one batch per step and keeps one gradient in its memory.

    Raises:
      ValueError: if the optimizers are not those of the game's players.

    Example:
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import bilinear
      >>> from jaxgan.optimizers import sgd
      >>> sgds = {"gen": sgd(0.4), "disc": sgd(0.4)}
      >>> algorithm = past_extragradient(gradient(bilinear()), optimizers=sgds)
      >>> state = algorithm.init(jax.random.key(0))
      >>> for step in range(30):
      ...     state, metrics = algorithm.step(state, {})
      ...     if step % 10 == 9:
      ...         x, y = float(state.params["gen"][0]), float(state.params["disc"][0])
      ...         print(f"distance {(x * x + y * y) ** 0.5:.4f}")
      distance 0.6177
      distance 0.2025
      distance 0.0663

    References:
      Popov, 1980; Gidel et al., 2019 (arXiv:1802.10551), section 3.3.
    """
    first_state = make_init(field, optimizers=optimizers)

    def init(key: Key) -> TrainState:
        state = first_state(key)
        past = jax.tree.map(jnp.zeros_like, state.params)
        return state._replace(memory={"field": state.memory, "past": past})

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        everyone = tuple(state.params)
        updates = dict.fromkeys(everyone, state.step)
        half, opt_state = apply_updates(
            state, state.memory["past"], optimizers=optimizers, players=everyone
        )
        state = state._replace(opt_state=hold_schedules(opt_state, state.opt_state))
        context = make_context(state, optimizers=optimizers, updates=updates, phase=0)
        grads, memory, (net_state, metrics) = field.apply(
            half, state.memory["field"], state.net_state, batch, context
        )
        params, opt_state = apply_updates(state, grads, optimizers=optimizers, players=everyone)
        state = state._replace(
            step=state.step + 1,
            params=params,
            net_state=net_state,
            opt_state=opt_state,
            memory={"field": memory, "past": grads},
        )
        return state, flatten_metrics(metrics)

    return Algorithm(init=init, step=step, num_batches=(), field=field)
