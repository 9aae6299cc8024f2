"""Conditions on logged lines, from which the rules are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

History = Sequence[Mapping[str, float]]
"""Logged lines, the newest last, as `metrics.jsonl` has them."""

Condition = Callable[[History, float], bool]
"""(lines, slack) -> whether it holds; a slack above 1 makes it easier to hold."""

WINDOW = 8
"""Lines over which a condition must hold without a break."""

GAP = "mean logit gap"


def series(history: History, name: str) -> np.ndarray:
    """All values of one metric, from the lines that have it.

    Args:
      history: logged lines.
      name: the metric, or how it begins and `*`; `GAP` for the difference of the mean real and the
        mean generated logit.

    Returns:
      float64 [num].

    Example:
      >>> series([{"step": 1, "loss/gen": 0.5}, {"step": 2}], "loss/gen").tolist()
      [0.5]
    """
    if name == GAP:
        real, fake = (series(history, f"disc/{which}_out") for which in ("real", "fake"))
        return real - fake if len(real) == len(fake) else np.empty(0)
    if name.endswith("*"):
        full = {key for line in history for key in line if key.startswith(name[:-1])}
        name = min(full, default=name)
    return np.asarray([line[name] for line in history if name in line], float)


def stays_below(name: str, limit: float, num: int = WINDOW) -> Condition:
    """Whether a metric's last values are all below a limit.

    Args:
      name: the metric.
      limit: for a slack of 1.
      num: how many values.

    Returns:
      A `Condition`, which fails while there are fewer values, or one of them is NaN.

    Example:
      >>> holds = stays_below("disc/loss_slope", 0.1, num=2)
      >>> holds([{"disc/loss_slope": 0.15}] * 2, 1.0), holds([{"disc/loss_slope": 0.15}] * 2, 2.0)
      (False, True)
    """

    def holds(history: History, slack: float) -> bool:
        values = series(history, name)[-num:]
        bound = limit * slack if limit > 0 else limit / slack
        return len(values) == num and bool(np.all(values < bound))

    return holds


def stays_above(name: str, limit: float, num: int = WINDOW) -> Condition:
    """Whether a metric's last values are all above a positive limit.

    Args:
      name: the metric.
      limit: for a slack of 1.
      num: how many values.

    Returns:
      A `Condition`, which fails where one of them is not finite.

    Example:
      >>> stays_above("skipped", 0.1, num=1)([{"skipped": 0.2}], 1.0)
      True
    """

    def holds(history: History, slack: float) -> bool:
        values = series(history, name)[-num:]
        is_above = np.isfinite(values) & (values > limit / slack)
        return len(values) == num and bool(np.all(is_above))

    return holds


def stuck_below(name: str, limit: float, num: int = 3, growth: float = 1.2) -> Condition:
    """Whether a metric's last values are below a limit and not on their way up.

    Args:
      name: the metric, such as the spread of samples, which a fresh generator has yet to win.
      limit: for a slack of 1.
      num: how many values.
      growth: the last one may be at most so many times the first of them, at a slack of 1.

    Returns:
      A `Condition`.

    Example:
      >>> holds = stuck_below("samples/spread", 0.2)
      >>> rising, flat = [0.1, 0.12, 0.15], [0.1, 0.1, 0.1]
      >>> [holds([{"samples/spread": x} for x in values], 1.0) for values in (rising, flat)]
      [False, True]
    """
    is_low = stays_below(name, limit, num)

    def holds(history: History, slack: float) -> bool:
        if not is_low(history, slack):
            return False
        values = series(history, name)[-num:]
        return bool(values[-1] <= slack * growth * values[0])

    return holds


def bursts(name: str, factor: float, num: int = 3) -> Condition:
    """Whether a metric's last values are far above what it was before.

    Args:
      name: the metric, such as the norm of a gradient.
      factor: how far above all but a tenth of the values before.
      num: how many values.

    Returns:
      A `Condition`, which fails while there are fewer than `WINDOW` values before.

    Example:
      >>> lines = [{"gen/grad_norm": 1.0}] * 8 + [{"gen/grad_norm": 5e3}] * 3
      >>> bursts("gen/grad_norm", 1e3)(lines, 1.0)
      True
    """

    def holds(history: History, slack: float) -> bool:
        values = series(history, name)
        before, now = _finite(values[:-num]), values[-num:]
        if len(before) < WINDOW:
            return False
        # Not the median: a gradient that vanished and comes back does not explode.
        usual = np.quantile(before, 0.9)
        return bool(np.all(now > factor / slack * usual) and np.all(now > 0))

    return holds


def vanishes(name: str, share: float, floor: float, num: int = WINDOW) -> Condition:
    """Whether a metric's last values are next to nothing beside what it once was, or at all.

    Args:
      name: the metric, such as the norm of a gradient.
      share: of its upper quartile over all lines.
      floor: what is next to nothing in itself.
      num: how many values.

    Returns:
      A `Condition`.

    Example:
      >>> lines = [{"gen/grad_norm": 1.0}] * 8 + [{"gen/grad_norm": 1e-6}] * 8
      >>> vanishes("gen/grad_norm", 1e-4, 1e-8)(lines, 1.0)
      True
    """

    def holds(history: History, slack: float) -> bool:
        values = series(history, name)
        known, now = _finite(values), values[-num:]
        if len(now) < num or not len(known):
            return False
        return bool(np.all(now < slack * max(floor, share * np.quantile(known, 0.75))))

    return holds


def swings(name: str, reach: float, num_turns: int, num: int = 4 * WINDOW) -> Condition:
    """Whether a metric keeps going to and fro between the two sides of zero.

    Args:
      name: the metric.
      reach: how far it comes on either side, at a slack of 1.
      num_turns: how often it changes sides within the last values.
      num: how many values are looked at.

    Returns:
      A `Condition`.

    Example:
      >>> lines = [{"disc/separation": np.sin(0.7 * i)} for i in range(40)]
      >>> swings("disc/separation", 0.5, 4)(lines, 1.0)
      True
    """

    def holds(history: History, slack: float) -> bool:
        values = series(history, name)[-num:]
        sides = np.sign(values[np.abs(values) > reach / slack])
        return int(np.sum(sides[1:] != sides[:-1])) >= num_turns

    return holds


def rises(name: str, before: float, now: float) -> Condition:
    """Whether a metric has come from below one limit to stay above another.

    Args:
      name: the metric.
      before: its mean over some `WINDOW` values in a row was below this.
      now: the mean of its last `WINDOW` values is above this, at a slack of 1.

    Returns:
      A `Condition`.

    Example:
      >>> lines = [{"disc/real_sign": min(1.0, 0.02 * i)} for i in range(60)]
      >>> rises("disc/real_sign", 0.6, 0.9)(lines, 1.0)
      True
    """

    def holds(history: History, slack: float) -> bool:
        values = series(history, name)
        if len(values) < 2 * WINDOW:
            return False
        means = np.convolve(values, np.full(WINDOW, 1.0 / WINDOW), mode="valid")
        return bool(means[-1] > 1.0 - slack * (1.0 - now) and means[:-WINDOW].min() < before)

    return holds


def _finite(values: np.ndarray) -> np.ndarray:
    finite: np.ndarray = values[np.isfinite(values)]
    return finite


def every(*conditions: Condition) -> Condition:
    """Whether all of some conditions hold.

    Example:
      >>> holds = every(stays_below("a", 1.0, 1), stays_below("b", 1.0, 1))
      >>> holds([{"a": 0.5, "b": 2.0}], 1.0)
      False
    """
    return lambda history, slack: all(holds(history, slack) for holds in conditions)


def either(*conditions: Condition) -> Condition:
    """Whether one of some conditions holds.

    Example:
      >>> holds = either(stays_below("a", 1.0, 1), stays_below("b", 1.0, 1))
      >>> holds([{"a": 0.5, "b": 2.0}], 1.0)
      True
    """
    return lambda history, slack: any(holds(history, slack) for holds in conditions)
