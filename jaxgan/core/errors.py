"""What is wrong with what somebody gave: the base of every error that is a line for its user."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class InputError(ValueError):
    """Bad input: a file, a flag, a config, data. The message is one line, for the user.

    Packages derive their own from it, for callers that tell them apart. The command line ends with
    that line and exit code 2; any other exception is a fault of ours, and has its traceback.

    Example:
      >>> raise InputError("num is 0; it must be at least 1")
      Traceback (most recent call last):
      ...
      jaxgan.core.errors.InputError: num is 0; it must be at least 1
    """


class LockedError(Exception):
    """Another process trains in the folder; the message is for the user."""


class ProcessError(InputError):
    """Processes that do not find each other, or do not agree."""


class ExploreError(InputError):
    """What a generator cannot be asked for; one line: what, its value, what is allowed."""


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
