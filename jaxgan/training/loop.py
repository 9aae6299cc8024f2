"""The training loop: one compiled step, logs one call late, hooks, checkpoints, faults."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
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
from jaxgan.core.show import counts_of, rows
from jaxgan.core.state import TrainState, stream
from jaxgan.core.typing import Key, Metrics, PyTree
from jaxgan.distributed.preemption import Stop, deferred_signals, within
from jaxgan.distributed.processes import Watchdog, is_first
from jaxgan.training.collapse import Watch
from jaxgan.training.hooks import Hook, Moment, check_every
from jaxgan.training.nonfinite import (
    MAX_SKIPPED,
    check_skipped,
    find_nonfinite,
    is_finite,
    last_taken,
    write_report,
)
from jaxgan.training.settings import Begun, Ended, Exit, Policy
from jaxgan.training.telemetry import Batches, Log, Profile, Work
from jaxgan.writers import MetricWriter, Progress, Writer, save_curves

logger = logging.getLogger(__name__)


MAX_AHEAD = 2
"""Calls of the step that may be under way: the device never waits, memory stays bounded."""

STOP_SECONDS = 5.0
"""What a run that was asked to end by SIGTERM or SIGHUP may still take when its state is saved."""

MAX_ROLLBACKS = 3
"""Without a new checkpoint in between; then the run ends."""


@dataclass(frozen=True, repr=False)
class Run:
    """All that a run is made of.

    Attributes:
      algorithm: what to run.
      batches: where its batches come from, already on the devices.
      key: the run's key.
      total_steps: where it ends.
      steps_per_call: steps done by one call of the compiled step.
      log_every_steps: between lines of metrics.
      checkpoint_every_steps: between checkpoints.
      workdir: where to write `checkpoints/`, `metrics.jsonl`, `tensorboard/`, `samples/`,
        `curves/`.
      mesh: the devices.
      template: shapes of the state, and how it lies on them.
      checkpoints: where the state is kept.
      work: what one step does.
      hooks: what is called besides, in this order, after logging and before saving.
      writers: what gets lines and pictures besides, by name: functions that open them, of the step
        that a run goes on from.
      policy: what to do about faults.
      watch: whether to warn of collapse, in the log and in `warnings.jsonl`.
      members: names of members that log by themselves, as those of a grid do; each is watched.
      later: what runs in the algorithm's place from a step on, of a game with phases.
    """

    algorithm: Algorithm
    batches: Batches
    key: Key
    total_steps: int
    steps_per_call: int
    log_every_steps: int
    checkpoint_every_steps: int
    workdir: Path
    mesh: Mesh
    template: PyTree
    checkpoints: Checkpoints
    work: Work
    hooks: tuple[Hook, ...] = ()
    writers: Mapping[str, Callable[[int | None], Writer | None]] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)
    watch: bool = True
    members: tuple[str, ...] = ()
    later: Mapping[int, Algorithm] = field(default_factory=dict)

    def __post_init__(self) -> None:
        every = {n: steps for n, steps in vars(self).items() if n.endswith("_steps")}
        every |= {hook.name: hook.every for hook in self.hooks}
        check_every(every, steps_per_call=self.steps_per_call)

    def __repr__(self) -> str:
        parts = {
            "parameters": counts_of(self.template.params),
            "devices": str(self.mesh.size),
            "hooks": ", ".join(hook.name for hook in self.hooks),
        }
        return rows(f"Run: {self.workdir}, to step {self.total_steps}", parts)


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
) -> Ended:
    """Trains from the last checkpoint, or from the beginning, to `total_steps`.

    With several processes, all call it; the first one writes logs and pictures.

    Args:
      run: what to run, and where.
      begun: what `begin` returned; it is called otherwise.
      may_write: raises `LockedError` if the folder is another run's by now; asked before a
        checkpoint is written.

    Returns:
      Where it ended; FINISHED at once if the last checkpoint is at `total_steps` already.

    Raises:
      NonFiniteError: where a number is not finite. Such a state is never saved;
        `nonfinite.json` says which metrics, players and leaves.
      CheckpointError: if the last state cannot be saved.
      Exception: what fails between two steps, such as reading the data; the steps done are saved
        first, in a run of one process.
    """
    start, state = begin(run) if begun is None else begun
    if start >= run.total_steps:
        logger.info("finished: %s has done its %d steps", run.workdir, start)
        return Ended(Exit.FINISHED, start, state)
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
                now = _play(_Play(run, steps, stop, watchdog, may_write), start, state)
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
                save_curves(run.workdir / "curves", run.workdir / "metrics.jsonl")
    by_hand = stop.signal == signal.SIGINT
    how = Exit.INTERRUPTED if by_hand else Exit.FINISHED if stop.signal is None else Exit.PREEMPTED
    return Ended(how, now.step, now.state)


class _Play(NamedTuple):
    """What stays the same from step to step."""

    run: Run
    steps: Mapping[int, Any]
    stop: Stop
    watchdog: Watchdog
    may_write: Callable[[], None] | None


def _play(play: _Play, start: int, state: TrainState) -> Moment:
    """Plays from `start` to the end, or until `stop`, and saves."""
    run, steps, stop, watchdog, _ = play
    with (
        _open_log(run, start) as log,
        Profile(run.workdir / "profile", run.policy.profile_calls) as profile,
    ):
        calls = _Calls(log, start)
        hooks = (
            Hook(run.log_every_steps, "logging", _make_due),
            *run.hooks,
            Hook(run.checkpoint_every_steps, "saving a checkpoint", partial(_save, play, calls)),
        )
        now = Moment(step=start, state=state, log=log, settle=calls.settle)
        try:
            while now.step < run.total_steps and not now.is_stopped:
                watchdog.enter("reading data")
                with log.waiting():
                    batch = next(run.batches)
                watchdog.enter("a step, or waiting for the other processes")
                phase = max(first for first in steps if first <= now.step)
                if phase == now.step > 0:
                    logger.info("step %d: compiling the next phase", phase)
                state, metrics = steps[phase](now.state, batch)
                now = now._replace(step=now.step + run.steps_per_call, state=state, metrics=metrics)
                # The line of the last call is fetched only now, behind the dispatch of this one.
                calls.settle()
                calls.note(now.step, metrics)
                profile.called(metrics)
                now = now._replace(is_stopped=stop.is_due())
                _call_hooks(play, hooks, now)
            watchdog.enter("completing the last checkpoint")
            run.checkpoints.wait()
            return now
        except StepNotFiniteError as error:
            raise NonFiniteError(_report(run, error, now.state)) from None
        except (LockedError, SaveError):
            raise
        except Exception:
            if now.step > start:
                _rescue(run, hooks[-1], now)
            raise
        finally:
            watchdog.enter("ending")


def _call_hooks(play: _Play, hooks: tuple[Hook, ...], now: Moment) -> None:
    """Those that are due; of a run that is to stop, what would be lost comes first."""
    log, *others, save = hooks
    is_last = now.is_stopped or now.step == play.run.total_steps
    for hook in (log, save, *others) if now.is_stopped else hooks:
        if not (is_last or now.step % hook.every == 0):
            continue
        play.watchdog.enter(hook.name)
        try:
            found = hook.call(now._replace(alive=partial(_alive, play, hook.name)))
        except _AbandonedError:
            logger.info("step %d: without %s, as the run is to stop", now.step, hook.name)
            continue
        if found:
            now.log.add(now.step, found)
            now = now._replace(metrics={**now.metrics, **found})
        if hook is save and now.is_stopped:
            play.run.checkpoints.wait()
            if play.stop.is_urgent():
                break


def _alive(play: _Play, name: str) -> None:
    play.watchdog.enter(name)
    # Several processes find a step at which all of them stop.
    if play.stop.signal is not None and jax.process_count() == 1:
        raise _AbandonedError


class _AbandonedError(Exception):
    """A hook that a signal has cut short."""


def _make_due(now: Moment) -> None:
    now.log.pending = (now.step, now.metrics)


@dataclass
class _Calls:
    """The calls of the step since the last line; what they gave is fetched one call late."""

    log: Log
    taken: int
    since: list[tuple[int, Metrics]] = field(default_factory=list)
    is_stuck: bool = False

    def note(self, step: int, metrics: Metrics) -> None:
        """Notes a call, and waits until at most `MAX_AHEAD` are under way."""
        self.since.append((step, metrics))
        if len(self.since) > MAX_AHEAD:
            jax.block_until_ready(self.since[-1 - MAX_AHEAD][1])

    def settle(self) -> None:
        """Writes the line that is due, if any; raises if it is not finite, or a call before it."""
        if self.log.pending is None:
            return
        step, metrics = self.log.pending
        self.log.pending = None
        values = {name: float(value) for name, value in jax.device_get(metrics).items()}
        calls, self.since = self.since, []
        self.log.write(step, values)
        if error := find_nonfinite(calls):
            raise error
        self.taken = last_taken(calls, self.taken)
        was_stuck, self.is_stuck = self.is_stuck, check_skipped(step, self.taken, values)
        if self.is_stuck and not was_stuck:
            text = "step %d: the last %d steps were skipped, as not finite; %d in a row end the run"
            logger.warning(text, step, step - self.taken, MAX_SKIPPED)


@contextmanager
def _open_log(run: Run, start: int) -> Iterator[Log]:
    """Only the first process writes."""
    if not is_first():
        yield Log(None, None, run.work, start)
        return
    opened = {name: make(start or None) for name, make in run.writers.items()}
    others = {name: writer for name, writer in opened.items() if writer is not None}
    with (
        MetricWriter(run.workdir, resume_step=start or None, others=others) as writer,
        Progress(run.total_steps, start, images_per_step=run.work.images) as progress,
    ):
        watch = None
        if run.watch:
            watch = Watch(run.workdir, resume_step=start or None, members=run.members)
        yield Log(writer, progress, run.work, start, watch)


def _roll_back(run: Run, attempt: int) -> tuple[int, TrainState]:
    """The last good state, with other random numbers; the data go on where they are."""
    start, state, _ = run.checkpoints.restore(run.template)

    def renew(key: Key) -> Key:
        return stream(key, "rollback", attempt)

    renew_all = renew if state.key.ndim == 0 else jax.vmap(renew)
    sharding = run.template.key.sharding
    return start, state._replace(key=jax.jit(renew_all, out_shardings=sharding)(state.key))


def _save(play: _Play, calls: _Calls, now: Moment) -> None:
    calls.settle()
    if not bool(is_finite(now.state)):
        raise find_nonfinite(calls.since) or StepNotFiniteError(now.step, {})
    if play.may_write is not None:
        play.may_write()
    if now.log.writer is not None:
        now.log.writer.flush()
    run, values = play.run, jax.device_get(now.metrics)
    metrics = {name: float(value) for name, value in values.items()}
    run.checkpoints.save(now.step, now.state, run.batches.get_state(), metrics)


def _rescue(run: Run, save: Hook, now: Moment) -> None:
    """Saves the steps done when something else fails; that is raised in any case."""
    is_gone = any(leaf.is_deleted() for leaf in jax.tree.leaves(now.state))
    # The other processes are in the next step already, and would not come.
    if is_gone or jax.process_count() > 1 or now.step in run.checkpoints.steps():
        return
    try:
        save.call(now)
        run.checkpoints.wait()
    except Exception as error:
        logger.warning("step %d could not be saved: %s", now.step, error)
    else:
        logger.warning("step %d: saved, as the run cannot go on", now.step)


def _report(run: Run, error: StepNotFiniteError, state: TrainState) -> dict[str, Any]:
    try:
        run.checkpoints.wait()
    except CheckpointError as failure:
        logger.warning("%s", failure)
    path = run.workdir / "nonfinite.json" if is_first() else None
    return write_report(path, error, state, max(run.checkpoints.steps(), default=None))
