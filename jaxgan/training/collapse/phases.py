"""Which phase of a diagram a training is in: converges, cycles, collapses or diverges."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, get_args

import numpy as np

from jaxgan.core.ranges import Several, checked
from jaxgan.training.collapse.conditions import History, series
from jaxgan.training.collapse.outcomes import outcome
from jaxgan.training.collapse.rules import diagnose

Phase = Literal["converges", "cycles", "collapses", "diverges"]
PHASES: tuple[Phase, ...] = get_args(Phase)

MOVED = "moved"
"""The metric that says how far all parameters together went in a step."""

STEADY = 0.02
"""A step's length that changes by less than this share is that of a cycle."""

AT_REST = 1e-4
"""A step's length, as a share of the largest, below which nothing moves any more."""


class Found(NamedTuple):
    """The phase of a training.

    Attributes:
      phase: one of `PHASES`.
      reason: why, with numbers.
    """

    phase: Phase
    reason: str


@checked
def phase(history: History, *, num_modes: Several | None = None) -> Found:
    """Says which phase a training is in: a pure function of its lines.

    Of a game on data, by `outcome`: *diverges* where numbers are lost, *collapses* where modes are,
    *cycles* where the watch finds an oscillation, otherwise *converges*.

    Of a game without data, whose lines have `moved`, by what the trajectory did: near a fixed point
    with multipliers μ a step's length goes as max |μ|^t. It *converges* where that shrinks from the
    second quarter of the lines to the last one, *diverges* where it grows or numbers are lost, and
    *cycles* where it stays within `STEADY`.

    Args:
      history: logged lines, the newest last.
      num_modes: of the data; None where they have none that are counted.

    Returns:
      A `Found`.

    Raises:
      ValueError: if there are no lines, or `num_modes` is below 2.

    Example:
      >>> def spiral(mu):
      ...     return phase([{"step": step, "moved": mu**step} for step in range(100)]).phase
      >>> spiral(0.9), spiral(1.0), spiral(1.1)
      ('converges', 'cycles', 'diverges')
    """
    found = outcome(history, num_modes=num_modes)
    if found.word == "diverged":
        return Found("diverges", found.reason)
    moved = series(history, MOVED)
    if len(moved):
        return _of_trajectory(moved)
    if found.word == "collapsed":
        return Found("collapses", found.reason)
    for one in diagnose(history):
        if one.name == "oscillation":
            return Found("cycles", one.text)
    return Found("converges", found.reason)


def _of_trajectory(moved: np.ndarray) -> Found:
    quarter = max(1, len(moved) // 4)
    before = float(np.mean(moved[quarter : 2 * quarter]))
    now = float(np.mean(moved[-quarter:]))
    if len(moved) < 2 or now <= AT_REST * float(np.max(moved)):
        return Found("converges", f"a step's length went to {now:.2g}")
    change = now / before if before else math.inf
    reason = f"a step's length is {change:.3g} times what it was"
    if abs(change - 1.0) < STEADY:
        return Found("cycles", reason)
    return Found("converges" if change < 1.0 else "diverges", reason)
