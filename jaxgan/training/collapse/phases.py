"""Which phase of a diagram a training is in: converges, cycles, collapses or diverges."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, get_args

import numpy as np

from jaxgan.core.ranges import NonNegative, Several, checked
from jaxgan.training.collapse.conditions import History, series
from jaxgan.training.collapse.outcomes import outcome
from jaxgan.training.collapse.rules import diagnose

Phase = Literal["converges", "cycles", "collapses", "diverges"]
PHASES: tuple[Phase, ...] = get_args(Phase)

DISTANCE, MOVED = "distance", "moved"
"""The metrics that say how far all parameters together are from the origin, and went in a step."""

STEADY = 0.02
"""What changes by less than this share stays."""

AT_REST = 1e-4
"""As a share of the largest value: below that nothing moves any more."""

FAR = 3.0
"""So many times the first distance is no cycle around an equilibrium."""


class Found(NamedTuple):
    """The phase of a training.

    Attributes:
      phase: one of `PHASES`.
      reason: why, with numbers.
    """

    phase: Phase
    reason: str


@checked
def phase(
    history: History, *, num_modes: Several | None = None, multiplier: NonNegative | None = None
) -> Found:
    """Says which phase a training is in: a pure function of its lines.

    Of a game on data, by `outcome`: *diverges* where numbers are lost, *collapses* where modes are,
    *cycles* where the watch finds an oscillation, otherwise *converges*.

    Of a game without data, whose lines have `distance` and `moved`, by what the trajectory did. If
    the origin is an equilibrium, whose largest `multiplier` |μ| is known, the distance goes as
    |μ|^t: from the second quarter of the lines to the last one it shrinks, grows or, within
    `STEADY`, stays. It *converges* where |μ| < 1 and the distance shrinks or stays; *diverges*
    where that grows, numbers are lost, or it stays at more than `FAR` times the first one; and
    otherwise *cycles*. If not, likewise by the length of a step alone.

    Args:
      history: logged lines, the newest last.
      num_modes: of the data; None where they have none that are counted.
      multiplier: max |μ| of a step at the origin; None where that is no equilibrium.

    Returns:
      A `Found`.

    Raises:
      ValueError: if there are no lines, or a number is out of its range.

    Example:
      >>> def spiral(mu):
      ...     lines = [{"step": t, "distance": mu**t, "moved": 0.1 * mu**t} for t in range(100)]
      ...     return phase(lines, multiplier=mu).phase
      >>> spiral(0.9), spiral(1.0), spiral(1.1)
      ('converges', 'cycles', 'diverges')
    """
    found = outcome(history, num_modes=num_modes)
    if found.word == "diverged":
        return Found("diverges", found.reason)
    moved = series(history, MOVED)
    if len(moved):
        at_origin = multiplier is not None
        values = series(history, DISTANCE) if at_origin else moved
        return _of_trajectory(values, multiplier)
    if found.word == "collapsed":
        return Found("collapses", found.reason)
    for one in diagnose(history):
        if one.name == "oscillation":
            return Found("cycles", one.text)
    return Found("converges", found.reason)


def _of_trajectory(values: np.ndarray, multiplier: float | None) -> Found:
    what = "a step's length" if multiplier is None else "the distance"
    quarter = max(1, len(values) // 4)
    before = float(np.mean(values[quarter : 2 * quarter]))
    now = float(np.mean(values[-quarter:]))
    if len(values) < 2 or now <= AT_REST * float(np.max(values)):
        return Found("converges", f"{what} went to {now:.2g}")
    change = now / before if before else math.inf
    reason = f"{what} is {change:.3g} times what it was"
    if change > 1.0 + STEADY:
        return Found("diverges", reason)
    if multiplier is None:
        return Found("converges" if change < 1.0 - STEADY else "cycles", reason)
    if multiplier < 1.0:
        return Found("converges", f"{reason}, and |μ| is {multiplier:.4g}")
    is_far = now > FAR * values[0]
    return Found("diverges" if is_far else "cycles", f"{reason}, and |μ| is {multiplier:.4g}")
