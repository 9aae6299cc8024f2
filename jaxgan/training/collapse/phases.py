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

    Of a game without data, by what the trajectory did. With an equilibrium at the origin its lines
    have `distance`, which goes as max |μ|^t near there, μ being the multipliers of a step: from the
    second quarter of the lines to the last one it shrinks, grows or, within `STEADY`, stays. It
    *converges* where that shrinks, or stays and the largest `multiplier` |μ| is below 1; *diverges*
    where it grows, numbers are lost, or it stays at more than `FAR` times the first one; and
    otherwise *cycles*, as it does where it shrinks though |μ| is 1 or more. Without such an
    equilibrium lines have `moved`, the length of a step, which says the same.

    Args:
      history: logged lines, the newest last.
      num_modes: of the data; None where they have none that are counted.
      multiplier: max |μ| of a step at the origin; None where it is not known.

    Returns:
      A `Found`.

    Raises:
      ValueError: if there are no lines, or a number is out of its range.

    Example:
      >>> def spiral(mu):
      ...     lines = [{"step": step, "distance": mu**step} for step in range(100)]
      ...     return phase(lines, multiplier=mu).phase
      >>> spiral(0.9), spiral(1.0), spiral(1.1)
      ('converges', 'cycles', 'diverges')
    """
    found = outcome(history, num_modes=num_modes)
    if found.word == "diverged":
        return Found("diverges", found.reason)
    for name, what in {DISTANCE: "the distance", MOVED: "a step's length"}.items():
        if len(values := series(history, name)):
            return _of_trajectory(values, what, multiplier)
    if found.word == "collapsed":
        return Found("collapses", found.reason)
    for one in diagnose(history):
        if one.name == "oscillation":
            return Found("cycles", one.text)
    return Found("converges", found.reason)


def _of_trajectory(values: np.ndarray, what: str, multiplier: float | None) -> Found:
    if len(values) < 4:
        raise ValueError(f"there are {len(values)} lines of {what}; 4 or more say where it goes")
    quarter = len(values) // 4
    before = float(np.mean(values[quarter : 2 * quarter]))
    now = float(np.mean(values[-quarter:]))
    if now <= AT_REST * float(np.max(values)):
        return Found("converges", f"{what} went to {now:.2g}")
    change = now / before if before else math.inf
    reason = f"{what} is {change:.3g} times what it was"
    if change > 1.0 + STEADY:
        return Found("diverges", reason)
    if multiplier is not None:
        reason = f"{reason}, and |μ| is {multiplier:.4g}"
    if multiplier < 1.0 if multiplier is not None else change < 1.0 - STEADY:
        return Found("converges", reason)
    return Found("diverges" if now > FAR * values[0] else "cycles", reason)
