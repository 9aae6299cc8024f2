"""What the loop calls now and then: pictures, spectra, evaluations, and what a user adds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from jaxgan.core.errors import InputError, bad_value
from jaxgan.core.state import TrainState
from jaxgan.training.telemetry import Log


def _nothing() -> None:
    pass


class Moment(NamedTuple):
    """A run between two steps, as a hook sees it.

    Attributes:
      step: steps done.
      state: the state after them, on the devices; the next step takes it away.
      log: where numbers and pictures go.
      metrics: of the last call of the step, perhaps still being computed, and what the hooks before
        this one have returned.
      is_stopped: whether the run ends here, before its last step.
      settle: writes the line of this step now, where it would wait for what hooks add to it.
      alive: what takes long calls it now and then; it does not return where the run is to stop.
    """

    step: int
    state: TrainState
    log: Log
    metrics: Mapping[str, Any] = {}
    is_stopped: bool = False
    settle: Callable[[], None] = _nothing
    alive: Callable[[], None] = _nothing


@dataclass(frozen=True)
class Hook:
    """A function that the loop calls every so many steps, and where the run ends.

    Attributes:
      every: steps from call to call, a multiple of those that one call of the step does.
      name: what the run does meanwhile, for messages.
      call: from a `Moment` to metrics or None. Metrics are logged, and saved with the checkpoint of
        that step, so that `keep_best` may name them. All processes call it.

    Example:
      >>> def size(now: Moment) -> Mapping[str, float]:
      ...     return {"size/gen": float(abs(now.state.params["gen"]).sum())}
      >>> hook = Hook(every=100, name="measuring weights", call=size)
    """

    every: int
    name: str
    call: Callable[[Moment], Mapping[str, float] | None]


def check_every(every: Mapping[str, int], *, steps_per_call: int) -> None:
    """Raises where something is due between two calls of the step.

    Args:
      every: so many steps, by what is due.
      steps_per_call: steps done by one call.

    Raises:
      InputError: naming the first.

    Example:
      >>> check_every({"log_every_steps": 25}, steps_per_call=10)
      Traceback (most recent call last):
      ...
      jaxgan.core.errors.InputError: log_every_steps is 25; it must be a multiple of substeps, 10
    """
    for name, steps in every.items():
        if steps < 1 or steps % steps_per_call:
            raise InputError(bad_value(name, steps, f"a multiple of substeps, {steps_per_call}"))
