"""The training loop: one compiled step, logs one call late, pictures, checkpoints, faults."""

from __future__ import annotations

import logging
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import jax
from jax.sharding import Mesh

from jaxgan import distributed
from jaxgan.algorithms import Algorithm
from jaxgan.checkpoint.checkpointer import Checkpoints
from jaxgan.core.errors import (
    CheckpointError,
    LockedError,
    NoCheckpointError,
    NonFiniteError,
    SaveError,
    StepNotFiniteError,
)
from jaxgan.core.state import TrainState, stream
from jaxgan.core.typing import Key, Metrics, PyTree
from jaxgan.distributed.preemption import Stop, deferred_signals, within
from jaxgan.distributed.processes import Watchdog, is_first
from jaxgan.training.collapse import Watch
from jaxgan.training.nonfinite import find_nonfinite, is_finite, write_report
from jaxgan.training.settings import Cadence, Draw, Evaluate, Exit, Policy
from jaxgan.training.spectrum import SpectrumHook
from jaxgan.training.telemetry import Batches, Log, Profile, Work
from jaxgan.writers import MetricWriter, Progress, curves_png, save_png

logger = logging.getLogger(__name__)


MAX_AHEAD = 2
"""Calls of the step that may be under way: the device never waits, memory stays bounded."""

STOP_SECONDS = 5.0
"""What a run that was asked to end by SIGTERM or SIGHUP may still take when its state is saved."""

MAX_ROLLBACKS = 3
"""Without a new checkpoint in between; then the run ends."""


@dataclass(frozen=True)
class Run:
    """All that a run is made of.

    Attributes:
      algorithm: what to run.
      batches: where its batches come from, already on the devices.
      key: the run's key.
      cadence: when to log, draw and save.
      workdir: where to write `checkpoints/`, `metrics.jsonl`, `tensorboard/`, `samples/`,
        `curves.png`.
      mesh: the devices.
      template: shapes of the state, and how it lies on them.
      checkpoints: where the state is kept.
      work: what one step does.
      draw: makes a picture of samples.
      spectrum: looks at the state every `analysis_every_steps`.
      evaluate: measures the state every `eval_every_steps`, and where the run is finished.
      policy: what to do about faults.
      watch: whether to warn of collapse, in the log and in `warnings.jsonl`.
      later: what runs in the algorithm's place from a step on, of a game with phases.
    """

    algorithm: Algorithm
    batches: Batches
    key: Key
    cadence: Cadence
    workdir: Path
    mesh: Mesh
    template: PyTree
    checkpoints: Checkpoints
    work: Work
    draw: Draw
    spectrum: SpectrumHook | None = None
    evaluate: Evaluate | None = None
    policy: Policy = field(default_factory=Policy)
    watch: bool = True
    later: Mapping[int, Algorithm] = field(default_factory=dict)


class Begun(NamedTuple):
    """Where a run begins.

    Attributes:
      step: steps done.
      state: the state after them.
    """

    step: int
    state: TrainState


def begin(run: Run) -> Begun:
    """The last checkpoint's state, or a new one; nothing is written.

    Args:
      run: what to run, and where.

    Returns:
      Where to begin; the data are put there as well.

    Raises:
      CheckpointError: if there are checkpoints, and none that can be used.
    """
    try:
        start, state, data_state = run.checkpoints.restore(run.template)
    except NoCheckpointError:
        shardings = distributed.shardings_of(run.template)
        return Begun(0, jax.jit(run.algorithm.init, out_shardings=shardings)(run.key))
    run.batches.set_state(data_state)
    logger.info("resuming from step %d", start)
    return Begun(start, state)


