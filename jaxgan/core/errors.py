"""Errors that are a line for their user, and the words of such a line."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jaxgan.core.text import did_you_mean, escaped, shown


def bad_value(name: str, value: Any, allowed: str | Iterable[Any]) -> str:
    """The message of an error about a value: `NAME is VALUE; it must be ALLOWED`.

    Args:
      name: of the argument, flag or key.
      value: that was given.
      allowed: in words, or the values themselves; of names, those near to the value are hinted at.

    Returns:
      One line.

    Example:
      >>> bad_value("num", 0, "at least 1")
      'num is 0; it must be at least 1'
      >>> bad_value("name", "hing", ["hinge", "minimax"])
      "name is 'hing'; it must be 'hinge' or 'minimax'; did you mean hinge?"
    """
    if isinstance(allowed, str):
        return f"{name} is {shown(value)}; it must be {allowed}"
    known = list(allowed)
    *others, last = [shown(one) for one in known] or ["left out"]
    listed = f"{', '.join(others)} or {last}" if others else last
    hint = did_you_mean(value, [one for one in known if isinstance(one, str)])
    return f"{name} is {shown(value)}; it must be {listed}{hint and ';'}{hint}"


class InputError(ValueError):
    """Bad input: a file, a flag, a config, data. The message is one line, for the user.

    The others are for callers that tell them apart. The command line ends with that line and exit
    code 2; any other exception is a fault of ours, and has its traceback.

    Example:
      >>> raise InputError(bad_value("num", 0, "at least 1"))
      Traceback (most recent call last):
      ...
      jaxgan.core.errors.InputError: num is 0; it must be at least 1
    """


class ConfigError(InputError):
    """A config that cannot be used."""


class DataError(InputError):
    """Data that cannot be used."""


class UnreadableError(DataError):
    """Files that cannot be read.

    Args:
      name: of the source.
      broken: (file, what is wrong with it) of each.

    >>> str(UnreadableError("cats", [("a.png", "not an image")]))
    'cats: cannot read a.png (not an image); remove or replace the file'
    """

    def __init__(self, name: str, broken: Sequence[tuple[str, str]]) -> None:
        self.name = name
        self.broken = list(broken)
        listed = ", ".join(f"{file} ({reason})" for file, reason in broken)
        one = len(broken) == 1
        super().__init__(
            f"{name}: cannot read {'' if one else f'{len(broken)} files: '}{listed}; "
            f"remove or replace {'the file' if one else 'them'}"
        )


class FileError(InputError):
    """A file that is damaged, or not what it should be; the message names it.

    Args:
      path: of the file.
      reason: what is wrong with it.
    """

    def __init__(self, path: str | os.PathLike[str], reason: str) -> None:
        super().__init__(f"{escaped(os.fspath(path))}: {reason}")
        self.reason = reason


class FeatureError(InputError):
    """Features that cannot be had."""


class EvaluationError(InputError):
    """What cannot be evaluated as asked."""


class PublishedError(InputError):
    """Published weights that do not fit a network."""


class LockedError(Exception):
    """Another process trains in the folder; the message is for the user."""


class ProcessError(InputError):
    """Processes that do not find each other, or do not agree."""


class ExploreError(InputError):
    """What a generator cannot be asked for."""


class CheckpointError(InputError):
    """A checkpoint that is missing, damaged, of another model, or could not be written."""


class SaveError(CheckpointError):
    """A checkpoint that could not be written: the disk is full, fails or takes no files."""


class NoCheckpointError(CheckpointError):
    """There is no checkpoint at all, not even a damaged one: a run may begin."""


class StepNotFiniteError(Exception):
    """Raised inside the loop; `NonFiniteError` is what its user sees.

    Attributes:
      step: the first step after which a number is known not to be finite.
      metrics: which metrics were not finite there; empty if found in the state.
      num_skipped: how many steps in a row were not taken, if that is what ends the run.
    """

    def __init__(self, step: int, metrics: Mapping[str, float], num_skipped: int = 0) -> None:
        super().__init__(step, metrics, num_skipped)
        self.step = step
        self.metrics = metrics
        self.num_skipped = num_skipped


class NonFiniteError(Exception):
    """A NaN or an infinity where a number should be; the message is for the user.

    Attributes:
      report: what is known, as written to `nonfinite.json`.
    """

    def __init__(self, report: dict[str, Any]) -> None:
        names = [*report["metrics"], *report["leaves"]]
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        saved = report["last_good_checkpoint"]
        skipped = report["num_skipped"]
        what = f"{skipped} steps in a row skipped, as not" if skipped else "not"
        super().__init__(
            f"step {report['step']}: {what} finite{f': {shown}' if shown else ''}; last good "
            f"checkpoint: {'none' if saved is None else f'step {saved}'}"
        )
        self.report = report
