"""What the loop tells of itself: losses, speeds, waiting, utilisation."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import jax

from jaxgan.core.typing import Batch, Metrics
from jaxgan.training.collapse import Watch
from jaxgan.writers import MetricWriter, Progress

logger = logging.getLogger(__name__)


class Batches(Protocol):
    """An iterator of batches whose whole state is a dict of integers."""

    def __next__(self) -> Batch: ...

    def get_state(self) -> dict[str, int]:
        """What `set_state` needs to go on from here."""

    def set_state(self, state: dict[str, int]) -> None:
        """Goes to where `get_state` gave `state`."""


@dataclass(frozen=True)
class Work:
    """What one step does, from which speeds are computed.

    Attributes:
      images: real examples that it consumes.
      flops: floating-point operations of the model, over all devices; 0 if not counted.
      peak_flops_per_second: of all devices together; 0 if unknown.
    """

    images: int
    flops: float = 0.0
    peak_flops_per_second: float = 0.0


@dataclass
class Log:
    """Writes lines of metrics, with the speed since the line before.

    Attributes:
      writer: where to; None in a process that writes nothing.
      progress: the line on the terminal, likewise.
      work: what a step does.
      last_step: the step of the line before.
      watch: what looks at every line, if anything does.
      pending: the step whose line is due, and its metrics, perhaps still being computed.
    """

    writer: MetricWriter | None = None
    progress: Progress | None = None
    work: Work = Work(images=0)
    last_step: int = 0
    watch: Watch | None = None
    pending: tuple[int, Mapping[str, Any]] | None = None
    last_time: float | None = None
    waited: float = 0.0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Notes how long the block waits for data."""
        start = time.perf_counter()
        yield
        self.waited += time.perf_counter() - start

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leaves the block out of the speeds: it is no training."""
        start = time.perf_counter()
        try:
            yield
        finally:
            if self.last_time is not None:
                self.last_time += time.perf_counter() - start

    def write(self, step: int, values: dict[str, float]) -> None:
        """Writes the line of a step.

        Args:
          step: steps done.
          values: its metrics on the host; speeds are added.
        """
        values |= self._speeds(step)
        self._line(step, values)
        if self.progress is not None:
            self.progress.update(step, values)

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Logs what else is known of a step: in its line, if one is due, or in one of its own.

        Args:
          step: steps done.
          values: numbers on the host, by name.
        """
        if self.pending is not None and self.pending[0] == step:
            self.pending = (step, {**self.pending[1], **values})
        elif values:
            self._line(step, values)

    def _line(self, step: int, values: Mapping[str, float]) -> None:
        if self.writer is not None:
            self.writer.scalars(step, values)
        for warning in () if self.watch is None else self.watch.saw(step, values):
            if self.writer is not None:
                self.writer.text(step, f"warnings/{warning.name}", str(warning))

    def _speeds(self, step: int) -> dict[str, float]:
        now = time.perf_counter()
        speeds = {"steps_per_second": 0.0, "images_per_second": 0.0, "data_wait": 0.0}
        if self.work.flops:
            speeds["model_flops_per_second"] = 0.0
        # The first line's time holds the compilation: it has no speed of its own to tell.
        if self.last_time is not None:
            passed = now - self.last_time
            speed = (step - self.last_step) / passed
            speeds["steps_per_second"] = speed
            speeds["images_per_second"] = speed * self.work.images
            speeds["data_wait"] = self.waited / passed
            if self.work.flops:
                speeds["model_flops_per_second"] = speed * self.work.flops
        if self.work.flops and self.work.peak_flops_per_second:
            peak = self.work.peak_flops_per_second
            speeds["utilisation"] = speeds["model_flops_per_second"] / peak
        self.last_step, self.last_time, self.waited = step, now, 0.0
        return speeds


class Profile:
    """Traces some calls of the step, after the first two, for TensorBoard and Perfetto.

    Args:
      directory: where to write.
      num_calls: how many to trace; 0 for none.

    Example:
      >>> with Profile(Path("unused"), num_calls=0) as profile:
      ...     profile.called({})
    """

    def __init__(self, directory: Path, num_calls: int) -> None:
        self._directory = directory
        self._begin = 2
        self._end = 2 + num_calls if num_calls else 0
        self._num_called = 0
        self._is_tracing = False

    def called(self, metrics: Metrics) -> None:
        """Notes a call of the step.

        Args:
          metrics: what it gave; the last traced one is waited for.
        """
        self._num_called += 1
        if self._is_tracing and self._num_called == self._end:
            jax.block_until_ready(metrics)
            self._stop()
        elif self._end and self._num_called == self._begin:
            jax.block_until_ready(metrics)
            jax.profiler.start_trace(self._directory)
            self._is_tracing = True

    def _stop(self) -> None:
        jax.profiler.stop_trace()
        self._is_tracing = False
        logger.info("profile: tensorboard --logdir %s, or open it in Perfetto", self._directory)

    def __enter__(self) -> Profile:
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_tracing:
            self._stop()
