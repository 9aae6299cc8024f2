"""Timing of what is dispatched to a device: warmed up, waited for, the median of several rounds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

ROUNDS, ROUND_SECONDS, MOST_SECONDS = 7, 0.3, 5.0


def seconds_per_call(
    call: Callable[[], Any], wait: Callable[[], Any], *, period: int, toy: bool
) -> list[float]:
    """Seconds per call in each of some rounds, after a warm-up.

    Args:
      call: dispatches the work.
      wait: returns when all of it is done.
      period: a round is a multiple of so many calls, for work that is not the same in each.
      toy: two rounds of one period.

    Returns:
      One mean for each round. A round takes `ROUND_SECONDS` at least; where it takes so long that
      all would take more than `MOST_SECONDS`, there are fewer of them, two at least.
    """

    def round_of(num_calls: int) -> float:
        start = time.perf_counter()
        for _ in range(num_calls):
            call()
        wait()
        return (time.perf_counter() - start) / num_calls

    round_of(period)
    once = round_of(period)
    if toy:
        return [once, round_of(period)]
    num_calls = period * max(1, round(ROUND_SECONDS / (once * period)))
    num_rounds = round(MOST_SECONDS / (once * num_calls))
    return [round_of(num_calls) for _ in range(min(max(2, num_rounds), ROUNDS))]


def times(seconds: list[float], per_call: int = 1) -> dict[str, float]:
    """Median, least and most of the rounds, in milliseconds per step."""
    scaled = 1e3 * np.asarray(seconds) / per_call
    found = {"ms": np.median(scaled), "ms_least": scaled.min(), "ms_most": scaled.max()}
    return {name: float(f"{value:.5g}") for name, value in found.items()}