def train(
    run: Run, begun: Begun | None = None, *, may_write: Callable[[], None] | None = None
) -> Exit:
    """Trains from the last checkpoint, or from the beginning, to `total_steps`.

    With several processes, all call it; the first one writes logs and pictures.

    Args:
      run: what to run, and where.
      begun: what `begin` returned; it is called otherwise.
      may_write: raises `LockedError` if the folder is another run's by now; asked before a
        checkpoint is written.

    Returns:
      How it ended; FINISHED at once if the last checkpoint is at `total_steps` already.

    Raises:
      NonFiniteError: where a number is not finite. Such a state is never saved;
        `nonfinite.json` says which metrics, players and leaves.
      CheckpointError: if the last state cannot be saved.
      Exception: what fails between two steps, such as reading the data; the steps done are saved
        first, in a run of one process.
    """
    start, state = begin(run) if begun is None else begun
    if start >= run.cadence.total_steps:
        logger.info("finished: %s has done its %d steps", run.workdir, start)
        return Exit.FINISHED
    shardings = distributed.shardings_of(run.template)
    steps = {
        first: distributed.jit_step(algorithm, run.mesh, shardings)
        for first, algorithm in {0: run.algorithm, **run.later}.items()
    }
    rollbacks: list[int] = []
    # A run by itself waits for nobody, and a long compilation is no fault.
    patience = run.policy.stall_timeout_seconds if jax.process_count() > 1 else 0
    with deferred_signals() as stop, Watchdog(patience) as watchdog:
        logger.info("compiling; the first step takes a while")
        while True:
            try:
                _play(_Play(run, steps, stop, watchdog, may_write), start, state)
                break
            except NonFiniteError as error:
                back = error.report["last_good_checkpoint"]
                is_exhausted = back is None or rollbacks.count(back) >= MAX_ROLLBACKS
                if not run.policy.rollback or is_exhausted:
                    raise
                logger.warning("%s; going back there", error)
                rollbacks.append(back)
            start, state = _roll_back(run, len(rollbacks))
        if is_first():
            with within(STOP_SECONDS if stop.is_urgent() else None):
                curves_png(run.workdir / "curves.png", run.workdir / "metrics.jsonl")
    if stop.signal is None:
        return Exit.FINISHED
    return Exit.INTERRUPTED if stop.signal == signal.SIGINT else Exit.PREEMPTED


class _Play(NamedTuple):
    """What stays the same from step to step."""

    run: Run
    steps: Mapping[int, Any]
    stop: Stop
    watchdog: Watchdog
    may_write: Callable[[], None] | None


def _play(play: _Play, start: int, state: TrainState) -> None:
    """Plays from `start` to the end, or until `stop`, and saves."""
    run, steps, stop, watchdog, _ = play
    cadence, in_flight = run.cadence, deque[Metrics]()
    done, metrics = start, Metrics()
    with (
        _open_log(run, start) as log,
        Profile(run.workdir / "profile", run.policy.profile_calls) as profile,
    ):
        try:
            while done < cadence.total_steps:
                watchdog.enter("reading data")
                batch = log.wait_for(run.batches)
                watchdog.enter("a step, or waiting for the other processes")
                phase = max(first for first in steps if first <= done)
                if phase == done > 0:
                    logger.info("step %d: compiling the next phase", phase)
                state, metrics = steps[phase](state, batch)
                done += cadence.steps_per_call
                # The line of the last call is read only now, behind the dispatch of this one.
                log.write()
                in_flight.append(metrics)
                if len(in_flight) > MAX_AHEAD:
                    jax.block_until_ready(in_flight.popleft())
                profile.called(metrics)
                is_stopped = stop.is_due()
                is_last = is_stopped or done == cadence.total_steps
                log.called(done, metrics, is_last or done % cadence.log_every_steps == 0)
                if is_stopped:
                    # First what would be lost; there may be no time for more.
                    _save(play, state, done, metrics, log)
                    run.checkpoints.wait()
                    if not stop.is_urgent():
                        _show(play, state, done, is_last, log)
                    break
                _show(play, state, done, is_last, log)
                scores = _evaluate(play, state, done, log)
                if is_last or done % cadence.checkpoint_every_steps == 0:
                    _save(play, state, done, {**metrics, **scores}, log)
            watchdog.enter("completing the last checkpoint")
            run.checkpoints.wait()
        except StepNotFiniteError as error:
            raise NonFiniteError(_report(run, error, state)) from None
        except (LockedError, SaveError):
            raise
        except Exception:
            if done > start:
                _rescue(play, state, done, metrics, log)
            raise
        finally:
            watchdog.enter("ending")


