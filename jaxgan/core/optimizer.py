"""Optax's transformations in a strict session, around others, and the steps that they count."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxgan.core.ranges import NonNegative, NonNegativeSchedule, PositiveSchedule, checked
from jaxgan.core.schedules import scale
from jaxgan.core.text import did_you_mean
from jaxgan.core.typing import Array, Params, PyTree

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


@checked
def clip_gradients(
    optimizer: optax.GradientTransformation, *, norm: PositiveSchedule
) -> optax.GradientTransformation:
    """Shortens a player's gradient to a length before it is used: g min(1, c / ‖g‖).

    Args:
      optimizer: any Optax transformation.
      norm: c, a number or a schedule of this player's updates.

    Returns:
      An `optax.GradientTransformation`.

    Raises:
      ValueError: if the norm is not positive.

    Example:
      >>> from jaxgan.optimizers import sgd
      >>> optimizer, w = clip_gradients(sgd(1.0), norm=1.0), jnp.zeros(2)
      >>> w, _ = update(optimizer, jnp.asarray([3.0, 4.0]), init(optimizer, w), w)
      >>> [round(float(x), 3) for x in w]
      [-0.6, -0.8]

    References:
      Pascanu et al., 2013 (arXiv:1211.5063).
    """
    factory: Any = optax.clip_by_global_norm
    clip = optax.inject_hyperparams(factory)(max_norm=norm) if callable(norm) else factory(norm)
    return optax.chain(clip, optimizer)


@checked
def decay_weights(
    optimizer: optax.GradientTransformation,
    *,
    weight: NonNegativeSchedule,
    learning_rate: NonNegativeSchedule,
) -> optax.GradientTransformation:
    """Decoupled weight decay: w ← w + u - η λ w, u the optimizer's update.

    Args:
      optimizer: any Optax transformation.
      weight: λ, a number or a schedule of this player's updates.
      learning_rate: η, that of the optimizer.

    Returns:
      An `optax.GradientTransformation` that needs the parameters.

    Raises:
      ValueError: if a number is negative.

    Example:
      >>> from jaxgan.optimizers import sgd
      >>> optimizer, w = decay_weights(sgd(0.5), weight=0.1, learning_rate=0.5), jnp.ones(1)
      >>> w, _ = update(optimizer, jnp.zeros(1), init(optimizer, w), w)
      >>> round(float(w[0]), 4)
      0.95

    References:
      Loshchilov & Hutter, 2019 (arXiv:1711.05101).
    """
    factory: Any = _shrinking
    rate = scale(learning_rate, weight)
    shrink = optax.inject_hyperparams(factory)(rate=rate) if callable(rate) else factory(rate)
    return optax.chain(optimizer, shrink)


def _shrinking(rate: Array) -> optax.GradientTransformation:
    def update(updates: PyTree, params: Params) -> PyTree:
        return jax.tree.map(lambda u, w: u - jnp.asarray(rate, w.dtype) * w, updates, params)

    return optax.stateless(update)


@checked
def with_rates(
    optimizer: optax.GradientTransformation, *, rates: Mapping[str, NonNegative]
) -> optax.GradientTransformation:
    """Other learning rates for some parameters: their updates, times a factor.

    Args:
      optimizer: any Optax transformation.
      rates: factors by patterns of paths, such as `{"mapping/*": 0.01}`; `*` stands for anything,
        slashes too. Of several that match the last one counts; 0 keeps parameters as they are.

    Returns:
      An `optax.GradientTransformation`.

    Raises:
      ValueError: if a factor is negative or, where it is initialized, a pattern matches nothing.

    Example:
      >>> from jaxgan.optimizers import sgd
      >>> w = {"mapping": {"kernel": jnp.zeros(1)}, "out": {"kernel": jnp.zeros(1)}}
      >>> optimizer = with_rates(sgd(1.0), rates={"mapping/*": 0.5})
      >>> ones = jax.tree.map(jnp.ones_like, w)
      >>> w, _ = update(optimizer, ones, init(optimizer, w), w)
      >>> w["mapping"]["kernel"].tolist(), w["out"]["kernel"].tolist()
      ([-0.5], [-1.0])
      >>> init(with_rates(sgd(1.0), rates={"maping/*": 0.5}), w)
      Traceback (most recent call last):
      ...
      ValueError: rates: 'maping/*' matches no parameter of mapping/kernel, out/kernel; did you \
mean mapping/* or mapping/kernel?
    """

    def named(tree: PyTree) -> list[str]:
        pairs = jax.tree_util.tree_leaves_with_path(tree)
        return [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in pairs]

    def check(params: Params) -> optax.EmptyState:
        names = named(params)
        for pattern in rates:
            if not any(fnmatch.fnmatchcase(name, pattern) for name in names):
                raise ValueError(_no_match(pattern, names))
        return optax.EmptyState()

    def scaled(
        updates: PyTree, state: optax.EmptyState, params: Params | None = None
    ) -> tuple[PyTree, optax.EmptyState]:
        factors = []
        for name in named(updates):
            found = [rate for pattern, rate in rates.items() if fnmatch.fnmatchcase(name, pattern)]
            factors.append(found[-1] if found else None)
        leaves, structure = jax.tree.flatten(updates)
        new = [
            leaf if factor is None else jnp.asarray(factor, leaf.dtype) * leaf
            for leaf, factor in zip(leaves, factors, strict=True)
        ]
        return jax.tree.unflatten(structure, new), state

    return optax.chain(optimizer, optax.GradientTransformation(check, scaled))


def _no_match(pattern: str, names: list[str]) -> str:
    parts = [name.split("/") for name in names]
    above = {"/".join([*part[:depth], "*"]) for part in parts for depth in range(1, len(part))}
    hint = did_you_mean(pattern, [*names, *sorted(above)])
    listed = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
    return f"rates: {pattern!r} matches no parameter of {listed}{hint and ';'}{hint}"
