"""How a run is asked to stop: signals, and what several processes make of them."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

import jax
from jax.experimental import multihost_utils

logger = logging.getLogger(__name__)


@dataclass
class Stop:
    """Whether to stop, and why.

    Attributes:
      signal: the signal's number; None to go on.
      num_asked: how often it was asked, the number by which several processes find each other.
    """

    signal: int | None = None
    num_asked: int = 0

    def is_due(self) -> bool:
        """Whether this call of the step is the last; in all processes of a job the same one.

        Returns:
          True to save and stop. Every process asks once after every call.
        """
        if jax.process_count() == 1:
            return self.signal is not None
        self.num_asked += 1
        if not multihost_utils.reached_preemption_sync_point(self.num_asked):
            return False
        self.signal = self.signal or signal.SIGTERM
        return True


@contextmanager
def deferred_signals() -> Iterator[Stop]:
    """SIGTERM and Ctrl-C end the run at the next step, saved; a second Ctrl-C ends it at once.

    With several processes JAX's preemption service hears SIGTERM, wherever it arrives, and finds a
    step that all can reach; Ctrl-C is handed on to it.

    Yields:
      The `Stop` to ask.

    Example:
      >>> with deferred_signals() as stop:
      ...     signal.raise_signal(signal.SIGTERM)
      >>> stop.is_due(), stop.signal == signal.SIGTERM
      (True, True)
    """
    stop = Stop()
    is_alone = jax.process_count() == 1

    def note(number: int, frame: FrameType | None) -> None:
        if stop.signal == signal.SIGINT == number:
            raise KeyboardInterrupt
        stop.signal = number
        logger.info("signal %s: saving and stopping", signal.Signals(number).name)
        if not is_alone:
            os.kill(os.getpid(), signal.SIGTERM)

    heard = (signal.SIGTERM, signal.SIGINT) if is_alone else (signal.SIGINT,)
    previous = {number: signal.signal(number, note) for number in heard}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
