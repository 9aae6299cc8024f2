"""How a run is asked to stop: signals, and what several processes make of them."""

from __future__ import annotations

import logging
import os
import signal
import threading
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

    def is_urgent(self) -> bool:
        """Whether whoever asked will not wait: SIGTERM and SIGHUP, but not Ctrl-C.

        Returns:
          True if only what would be lost is worth the time.
        """
        return self.signal in (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def deferred_signals() -> Iterator[Stop]:
    """SIGTERM, SIGHUP and Ctrl-C end the run at the next step, saved; a second Ctrl-C at once.

    SIGHUP says that the terminal is gone; under `nohup` it is ignored, and stays so. With several
    processes JAX's preemption service hears SIGTERM, wherever it arrives, and finds a step that
    all can reach; the other signals are handed on to it. Signals reach the main thread alone: in
    another one the body goes on.

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

    heard = [signal.SIGINT]
    if is_alone:
        heard.append(signal.SIGTERM)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        heard.append(signal.SIGHUP)
    if threading.current_thread() is not threading.main_thread():
        heard = []
    previous = {number: signal.signal(number, note) for number in heard}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


class _TimeOverError(BaseException):
    """Raised in the body of `within`."""


@contextmanager
def within(seconds: float | None) -> Iterator[None]:
    """Cuts the body short when its time is over, which is no error; in the main thread alone.

    Args:
      seconds: how long it may take; None for ever.

    Example:
      >>> import time
      >>> with within(0.01):
      ...     time.sleep(60)
    """
    if seconds is None or threading.current_thread() is not threading.main_thread():
        yield
        return

    is_over = False

    def end(number: int, frame: FrameType | None) -> None:
        if not is_over:
            raise _TimeOverError

    previous = signal.signal(signal.SIGALRM, end)
    # Again and again, for a body that passes over it.
    signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
    try:
        try:
            yield
        finally:
            is_over = True
    except _TimeOverError:
        logger.info("cut short after %g s", seconds)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