@contextmanager
def _open_log(run: Run, start: int) -> Iterator[Log]:
    """Only the first process writes."""
    if not is_first():
        yield Log(None, None, run.work, start)
        return
    with (
        MetricWriter(run.workdir, resume_step=start or None) as writer,
        Progress(run.cadence.total_steps, start, images_per_step=run.work.images) as progress,
    ):
        watch = Watch(run.workdir, resume_step=start or None) if run.watch else None
        yield Log(writer, progress, run.work, start, watch)


def _roll_back(run: Run, attempt: int) -> tuple[int, TrainState]:
    """The last good state, with other random numbers; the data go on where they are."""
    start, state, _ = run.checkpoints.restore(run.template)

    def renew(key: Key) -> Key:
        return stream(key, "rollback", attempt)

    renew_all = renew if state.key.ndim == 0 else jax.vmap(renew)
    sharding = run.template.key.sharding
    return start, state._replace(key=jax.jit(renew_all, out_shardings=sharding)(state.key))


def _save(play: _Play, state: TrainState, step: int, metrics: Mapping[str, Any], log: Log) -> None:
    play.watchdog.enter("saving a checkpoint")
    log.write()
    if not bool(is_finite(state)):
        raise find_nonfinite(log.calls) or StepNotFiniteError(step, {})
    if play.may_write is not None:
        play.may_write()
    if log.writer is not None:
        log.writer.flush()
    values = {name: float(value) for name, value in jax.device_get(metrics).items()}
    play.run.checkpoints.save(step, state, play.run.batches.get_state(), values)


def _rescue(play: _Play, state: TrainState, step: int, metrics: Metrics, log: Log) -> None:
    """Saves the steps done when something else fails; that is raised in any case."""
    is_gone = any(leaf.is_deleted() for leaf in jax.tree.leaves(state))
    # The other processes are in the next step already, and would not come.
    if is_gone or jax.process_count() > 1 or step in play.run.checkpoints.steps():
        return
    try:
        _save(play, state, step, metrics, log)
        play.run.checkpoints.wait()
    except Exception as error:
        logger.warning("step %d could not be saved: %s", step, error)
    else:
        logger.warning("step %d: saved, as the run cannot go on", step)


def _show(play: _Play, state: TrainState, step: int, is_last: bool, log: Log) -> None:
    """The picture and the analysis, where they are due."""
    run, cadence = play.run, play.run.cadence
    if is_last or step % cadence.sample_every_steps == 0:
        play.watchdog.enter("drawing samples")
        picture = run.draw(state)
        log.add(step, picture.metrics)
        if log.writer is not None:
            save_png(run.workdir / "samples" / f"step_{step:08d}.png", picture.pixels)
            log.writer.image(step, "samples", picture.pixels)
    if run.spectrum is not None and (is_last or step % cadence.analysis_every_steps == 0):
        play.watchdog.enter("the analysis of the game")
        log.write()
        local = distributed.gather(state, run.mesh)
        if log.writer is not None:
            run.spectrum(local, step, log.writer)


def _evaluate(play: _Play, state: TrainState, step: int, log: Log) -> dict[str, float]:
    """What is measured after this step, if anything; a run that is asked to stop does not wait."""
    run, cadence = play.run, play.run.cadence
    if run.evaluate is None or (step % cadence.eval_every_steps and step != cadence.total_steps):
        return {}
    log.write()

    def check_stop() -> None:
        play.watchdog.enter("an evaluation")
        # Several processes find a step at which all of them stop.
        if play.stop.signal is not None and jax.process_count() == 1:
            raise _AbandonedError

    start = time.perf_counter()
    try:
        scores = run.evaluate(state, step, check_stop)
    except _AbandonedError:
        logger.info("step %d: not evaluated, as the run is to stop", step)
        return {}
    finally:
        log.paused(time.perf_counter() - start)
    log.add(step, scores)
    return scores


class _AbandonedError(Exception):
    """An evaluation that a signal has cut short."""


def _report(run: Run, error: StepNotFiniteError, state: TrainState) -> dict[str, Any]:
    try:
        run.checkpoints.wait()
    except CheckpointError as failure:
        logger.warning("%s", failure)
    path = run.workdir / "nonfinite.json" if is_first() else None
    return write_report(path, error, state, max(run.checkpoints.steps(), default=None))
