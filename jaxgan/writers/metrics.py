"""Metrics of a run: `metrics.jsonl` to compute with, event files to look at."""

from __future__ import annotations

import json
import logging
import math
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Literal, TypeVar

import numpy as np

from jaxgan.core.errors import bad_value
from jaxgan.files import read_json_lines
from jaxgan.files.atomic import naming, replacing
from jaxgan.writers.events import EventWriter, drop_later_events
from jaxgan.writers.writer import Guarded, Writer

_FLUSH_SECONDS = 10.0
_LOGGER = logging.getLogger(__name__)

T = TypeVar("T")

Values = dict[str, float | Literal["NaN", "Infinity", "-Infinity"]]
"""A line of `metrics.jsonl`."""


class MetricWriter:
    """Writes each logged step to `metrics.jsonl` and to event files under `tensorboard/`.

    A line of `metrics.jsonl` is one JSON object, `{"step": 10, "loss/gen": 0.69}`. JSON has no
    number for what is not finite: that is the string "NaN", "Infinity" or "-Infinity", which
    Python's `float` reads. Lines survive a killed process at once, a power cut after `flush`.

    Args:
      workdir: the run's folder; created.
      resume_step: the step a run goes on from: what was logged beyond it is dropped from both.
        None starts from nothing: all that was logged here is dropped.
      others: further writers by name, which get the same. One that fails is warned of once, and
        left out from then on.

    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> with MetricWriter(Path(folder.name)) as writer:
    ...     for step in (1, 2, 3):
    ...         writer.scalars(step, {"loss/gen": np.float32(0.1) * np.float32(step)})
    >>> MetricWriter(Path(folder.name), resume_step=2).close()
    >>> read_metrics(Path(folder.name) / "metrics.jsonl")
    [{'step': 1, 'loss/gen': 0.1}, {'step': 2, 'loss/gen': 0.2}]
    >>> folder.cleanup()
    """

    def __init__(
        self,
        workdir: Path,
        *,
        resume_step: int | None = None,
        others: Mapping[str, Writer] = MappingProxyType({}),
    ) -> None:
        workdir = Path(workdir)
        workdir.mkdir(parents=True, exist_ok=True)
        self._path = path = workdir / "metrics.jsonl"
        drop_later_lines(path, resume_step)
        drop_later_events(workdir / "tensorboard", resume_step)
        # Line buffered: each line is with the operating system when the call returns.
        self._lines = path.open("a", buffering=1, encoding="utf-8")
        purge_step = None if resume_step is None else resume_step + 1
        self._events = EventWriter(workdir / "tensorboard", purge_step=purge_step)
        self._last_step = -1 if resume_step is None else resume_step
        self._flushed_at = time.monotonic()
        self._others = Guarded(others)

    def scalars(self, step: int, metrics: Mapping[str, Any]) -> None:
        """Logs the scalars of a step.

        Args:
          step: number of steps done; not below the last one logged.
          metrics: from name to a Python, NumPy or JAX scalar.

        Raises:
          ValueError: if `step` goes back, a metric is no scalar, or one is named `step`.
        """
        if step < self._last_step:
            raise ValueError(bad_value("step", step, f"at least {self._last_step}"))
        values = {name: _to_number(name, value) for name, value in metrics.items()}
        self._last_step = step
        row = {"step": int(step)} | {name: json_number(value) for name, value in values.items()}
        with naming(self._path):
            self._lines.write(json.dumps(row, allow_nan=False) + "\n")
        self._events.scalars(step, values)
        self._others.call("scalars", step, values)
        if time.monotonic() - self._flushed_at > _FLUSH_SECONDS:
            self.flush()

    def image(self, step: int, name: str, pixels: np.ndarray) -> None:
        """Logs a picture, to the event files only.

        Args:
          step: number of steps done.
          name: its tag, `samples`.
          pixels: uint8 of shape [height, width, 1 or 3].

        Raises:
          ValueError: if `pixels` is anything else.
        """
        pixels = np.asarray(pixels)
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[-1] not in (1, 3):
            raise ValueError(
                f"image {name} is {pixels.dtype}{list(pixels.shape)}; it must be "
                "uint8[h, w, 1 or 3]"
            )
        self._events.image(step, name, pixels)
        self._others.call("image", step, name, pixels)

    def text(self, step: int, name: str, text: str) -> None:
        """Logs a text, to the event files and to those writers that take texts.

        Args:
          step: number of steps done.
          name: its tag.
          text: as people read it; TensorBoard takes it for Markdown.
        """
        self._events.text(step, name, text)
        self._others.call("text", step, name, text)

    def flush(self) -> None:
        """Returns when all that was logged is on the disk: call it before a checkpoint."""
        with naming(self._path):
            self._lines.flush()
            os.fsync(self._lines.fileno())
        self._events.flush()
        self._flushed_at = time.monotonic()

    def close(self) -> None:
        """Flushes and closes the files."""
        if not self._lines.closed:
            try:
                self.flush()
            finally:
                self._lines.close()
                self._events.close()
                self._others.call("close")

    def __enter__(self) -> MetricWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def read_metrics(path: Path) -> list[dict[str, float]]:
    """Reads a `metrics.jsonl`, one dict per line; a torn last line is left out.

    Args:
      path: the file.

    Returns:
      The rows, with numbers only: "NaN", "Infinity" and "-Infinity" are floats again.
    """
    rows = (row for _, row in logged_lines(path, Values))
    return [
        {_new_name(n): float(v) if isinstance(v, str) else v for n, v in row.items()}
        for row in rows
    ]


