"""What became of a training, in one word, from the lines that it has logged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Literal, NamedTuple, get_args

from scipy import special

from jaxgan.core.errors import bad_value
from jaxgan.core.ranges import Count, Index, Range, Several, checked
from jaxgan.training.collapse.conditions import History, series
from jaxgan.training.collapse.rules import diagnose
from jaxgan.training.nonfinite import nonfinite

Word = Literal["healthy", "collapsed", "diverged"]
WORDS: tuple[Word, ...] = get_args(Word)

COLLAPSE_RULES = ("mode-collapse", "repeated-samples", "classes-missing")
"""Rules of the watch that say that samples have lost their variety. The others say how that may
come: a run that is at odds for a while need not be lost."""

_COVERED = ("eval/num_modes", "eval/classes_covered*")
_SCORES = "eval/"


class Outcome(NamedTuple):
    """What became of a training.

    Attributes:
      word: `"healthy"`, `"collapsed"` or `"diverged"`.
      reason: why, with numbers.
    """

    word: Word
    reason: str


@checked
def outcome(history: History, *, num_modes: Several | None = None) -> Outcome:
    """Says what became of a training: a pure function of its lines.

    In this order:

    - *diverged*: a logged number of the step is not finite, or at the last line no step is taken
      any more, since it would lose numbers (`skip_nonfinite`);
    - *collapsed*: the last samples cover fewer than half of the modes, or classes, of the data; or
      at the last line one of `COLLAPSE_RULES` holds, as `diagnose` finds it;
    - *healthy*: all others.

    Args:
      history: logged lines, the newest last, as `diagnose` takes them. `eval/num_modes` or
        `eval/classes_covered...` is how many of the modes or classes are covered.
      num_modes: of the data; None where they have none that are counted.

    Returns:
      An `Outcome`.

    Raises:
      ValueError: if there are no lines, or `num_modes` is below 2.

    Example:
      >>> outcome([{"step": 10, "loss/gen": 0.7, "eval/num_modes": 7}], num_modes=8)
      Outcome(word='healthy', reason='7 of 8 modes')
      >>> outcome([{"step": 10, "loss/gen": 0.7, "eval/num_modes": 3}], num_modes=8)
      Outcome(word='collapsed', reason='3 of 8 modes')
      >>> outcome([{"step": 10, "loss/gen": float("nan")}]).word
      'diverged'
    """
    if not history:
        raise ValueError(bad_value("history", [], "at least one line"))
    for line in history:
        lost = nonfinite({k: v for k, v in line.items() if not k.startswith(_SCORES)})
        for name, value in lost.items():
            return Outcome("diverged", f"{name} is {value:g} at step {line.get('step', 0):g}")
    if history[-1].get("skipped", 0.0) >= 1.0:
        return Outcome("diverged", "no step is taken any more, since it would lose numbers")
    reason = "no rule of the watch speaks of collapse"
    if num_modes is not None:
        for name in _COVERED:
            if len(covered := series(history, name)):
                kind = "modes" if name == _COVERED[0] else "classes"
                reason = f"{covered[-1]:g} of {num_modes} {kind}"
                if covered[-1] < num_modes / 2:
                    return Outcome("collapsed", reason)
    for found in diagnose(history):
        if found.name in COLLAPSE_RULES:
            return Outcome("collapsed", found.text)
    return Outcome("healthy", reason)


class Share(NamedTuple):
    """A share that was counted, and where the probability behind it may lie.

    Attributes:
      num: how many were.
      total: of how many.
      low: the lower end of the interval.
      high: the upper end.
    """

    num: int
    total: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """The share itself."""
        return self.num / self.total


@checked
def share_of(
    num: Index, total: Count, *, confidence: Annotated[float, Range(above=0, below=1)] = 0.95
) -> Share:
    """A counted share with its interval of Clopper and Pearson.

    With a = 1 - `confidence`, k = `num` and n = `total` the ends are the quantiles

      low  = Beta⁻¹(a/2; k, n - k + 1), 0 where k = 0,
      high = Beta⁻¹(1 - a/2; k + 1, n - k), 1 where k = n,

    so that P(Bin(n, low) >= k) = P(Bin(n, high) <= k) = a/2. Whatever the probability is, intervals
    made like this miss it in at most the share a of all cases.

    Args:
      num: how many were.
      total: of how many, each independent of the others.
      confidence: of the interval.

    Returns:
      A `Share`.

    Raises:
      ValueError: if `num` is above `total`, or a number out of its range.

    Example:
      >>> found = share_of(0, 32)
      >>> found.value, found.low, round(found.high, 3)
      (0.0, 0.0, 0.109)

    References:
      Clopper & Pearson, 1934; Brown, Cai & DasGupta, 2001, section 4.2.1.
    """
    if num > total:
        raise ValueError(bad_value("num", num, f"at most total, {total}"))
    tail = (1.0 - confidence) / 2.0
    low = special.betaincinv(num, total - num + 1, tail) if num else 0.0
    high = special.betaincinv(num + 1, total - num, 1.0 - tail) if num < total else 1.0
    return Share(num, total, float(low), float(high))


class NoReturn(NamedTuple):
    """The point of no return, as far as it was found.

    Attributes:
      after: the last step from which at least half of the futures are healthy; None if none is.
      by: the next step that was looked at; None if there is none, and nothing was lost.
      is_sure: whether the intervals at both are on their sides of one half.
    """

    after: int | None
    by: int | None
    is_sure: bool


def no_return(shares: Mapping[int, Share]) -> NoReturn:
    """The step after which a run was lost: the last one from which it still had even chances.

    Args:
      shares: of healthy futures, by the step that they begin at.

    Returns:
      A `NoReturn`.

    Example:
      >>> no_return({0: share_of(32, 32), 100: share_of(30, 32), 200: share_of(1, 32)})
      NoReturn(after=100, by=200, is_sure=True)
      >>> no_return({0: share_of(32, 32)})
      NoReturn(after=0, by=None, is_sure=True)
    """
    after = max((step for step, one in shares.items() if one.value >= 0.5), default=None)
    later = [step for step in shares if after is None or step > after]
    by = min(later, default=None)
    is_sure = (after is None or shares[after].low > 0.5) and (by is None or shares[by].high < 0.5)
    return NoReturn(after, by, is_sure)


def bisect(steps: Sequence[int], healthy: Callable[[int], Share]) -> dict[int, Share]:
    """Looks for the point of no return in about log2 of the steps, rather than at all of them.

    That takes chances for falling with the steps; what is found is a pair of neighbors between
    which they fall below one half, of which there may be several.

    Args:
      steps: in order.
      healthy: the share of healthy futures from a step on.

    Returns:
      What was found at the steps that were looked at, for `no_return`: the first and the last, and
      if the chances fall between them those that it took to find where.

    Example:
      >>> steps = range(0, 1000, 100)
      >>> found = bisect(steps, lambda step: share_of(32 if step < 450 else 0, 32))
      >>> list(found), no_return(found)
      ([0, 900, 400, 600, 500], NoReturn(after=400, by=500, is_sure=True))
    """
    low, high = 0, len(steps) - 1
    found = {steps[at]: healthy(steps[at]) for at in dict.fromkeys((low, high))}
    if found[steps[low]].value < 0.5 or found[steps[high]].value >= 0.5:
        return found
    while high - low > 1:
        middle = (low + high) // 2
        found[steps[middle]] = healthy(steps[middle])
        low, high = (middle, high) if found[steps[middle]].value >= 0.5 else (low, middle)
    return found
