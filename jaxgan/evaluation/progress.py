"""How far an evaluation is, and how long the rest will take."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

ProgressCallback = Callable[[str, int, int], None]
"""Called with (what is done, how many of them are done, how many there are)."""


def silent(what: str, done: int, total: int) -> None:
    """Says nothing.

    Example:
      >>> silent("samples", 1, 2)
    """


def make_progress(stream: TextIO | None = None, every_seconds: float = 2.0) -> ProgressCallback:
    """Says now and then how far it is: one live line on a terminal, else plain lines.

    Args:
      stream: where to write; None is stderr.
      every_seconds: between plain lines.

    Returns:
      A `ProgressCallback`.

    Example:
      >>> progress = make_progress(sys.stdout, every_seconds=0.0)
      >>> progress("samples", 0, 100)
      >>> progress("samples", 100, 100)
      samples 100/100
    """
    out = sys.stderr if stream is None else stream
    is_live = out.isatty()
    started: dict[str, tuple[float, int]] = {}
    last = [time.monotonic()]

    def progress(what: str, done: int, total: int) -> None:
        now = time.monotonic()
        begin, first = started.setdefault(what, (now, done))
        is_due = now - last[0] >= (0.2 if is_live else every_seconds)
        if done == first or not (is_due or (is_live and done >= total)):
            return
        last[0] = now
        left = (now - begin) / (done - first) * (total - done)
        text = f"{what} {done}/{total}" + (f"  left {_clock(left)}" if done < total else "")
        if is_live:
            print(f"\r{text:<60}", end="\n" if done >= total else "", file=out, flush=True)
        else:
            print(text, file=out, flush=True)

    return progress


def _clock(seconds: float) -> str:
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
