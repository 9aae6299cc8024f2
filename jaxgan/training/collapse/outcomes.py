"""What became of a training, in one word, from the lines that it has logged."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

from jaxgan.core.errors import bad_value
from jaxgan.core.ranges import Several, checked
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
