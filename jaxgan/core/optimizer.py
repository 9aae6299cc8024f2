"""Optax's transformations in a strict session, and the steps that their schedules count."""

from __future__ import annotations

import jax
import optax

from jaxgan.core.typing import Params, PyTree

_Injected = optax.schedules.InjectStatefulHyperparamsState
"""What `optax.inject_hyperparams` keeps."""


def init(optimizer: optax.GradientTransformation, params: Params) -> PyTree:
    """Initial optimizer state; see `update` for why this is not `optimizer.init`.

    Args:
      optimizer: any Optax transformation.
      params: one player's parameters.

    Returns:
      The optimizer's state.

    Example:
      >>> import jax.numpy as jnp
      >>> from jaxgan.optimizers import sgd
      >>> type(init(sgd(0.1, momentum=0.9), jnp.zeros(2))[0]).__name__
      'TraceState'
    """
    with jax.numpy_dtype_promotion("standard"):
        return optimizer.init(params)


def update(
    optimizer: optax.GradientTransformation, grads: PyTree, opt_state: PyTree, params: Params
) -> tuple[Params, PyTree]:
    """One optimizer step, the single place where Optax is called.

    Several of Optax's transformations mix dtypes and so raise in a session with strict dtype
    promotion; here they run under the standard rules.

    Args:
      optimizer: any Optax transformation.
      grads: one player's gradients, shaped as `params`.
      opt_state: its optimizer state.
      params: its parameters.

    Returns:
      The new parameters and the new optimizer state.

    Example:
      >>> import jax.numpy as jnp
      >>> from jaxgan.optimizers import sgd
      >>> params, _ = update(sgd(0.5), jnp.ones(2), init(sgd(0.5), jnp.ones(2)), jnp.ones(2))
      >>> params.tolist()
      [0.5, 0.5]
    """
    with jax.numpy_dtype_promotion("standard"):
        updates, opt_state = optimizer.update(grads, opt_state, params)
        return optax.apply_updates(params, updates), opt_state


def hold_schedules(opt_state: PyTree, past: PyTree) -> PyTree:
    """An optimizer's state whose schedules have not counted since `past`; all else is as it is.

    For updates that are tentative: moments and their bias corrections have seen a gradient, but a
    step's worth of schedule has not gone by. Schedules are Optax's `scale_by_schedule` (so the
    learning rate of any optimizer) and `inject_hyperparams` (so every schedule of the factories
    here), at any depth of chains, masks and partitions. What else counts its calls counts this
    one too: `MultiSteps`, `add_noise`, `conditionally_transform`, Optax's own `lookahead`.

    Args:
      opt_state: the state now, of one optimizer or of several in a tree.
      past: the state before, of the same structure.

    Returns:
      A state of that structure.

    Example:
      >>> import jax.numpy as jnp
      >>> from jaxgan.optimizers import adam
      >>> optimizer, w = adam(optax.linear_schedule(0.1, 0.0, 10)), jnp.zeros(1)
      >>> past = init(optimizer, w)
      >>> _, new = update(optimizer, w, past, w)
      >>> [[int(part.count) for part in state] for state in (new, hold_schedules(new, past))]
      [[1, 1], [1, 0]]
    """

    def hold(new: PyTree, old: PyTree) -> PyTree:
        if isinstance(new, optax.ScaleByScheduleState):
            return old
        if isinstance(new, _Injected):
            return old._replace(inner_state=hold_schedules(new.inner_state, old.inner_state))
        return new

    def is_schedule(node: PyTree) -> bool:
        return isinstance(node, optax.ScaleByScheduleState | _Injected)

    return jax.tree.map(hold, opt_state, past, is_leaf=is_schedule)
