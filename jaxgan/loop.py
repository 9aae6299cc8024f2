"""The training loop: one compiled step, logs one call late, pictures, checkpoints, signals."""

from __future__ import annotations

import json
import logging
import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from jaxgan import parallel
from jaxgan.algorithms import Algorithm
from jaxgan.checkpoint import Checkpoints
from jaxgan.probe import Probe
from jaxgan.state import TrainState
from jaxgan.transforms import all_finite
from jaxgan.typing import Batch, Key, Metrics, PyTree
from jaxgan.writers import MetricWriter, Progress, curves_png, save_png

logger = logging.getLogger(__name__)

Draw = Callable[[TrainState], np.ndarray]
"""Makes a picture of samples: state -> uint8 of shape [H, W, C]."""


class Exit(IntEnum):
    """How a run ended, as the exit code of `jaxgan train`."""

    FINISHED = 0
    NONFINITE = 3
    PREEMPTED = 75
    INTERRUPTED = 130


class Batches(Protocol):
    """An iterator of batches whose whole state is a dict of integers."""

    def __next__(self) -> Batch: ...

    def get_state(self) -> dict[str, int]:
        """What `set_state` needs to go on from here."""

    def set_state(self, state: dict[str, int]) -> None:
        """Goes to where `get_state` gave `state`."""


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
    """

    total_steps: int
    steps_per_call: int
    log_every_steps: int
    sample_every_steps: int
    checkpoint_every_steps: int
    analysis_every_steps: int = 0

    def __post_init__(self) -> None:
        for name, steps in vars(self).items():
            if name == "analysis_every_steps" and steps == 0:
                continue
            if steps < 1 or steps % self.steps_per_call:
                raise ValueError(
                    f"{name} is {steps}; it must be a positive multiple of the "
                    f"{self.steps_per_call} steps done in one call (substeps)"
                )


class NonFiniteError(Exception):
    """A NaN or an infinity where a number should be; the message is for the user.

    Attributes:
      report: what is known, as written to `nonfinite.json`.
    """

    def __init__(self, report: dict[str, Any]) -> None:
        names = [*report["metrics"], *report["leaves"]]
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        saved = report["last_good_checkpoint"]
        super().__init__(
            f"step {report['step']}: not finite: {shown}; last good checkpoint: "
            f"{'none' if saved is None else f'step {saved}'}"
        )
        self.report = report


def train(
    algorithm: Algorithm,
    batches: Batches,
    key: Key,
    cadence: Cadence,
    workdir: Path,
    *,
    mesh: Mesh,
    shardings: PyTree,
    images_per_step: int,
    draw: Draw,
    probe: Probe | None = None,
    keep_checkpoints: int = 3,
) -> Exit:
    """Trains from the last checkpoint, or from the beginning, to `total_steps`.

    Args:
      algorithm: what to run.
      batches: where its batches come from, already on the devices.
      key: the run's key.
      cadence: when to log, draw and save.
      workdir: where to write `checkpoints/`, `metrics.jsonl`, `tensorboard/`, `samples/`,
        `curves.png`.
      mesh: the devices.
      shardings: how the state lies on them.
      images_per_step: real examples that one step eats, for images/s.
      draw: makes a picture of samples.
      probe: looks at the state every `analysis_every_steps`.
      keep_checkpoints: how many of the newest to keep.

    Returns:
      How it ended; FINISHED at once if the last checkpoint is at `total_steps` already.

    Raises:
      NonFiniteError: where numbers are lost. Such a state is never saved; `nonfinite.json` says
        which metrics and which leaves.
    """
    checkpoints = Checkpoints(workdir / "checkpoints", keep=keep_checkpoints)
    start, state = _restore_or_init(algorithm, batches, key, checkpoints, shardings)
    if start >= cadence.total_steps:
        logger.info("finished: %s has done its %d steps", workdir, start)
        return Exit.FINISHED
    step = parallel.jit_step(algorithm, mesh, shardings)
    logger.info("compiling; the first step takes a while")
    with (
        _deferred_signals() as stop,
        MetricWriter(workdir, resume_step=start or None) as writer,
        Progress(cadence.total_steps, start, images_per_step=images_per_step) as progress,
    ):
        log = _Log(writer, progress, images_per_step, start)
        try:
            for now in range(
                start + cadence.steps_per_call,
                cadence.total_steps + 1,
                cadence.steps_per_call,
            ):
                state, metrics = step(state, next(batches))
                # The line of the last call is read only now, behind the dispatch of this one.
                log.write()
                is_last = now == cadence.total_steps or stop.signal is not None
                if is_last or now % cadence.log_every_steps == 0:
                    log.pending = (now, metrics)
                if is_last or now % cadence.sample_every_steps == 0:
                    _save_picture(draw(state), now, workdir, writer)
                if probe is not None and (is_last or now % cadence.analysis_every_steps == 0):
                    log.write()
                    probe(state, now, writer)
                if is_last or now % cadence.checkpoint_every_steps == 0:
                    log.write()
                    _save(state, now, batches, checkpoints, writer)
                if is_last:
                    break
        except _LostNumbersError as error:
            raise NonFiniteError(_report(error, state, checkpoints, workdir)) from None
        finally:
            checkpoints.close()
    curves_png(workdir / "curves.png", workdir / "metrics.jsonl")
    return stop.outcome


def _restore_or_init(
    algorithm: Algorithm, batches: Batches, key: Key, checkpoints: Checkpoints, shardings: PyTree
) -> tuple[int, TrainState]:
    if not checkpoints.steps():
        return 0, jax.jit(algorithm.init, out_shardings=shardings)(key)
    template = jax.tree.map(
        lambda x, sharding: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding),
        jax.eval_shape(algorithm.init, key),
        shardings,
    )
    start, state, data_state = checkpoints.restore(template)
    batches.set_state(data_state)
    logger.info("resuming from step %d", start)
    return start, state


class _LostNumbersError(Exception):
    def __init__(self, step: int, metrics: dict[str, float]) -> None:
        super().__init__(step, metrics)
        self.step = step
        self.metrics = metrics


@dataclass
class _Log:
    """Writes metrics one call late, with the speed since the line before."""

    writer: MetricWriter
    progress: Progress
    images_per_step: int
    last_step: int
    last_time: float | None = None
    pending: tuple[int, Metrics] | None = None

    def write(self) -> None:
        if self.pending is None:
            return
        step, metrics = self.pending
        self.pending = None
        values = {name: float(value) for name, value in jax.device_get(metrics).items()}
        now = time.perf_counter()
        # The first line's time holds the compilation: it has no speed of its own to tell.
        speed = 0.0 if self.last_time is None else (step - self.last_step) / (now - self.last_time)
        self.last_step, self.last_time = step, now
        speeds = {
            "steps_per_second": speed,
            "images_per_second": speed * self.images_per_step,
        }
        self.writer.scalars(step, {**values, **speeds})
        self.progress.update(step, values)
        lost = {name: value for name, value in values.items() if not math.isfinite(value)}
        if lost and not values.get("skipped"):
            raise _LostNumbersError(step, lost)


def _save(
    state: TrainState,
    step: int,
    batches: Batches,
    checkpoints: Checkpoints,
    writer: MetricWriter,
) -> None:
    if not bool(_is_finite(state)):
        raise _LostNumbersError(step, {})
    writer.flush()
    checkpoints.save(step, state, batches.get_state())


_is_finite = jax.jit(all_finite)


def _save_picture(pixels: np.ndarray, step: int, workdir: Path, writer: MetricWriter) -> None:
    save_png(workdir / "samples" / f"step_{step:08d}.png", pixels)
    writer.image(step, "samples", pixels)


def _report(
    error: _LostNumbersError, state: TrainState, checkpoints: Checkpoints, workdir: Path
) -> dict[str, Any]:
    checkpoints.wait()
    paths = jax.tree_util.tree_flatten_with_path(state._replace(key=jnp.zeros(())))[0]
    lost = [
        jax.tree_util.keystr(path, simple=True, separator="/")
        for path, leaf in paths
        if not bool(_is_finite(leaf))
    ]
    report = {
        "step": error.step,
        "metrics": {name: str(value) for name, value in error.metrics.items()},
        "leaves": lost,
        "last_good_checkpoint": max(checkpoints.steps(), default=None),
    }
    (workdir / "nonfinite.json").write_text(json.dumps(report, indent=2) + "\n")
    return report


@dataclass
class _Stop:
    signal: int | None = None

    @property
    def outcome(self) -> Exit:
        outcomes = {signal.SIGTERM: Exit.PREEMPTED, signal.SIGINT: Exit.INTERRUPTED}
        return Exit.FINISHED if self.signal is None else outcomes[signal.Signals(self.signal)]


@contextmanager
def _deferred_signals() -> Iterator[_Stop]:
    """SIGTERM and Ctrl-C end the run at the next step, saved; a second Ctrl-C ends it at once."""
    stop = _Stop()

    def note(number: int, frame: FrameType | None) -> None:
        if stop.signal == signal.SIGINT == number:
            raise KeyboardInterrupt
        stop.signal = number
        logger.info("signal %s: saving and stopping", signal.Signals(number).name)

    previous = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
