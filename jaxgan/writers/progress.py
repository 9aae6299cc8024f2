"""A progress line on stderr, or in a notebook."""

from __future__ import annotations

import math
import sys
import time
from collections import deque
from collections.abc import Mapping
from types import TracebackType
from typing import Any, TextIO

import numpy as np
from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as LiveBar
from rich.table import Column

from jaxgan.writers.notebook import Cell, in_notebook
from jaxgan.writers.panels import is_of_member

_BAR_COLUMNS = 10
_LIVE_SECONDS = 0.25
_WINDOW_SECONDS = 10.0
"""Speeds are means over this long: steady to the eye, yet soon right after a change."""


class Progress:
    """Shows how far a run is: a bar on a terminal, a line in a notebook, else plain lines.

    `step 1200/6000  loss/gen 0.71  loss/disc 1.32  5210 images/s  81.4 steps/s  left 0:59`

    The bar is one row, with as much of that as fits: the share that is done and the time that is
    left come first. What is logged or printed meanwhile stands above it.

    Args:
      total_steps: where the run ends.
      start_step: where it starts, above 0 when it resumes.
      images_per_step: real images that a step consumes, for images/s; None leaves that out.
      every_seconds: between plain lines.
      stream: where to write; None is stderr.

    >>> with Progress(2, every_seconds=60, stream=sys.stdout) as progress:
    ...     progress.update(1, {"loss/gen": 0.7, "norm": 3.0})
    step 1/2  loss/gen 0.7
    """

    def __init__(
        self,
        total_steps: int,
        start_step: int = 0,
        *,
        images_per_step: int | None = None,
        every_seconds: float = 10.0,
        stream: TextIO | None = None,
    ) -> None:
        self._total = total_steps
        self._start = start_step
        self._images_per_step = images_per_step
        self._stream = sys.stderr if stream is None else stream
        self._live = _live_bar(self._stream) if self._stream.isatty() else None
        self._cell = Cell() if stream is None and in_notebook() else None
        self._seconds = _LIVE_SECONDS if self._live or self._cell else every_seconds
        self._marks: deque[tuple[float, int]] = deque()
        self._unshown: tuple[int, Mapping[str, Any]] | None = None

    def update(self, step: int, metrics: Mapping[str, Any]) -> None:
        """Notes that `step` is done; cheap unless it is time to show it.

        Metrics still being computed on a device are waited for only when shown.

        Args:
          step: number of steps done.
          metrics: from name to scalar (or one value per seed, of which the mean is shown); those
            named `loss/...` are shown.
        """
        due = not self._marks or time.monotonic() - self._marks[-1][0] >= self._seconds
        if due or step >= self._total:
            self._show(step, metrics)
        else:
            self._unshown = (step, metrics)

    def picture(self, pixels: np.ndarray) -> None:
        """Shows a picture in a notebook; elsewhere there is none.

        Args:
          pixels: uint8 [height, width, 1 or 3].
        """
        if self._cell:
            self._cell.picture(pixels)

    def __enter__(self) -> Progress:
        if self._live:
            self._live.start()
            self._live.add_task("", total=self._total, completed=self._start)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # After an error the metrics may be what failed: reading them would hide it.
        if self._unshown and error is None:
            self._show(*self._unshown)
        if self._live:
            self._live.stop()

    def _show(self, step: int, metrics: Mapping[str, Any]) -> None:
        losses = [
            f"{name} {np.mean(np.asarray(value, float)):.4g}"
            for name, value in metrics.items()
            if name.startswith("loss/") and not is_of_member(name)
        ]
        # Only now: the clock is read when what was asked of the device is done.
        speed = self._speed(step)
        self._unshown = None
        now, (*speeds, left) = f"step {step}/{self._total}", self._speeds(step, speed)
        line = "  ".join(part for part in (now, *losses, *speeds, left) if part)
        if self._live:
            share = f"{100 * step // max(self._total, 1)}%"
            # Steps before images: the last ones are left out first.
            parts = [part for part in (share, left, now, *losses, *speeds[::-1]) if part]
            row = _fitting(parts, self._live.console.width - _BAR_COLUMNS - 1)
            self._live.update(self._live.task_ids[0], completed=step, description=row)
        elif self._cell:
            self._cell.line(line)
        else:
            print(line, file=self._stream, flush=True)

    def _speed(self, step: int) -> float:
        """Steps per second over the window; the first mark comes after compilation."""
        now = time.monotonic()
        self._marks.append((now, step))
        while len(self._marks) > 2 and now - self._marks[1][0] >= _WINDOW_SECONDS:
            self._marks.popleft()
        then, first = self._marks[0]
        return (step - first) / (now - then) if now > then else 0.0

    def _speeds(self, step: int, speed: float) -> list[str]:
        """Speeds as they are known, and at last the time that is left, or nothing."""
        if speed <= 0:
            return [""]
        parts = [f"{speed:.3g} steps/s" if speed < 1000 else f"{speed:.0f} steps/s"]
        if self._images_per_step is not None:
            parts.insert(0, f"{speed * self._images_per_step:.0f} images/s")
        is_over = step >= self._total
        return [*parts, "" if is_over else f"left {_clock((self._total - step) / speed)}"]


def _live_bar(stream: TextIO) -> LiveBar:
    text = TextColumn(
        "{task.description}",
        markup=False,
        table_column=Column(no_wrap=True, overflow="ellipsis"),
    )
    return LiveBar(BarColumn(bar_width=_BAR_COLUMNS), text, console=Console(file=stream))


def _fitting(parts: list[str], room: int) -> str:
    """The first so many parts that fit; at least one."""
    row = parts[0]
    for part in parts[1:]:
        longer = f"{row}  {part}"
        if cell_len(longer) > room:
            break
        row = longer
    return row


def _clock(seconds: float) -> str:
    """0:07, 12:34 or 1:02:03."""
    minutes, second = divmod(math.ceil(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
