"""When the loop does what, what it does about faults, and how it ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from jaxgan.core.state import TrainState


class Picture(NamedTuple):
    """A picture of samples.

    Attributes:
      pixels: uint8 of shape [H, W, C].
      metrics: numbers on what it shows, for the log.
    """

    pixels: np.ndarray
    metrics: Mapping[str, float]


Draw = Callable[[TrainState], Picture]
"""Draws samples of a state; all processes do, the first one keeps the picture."""


Evaluate = Callable[[TrainState, int, Callable[[], None]], dict[str, float]]
"""Measures a state: (state, steps done, called on every progress) -> metrics; all processes do."""


class Exit(IntEnum):
    """How a run ended, as the exit code of `jaxgan train`."""

    FINISHED = 0
    NONFINITE = 3
    PREEMPTED = 75
    INTERRUPTED = 130


@dataclass(frozen=True)
class Cadence:
    """When the loop does what, in steps; every number is a multiple of `steps_per_call`.

    Attributes:
      total_steps: where the run ends.
      steps_per_call: steps done by one call of the compiled step.
      log_every_steps: between lines of metrics.
      sample_every_steps: between pictures.
      checkpoint_every_steps: between checkpoints.
      analysis_every_steps: between spectra; 0 for none.
      eval_every_steps: between evaluations; 0 for none.
    """

    total_steps: int
    steps_per_call: int
    log_every_steps: int
    sample_every_steps: int
    checkpoint_every_steps: int
    analysis_every_steps: int = 0
    eval_every_steps: int = 0

    def __post_init__(self) -> None:
        for name, steps in vars(self).items():
            if name in ("analysis_every_steps", "eval_every_steps") and steps == 0:
                continue
            if steps < 1 or steps % self.steps_per_call:
                raise ValueError(
                    f"{name} is {steps}; it must be a positive multiple of the "
                    f"{self.steps_per_call} steps done in one call (substeps)"
                )


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
