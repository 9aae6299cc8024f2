"""What the loop does about faults, where it begins, and how it ends."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from jaxgan.core.state import TrainState


class Exit(IntEnum):
    """How a run ended, as the exit code of `jaxgan train`."""

    FINISHED = 0
    NONFINITE = 3
    PREEMPTED = 75
    INTERRUPTED = 130


@dataclass(frozen=True)
class Policy:
    """What the loop does when something goes wrong, or is asked for besides.

    Attributes:
      rollback: whether non-finite numbers send the run back to its last good checkpoint, with other
        latents and the batches that follow, rather than end it.
      stall_timeout_seconds: how long one phase may take, in a job of several processes, before the
        process ends; 0 for ever.
      profile_calls: calls of the step to trace, after the first two; 0 for none.
    """

    rollback: bool = False
    stall_timeout_seconds: float = 0.0
    profile_calls: int = 0


class Begun(NamedTuple):
    """Where a run begins.

    Attributes:
      step: steps done.
      state: the state after them.
    """

    step: int
    state: TrainState


class Ended(NamedTuple):
    """Where a run has ended.

    Attributes:
      exit: how.
      step: steps done.
      state: the state after them.
    """

    exit: Exit
    step: int
    state: TrainState