def _new_name(name: str) -> str:
    """Of a metric that 0.1 called otherwise."""
    return name.replace("disc/doubt", "disc/loss_slope")


def logged_lines(path: Path, kind: type[T]) -> Iterator[tuple[bytes, T]]:
    """The lines of a log of steps; a warning is logged for each that is damaged, and left out.

    Args:
      path: the file.
      kind: what is in a line besides the step, see `jaxgan.files.read_json`.

    Yields:
      (line, its content), without a torn last line.
    """
    for line, row in read_json_lines(path, kind, _LOGGER.warning):
        step = row.get("step") if isinstance(row, dict) else None
        if isinstance(step, int) and not isinstance(step, bool):
            yield line, row
        else:
            _LOGGER.warning("%s: a line without a step; it is left out", path)


def drop_later_lines(path: Path, last_step: int | None, kind: type[Any] = Values) -> None:
    """Rewrites a `metrics.jsonl` without the lines after `last_step` and without damaged ones.

    Args:
      path: the file; may be missing.
      last_step: the last step that stays; None removes the file.
      kind: what is in a line, of a log of other things.
    """
    if last_step is None or not path.exists():
        path.unlink(missing_ok=True)
        return
    kept = [line for line, row in logged_lines(path, kind) if row["step"] <= last_step]
    if sum(map(len, kept)) != path.stat().st_size:
        with replacing(path) as temporary:
            temporary.write_bytes(b"".join(kept))


def _to_number(name: str, value: Any) -> int | float:
    """A Python number with the digits that the scalar's own type needs: 0.1, not 0.10000000149."""
    if name == "step":
        raise ValueError("metric step: the name is taken by the step count")
    scalar = np.asarray(value)
    if scalar.size != 1:
        raise ValueError(bad_value(f"metric {name}.shape", scalar.shape, "of one number"))
    item = scalar.reshape(())[()]
    return int(item) if scalar.dtype.kind in "biu" else float(str(item))


def json_number(value: int | float) -> int | float | str:
    """A number as strict JSON has it.

    Args:
      value: any.

    Returns:
      The value, or the string "NaN", "Infinity" or "-Infinity".

    Example:
      >>> json_number(1.5), json_number(float("-inf"))
      (1.5, '-Infinity')
    """
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
