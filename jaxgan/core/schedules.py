"""Scalars that may change with the step: every weight, rate and decay is one or the other."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import jax.numpy as jnp

from jaxgan.core.checks import is_traced, is_zero
from jaxgan.core.errors import bad_value
from jaxgan.core.ranges import (
    Count,
    Finite,
    FiniteSchedule,
    Fraction,
    Index,
    NonNegative,
    Positive,
    Range,
    checked,
)
from jaxgan.core.typing import Array, ScalarOrSchedule, Schedule

HalfLife = Positive | Annotated[Schedule, Range(at_least=0)]
"""A schedule may begin at 0, where the average is the value itself."""


def at(value: ScalarOrSchedule, step: Array) -> Array | float:
    """Reads a scalar or a schedule at `step`.

    Args:
      value: a number, or a function of the step count.
      step: int32 scalar.

    Returns:
      The value now: a Python float (weakly typed, so that it takes the dtype of what it
      meets) or what the schedule returns.

    Example:
      >>> at(0.5, jnp.int32(3)), float(at(lambda step: 2.0 * step.astype(float), jnp.int32(3)))
      (0.5, 6.0)
    """
    return value(step) if callable(value) else value


def scale(value: ScalarOrSchedule, factor: ScalarOrSchedule) -> ScalarOrSchedule:
    """The product of two scalars or schedules, again a scalar or a schedule.

    Args:
      value: a number or a schedule.
      factor: a number or a schedule.

    Returns:
      A number where both are numbers, a schedule otherwise.

    Example:
      >>> scale(2.0, 3.0), scale(2.0, lambda step: step)(5)
      (6.0, 10.0)
    """
    if callable(value) or callable(factor):
        return lambda step: at(value, step) * at(factor, step)
    return value * factor


def log(value: float) -> Array | float:
    """The logarithm of a number: a Python float, weakly typed, unless it is traced.

    Args:
      value: a number above 0.

    Returns:
      Its logarithm.

    Example:
      >>> log(1.0)
      0.0
    """
    return jnp.log(value) if is_traced(value) else math.log(value)


@dataclass(frozen=True, eq=False)
class Between:
    """A schedule that is known to stay between some values, so that checks can see them.

    Attributes:
      function: the schedule.
      reaches: values among which are the least and the largest that it takes.

    Example:
      >>> Between(lambda step: 0.1, (0.1,))(jnp.int32(3))
      0.1
    """

    function: Schedule
    reaches: tuple[float, ...]

    def __call__(self, step: Array) -> Array | float:
        """The value at a step."""
        return self.function(step)


@checked
def cosine(init_value: Finite, final_value: Finite, num_steps: Count) -> Schedule:
    """Half a cosine from `init_value` to `final_value`, constant afterwards.

    With t = min(step / num_steps, 1) the value is
    final + (init - final) (1 + cos πt) / 2. Unlike Optax's cosine decay it may also rise, and
    may start at zero.

    Args:
      init_value: the value at step 0.
      final_value: the value from `num_steps` on.
      num_steps: length of the change, in the steps that the schedule is given.

    Returns:
      A schedule.

    Raises:
      ValueError: if `num_steps` is not positive, or a value not finite.

    Example:
      >>> weight = cosine(10.0, 1.0, 100)
      >>> [round(float(weight(jnp.int32(step))), 3) for step in (0, 50, 100, 200)]
      [10.0, 5.5, 1.0, 1.0]

    References:
      Loshchilov & Hutter, SGDR, 2017 (arXiv:1608.03983); as used for every hyper-parameter of
      R3GAN (Huang et al., 2024, arXiv:2501.05441).
    """

    def schedule(step: Array) -> Array:
        progress = jnp.minimum(_share(step, 0, num_steps), 1.0)
        return final_value + (init_value - final_value) * 0.5 * (1.0 + jnp.cos(jnp.pi * progress))

    return Between(schedule, (init_value, final_value))


@checked
def exponential(
    init_value: Positive, final_value: Positive, num_steps: Count, start_step: Index = 0
) -> Schedule:
    """By the same factor in every step from `init_value` to `final_value`, constant around it.

    With t = clip((step - start) / num_steps, 0, 1) the value is init (final / init)^t.

    Args:
      init_value: the value up to `start_step`, above 0.
      final_value: the value from `start_step + num_steps` on, above 0.
      num_steps: length of the change, in the steps that the schedule is given.
      start_step: when the change begins.

    Returns:
      A schedule.

    Raises:
      ValueError: if a value or `num_steps` is not positive, or `start_step` is negative.

    Example:
      >>> rate = exponential(1.0, 0.01, num_steps=10, start_step=10)
      >>> [round(float(rate(jnp.int32(step))), 3) for step in (0, 10, 15, 20, 30)]
      [1.0, 1.0, 0.1, 0.01, 0.01]

    References:
      As for BiGAN's learning rate (Donahue et al., 2017, arXiv:1605.09782).
    """

    def schedule(step: Array) -> Array:
        progress = jnp.clip(_share(step, start_step, num_steps), 0.0, 1.0)
        return init_value * jnp.exp(progress * jnp.log(jnp.asarray(final_value / init_value)))

    return Between(schedule, (init_value, final_value))


@checked
def half_life(num_steps: HalfLife, rampup: NonNegative = 0.0) -> Schedule:
    """The decay of a moving average that forgets half of what it knew in so many steps.

    β_t = (1/2)^(1 / H_t) with H_t = min(H, r t), so that the average is as young as the run: at
    step 0 it is the value itself. Without a ramp-up H_t = H. A half-life in images is that in steps
    times the batch size.

    Args:
      num_steps: H, the half-life: a number or a schedule.
      rampup: r, the share of the training so far that the half-life does not exceed; 0 for no
        ramp-up.

    Returns:
      A schedule, for `transforms.ema` with `warmup=False`.

    Raises:
      ValueError: if `num_steps` is not positive or `rampup` is negative.

    Example:
      >>> decay = half_life(100.0, rampup=0.5)
      >>> [round(float(decay(jnp.int32(step))), 4) for step in (0, 2, 200, 10_000)]
      [0.0, 0.5, 0.9931, 0.9931]

    References:
      Karras et al., 2020 (arXiv:2006.06676), the `ema_kimg` and `ema_rampup` of its code; with H a
      cosine of the step in R3GAN's (Huang et al., 2024, arXiv:2501.05441).
    """

    def schedule(step: Array) -> Array:
        life = jnp.full((), at(num_steps, step), jnp.float32)
        if not is_zero(rampup):
            share = jnp.asarray(rampup, jnp.float32)
            ramp = jnp.minimum(life, share * jnp.asarray(step).astype(jnp.float32))
            life = jnp.where(share > 0, ramp, life)
        return jnp.exp2(-1.0 / jnp.maximum(life, 1e-8))

    return schedule


@checked
def linear(
    init_value: Finite, final_value: Finite, num_steps: Count, start_step: Index = 0
) -> Schedule:
    """A straight line from `init_value` to `final_value`, constant before and afterwards.

    With `start_step` of half the training it is the learning rate of pix2pix and CycleGAN.

    Args:
      init_value: the value up to `start_step`.
      final_value: the value from `start_step + num_steps` on.
      num_steps: length of the change, in the steps that the schedule is given.
      start_step: when the change begins.

    Returns:
      A schedule.

    Raises:
      ValueError: if `num_steps` is not positive, `start_step` negative, or a value not finite.

    Example:
      >>> noise = linear(0.1, 0.0, 10)
      >>> [round(float(noise(jnp.int32(step))), 3) for step in (0, 5, 20)]
      [0.1, 0.05, 0.0]
      >>> rate = linear(2.0, 0.0, num_steps=10, start_step=10)
      >>> [round(float(rate(jnp.int32(step))), 3) for step in (0, 10, 15, 20)]
      [2.0, 2.0, 1.0, 0.0]
    """

    def schedule(step: Array) -> Array:
        progress = jnp.clip(_share(step, start_step, num_steps), 0.0, 1.0)
        return init_value + (final_value - init_value) * progress

    return Between(schedule, (init_value, final_value))


@checked
def piecewise(values: Sequence[Finite], boundaries: Sequence[Count]) -> Schedule:
    """One value after the other, each constant from its step on.

    v_i with i the number of boundaries b_j ≤ step.

    Args:
      values: v_0, v_1, ...
      boundaries: b_0 < b_1 < ..., the steps at which v_1, v_2, ... begin: one fewer.

    Returns:
      A schedule.

    Raises:
      ValueError: if they are not so many, a value is not finite, or the boundaries are not integers
        that rise from above 0.

    Example:
      >>> rate = piecewise((1.0, 1.5, 3.0), (10, 20))
      >>> [float(rate(jnp.int32(step))) for step in (0, 9, 10, 19, 20, 99)]
      [1.0, 1.0, 1.5, 1.5, 3.0, 3.0]

    References:
      As the learning rate by resolution of StyleGAN (Karras et al., 2019, arXiv:1812.04948) and the
      two rates of SRGAN (Ledig et al., 2017, arXiv:1609.04802).
    """
    if len(boundaries) != len(values) - 1:
        raise ValueError(
            f"boundaries is {list(boundaries)}; it must have one step fewer than there are values, "
            f"{len(values)}"
        )
    if any(a >= b for a, b in itertools.pairwise((0, *boundaries))):
        raise ValueError(
            bad_value("boundaries", list(boundaries), "steps from 1 on, in increasing order")
        )

    def schedule(step: Array) -> Array:
        index = jnp.sum(jnp.asarray(step) >= jnp.asarray(boundaries, jnp.int32), dtype=jnp.int32)
        return jnp.asarray([*values], dtype=float)[index]

    return Between(schedule, tuple(values))


@checked
def step_decay(
    init_value: Positive, factor: Annotated[float, Range(above=0, at_most=1)], num_steps: Count
) -> Schedule:
    """Smaller by a factor every so many steps: v_t = v_0 f^⌊t / n⌋.

    Args:
      init_value: v_0, above 0.
      factor: f, above 0 and at most 1.
      num_steps: n, from drop to drop.

    Returns:
      A schedule.

    Raises:
      ValueError: if a number is out of its range.

    Example:
      >>> rate = step_decay(1.0, 0.5, num_steps=10)
      >>> [float(rate(jnp.int32(step))) for step in (0, 9, 10, 25)]
      [1.0, 1.0, 0.5, 0.25]

    References:
      Krizhevsky et al., ImageNet classification with deep convolutional neural networks, 2012.
    """

    def schedule(step: Array) -> Array:
        drops = jnp.asarray(step) // num_steps
        return init_value * jnp.power(jnp.asarray(factor, float), drops.astype(float))

    return Between(schedule, (init_value, 0.0))


@checked
def warmup(then: FiniteSchedule, num_steps: Count, start: Fraction = 0.0) -> Schedule:
    """A schedule that grows into itself: v_t (s + (1 - s) min(t / n, 1)).

    Args:
      then: v, a number or a schedule; its steps are counted from the beginning too.
      num_steps: n, how long it grows.
      start: s, the share of v at step 0.

    Returns:
      A schedule.

    Raises:
      ValueError: if a number is out of its range.

    Example:
      >>> rate = warmup(2.0, num_steps=4, start=0.5)
      >>> [float(rate(jnp.int32(step))) for step in (0, 2, 4, 9)]
      [1.0, 1.5, 2.0, 2.0]
      >>> rate = warmup(linear(1.0, 0.0, num_steps=10), num_steps=5)
      >>> [round(float(rate(jnp.int32(step))), 2) for step in (0, 1, 5, 10)]
      [0.0, 0.18, 0.5, 0.0]

    References:
      Goyal et al., 2017 (arXiv:1706.02677).
    """

    def schedule(step: Array) -> Array:
        share = start + (1.0 - start) * jnp.minimum(_share(step, 0, num_steps), 1.0)
        return share * at(then, step)

    reaches = getattr(then, "reaches", () if callable(then) else (then,))
    return Between(schedule, (*reaches, *(start * value for value in reaches)))


def _share(step: Array, start_step: int, num_steps: int) -> Array:
    """How much of a change is over; below 0 before it, above 1 after."""
    now = jnp.asarray(step)
    if is_traced(start_step) or is_traced(num_steps):
        now = now.astype(jnp.result_type(float))
    return (now - start_step) / num_steps
