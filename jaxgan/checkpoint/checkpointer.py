"""Checkpoints of a training run: the only file that imports Orbax.

A checkpoint is one directory named after its step. Orbax writes it under another name; then the
manifest is added, with a digest of every file; then the directory gets its name. So a plain number
is complete, and what happens to its files later is found when it is read. Orbax keeps a flat dict
from leaf path (`params/gen/Dense_0/kernel`) to array; all else is in the manifest.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
from orbax.checkpoint import v1 as ocp

from jaxgan.checkpoint import directory as archive
from jaxgan.checkpoint import manifest
from jaxgan.checkpoint.directory import Archive, Best
from jaxgan.checkpoint.leaves import (
    as_data,
    data_like,
    named_leaves,
    signatures,
    size_of,
    typed_like,
)
from jaxgan.checkpoint.manifest import Manifest
from jaxgan.checkpoint.ocdbt import (
    cause_of,
    check_restorable,
    complete_at_exit,
    has_wildcards,
    without_wildcards,
)
from jaxgan.core.errors import CheckpointError, NoCheckpointError, SaveError
from jaxgan.core.typing import Array, PyTree
from jaxgan.distributed.agreement import from_first, in_any
from jaxgan.version import __version__

_LOGGER = logging.getLogger("jaxgan.checkpoint")
_ORBAX = version("orbax-checkpoint")


class Checkpoints:
    """The checkpoints of one run, in one directory.

    Opening and reading change nothing on disk, so a run in progress can be sampled or evaluated
    from another process; `save` clears what a crashed run left half-written. In a multi-process
    run every process makes the same calls.

    Args:
      directory: where the checkpoints are; created by the first save.
      keep: how many of the newest checkpoints stay. Damaged ones do not count.
      best: which others stay; none by default.
      config: of the run, as JSON has it; kept with each checkpoint.

    Raises:
      ValueError: if `keep` or `best.keep` is below 1, or `best.mode` unknown.

    >>> import tempfile
    >>> import jax.numpy as jnp
    >>> state = {"step": jnp.int32(5), "key": jax.random.key(0), "opt_state": ()}
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     checkpoints = Checkpoints(Path(directory))
    ...     checkpoints.save(5, state, {"batch": 40})
    ...     checkpoints.wait()
    ...     step, restored, data_state = checkpoints.restore(state)
    >>> step, restored["key"] == state["key"], data_state
    (5, Array(True, dtype=bool), {'batch': 40})
    """

    def __init__(
        self,
        directory: Path,
        *,
        keep: int = 3,
        best: Best | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        self._archive = Archive(Path(directory).absolute(), keep, best)
        self._config = None if config is None else json.loads(json.dumps(dict(config)))
        self._pending: tuple[int, Future[None]] | None = None

    def save(
        self,
        step: int,
        state: PyTree,
        data_state: Mapping[str, int],
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        """Starts writing a checkpoint; returns when `state` is copied and may be donated.

        A run that went back to an earlier checkpoint writes its future again: one at `step` is
        replaced, and those beyond it are dropped, when this one is complete. A save that is still
        under way is waited for. One that fails, now or in the background, logs a warning and
        leaves the older checkpoints as they are; `wait` raises it, the next `save` does not.

        Args:
          step: number of steps done, the checkpoint's name.
          state: a pytree of JAX arrays: any shapes, dtypes and shardings, typed PRNG keys too.
          data_state: what the data stream needs to go on from here.
          metrics: what `best` chooses by; one that is not finite is never the best.

        Raises:
          CheckpointError: if a leaf of `state` is no JAX array, or two leaves have one path.
        """
        leaves = named_leaves(state)
        for name, leaf in leaves.items():
            if not isinstance(leaf, jax.Array):
                raise CheckpointError(f"{name} is a {type(leaf).__name__}; it must be a JAX array")
        content = Manifest(
            step=step,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            versions={"jaxgan": __version__, "jax": jax.__version__, "orbax": _ORBAX},
            num_processes=jax.process_count(),
            leaves=signatures(leaves),
            data_state={name: int(value) for name, value in data_state.items()},
            metrics={name: _finite(value) for name, value in (metrics or {}).items()},
            config=self._config,
            files={},
        )
        self._finish()
        write = self._start_writing(step, leaves)
        executor = ThreadPoolExecutor(1, "jaxgan-checkpoint")
        future = executor.submit(self._complete, content, write)
        executor.shutdown(wait=False)
        complete_at_exit(future)
        self._pending = (step, future)

    def steps(self) -> list[int]:
        """The steps of the complete checkpoints, oldest first.

        Half-written ones are left out, and those whose manifest cannot be read; their other files
        are looked at only by `restore` and by `jaxgan checkpoints`.
        """
        return list(self._archive.manifests())

    def best_step(self) -> int | None:
        """The step of the best checkpoint by `best`, or None if none has that metric.

        Raises:
          ValueError: if no `best` was given.
        """
        if self._archive.best is None:
            raise ValueError("best is None; it must say which metric chooses")
        return next(iter(self._archive.ranked(self._archive.manifests())), None)

    def restore(
        self, state_like: PyTree, step: int | None = None
    ) -> tuple[int, PyTree, dict[str, int]]:
        """Reads a checkpoint back, bit for bit, on any number of devices and processes.

        Every file is compared with the manifest first.

        Args:
          state_like: structure, shapes, dtypes and shardings: arrays or ShapeDtypeStructs. A leaf
            without a sharding, or an uncommitted array, comes back uncommitted.
          step: which one; None takes the newest that is good and fits, and logs one warning line
            for each newer one.

        Returns:
          (step, state, data_state).

        Raises:
          NoCheckpointError: if there is none.
          CheckpointError: in one line: there is none of `step`, the newest is damaged and so are
            the others, or the first leaf that differs from `state_like`, with what was expected
            and what was found; or the save before this failed.
        """
        self.wait()
        like = named_leaves(state_like)
        reasons: list[str] = []

        def report(reason: str) -> None:
            reasons.append(reason)
            if step is None:
                _LOGGER.warning("%s", reason)

        for found, path, content in self._usable(like, step, report):
            try:
                leaves = _load(path, like)
            except Exception as error:
                # Whatever Orbax and TensorStore raise.
                report(f"checkpoint {found} cannot be read: {cause_of(error)}")
                if jax.process_count() == 1:
                    continue
                break
            if (writer := content.versions["jaxgan"]) != __version__:
                _LOGGER.info(
                    "checkpoint %d was written by jaxgan %s, this is %s", found, writer, __version__
                )
            treedef = jax.tree.structure(state_like)
            return found, jax.tree.unflatten(treedef, leaves), dict(content.data_state)
        raise CheckpointError(
            reasons[0] + ("; nor can an older one be used" if len(reasons) > 1 else "")
        )

    def wait(self) -> None:
        """Waits until the save under way is complete on disk.

        Raises:
          SaveError: if it failed, with step, directory and cause; saving again is allowed.
        """
        error = self._finish()
        if error is not None:
            raise error

    def close(self) -> None:
        """Completes the save under way, like `wait`; saving again afterwards is allowed."""
        self.wait()

    def _finish(self) -> SaveError | None:
        """Waits for the save under way; what went wrong, in every process if in one."""
        pending, self._pending = self._pending, None
        if pending is None:
            return None
        step, future = pending
        error = future.exception()
        # Here, as a background thread must not meet other processes on the devices.
        if not in_any(error is not None):
            return None
        if jax.process_index() == 0:
            self._archive.clear()
        if isinstance(error, SaveError):
            return error
        return SaveError(f"checkpoint {step} was not saved: another process failed")

    def _start_writing(self, step: int, leaves: dict[str, Array]) -> Callable[[], Any]:
        """Copies the arrays; gives the rest of the work, for the background."""
        path = self._archive.temporary(step)
        # Orbax stores no array without elements; the shape in the manifest says all of it.
        raw = {name: as_data(leaf) for name, leaf in leaves.items() if leaf.size}
        if jax.process_count() == 1:
            # Orbax's own preparation takes a third of a millisecond per array. Host memory lets
            # all of it go behind the training.
            host = jax.device_get(raw)

            def write() -> None:
                self._archive.prepare()
                with _uncompressed(), without_wildcards(path) as plain:
                    ocp.save(plain, host)

            return write
        # In Orbax's preparation the processes meet.
        failure: Exception | None = None
        try:
            if jax.process_index() == 0:
                self._archive.prepare()
        except OSError as error:
            failure = error
        if in_any(failure is not None):
            return partial(_fail, failure or OSError("process 0 cannot write"))
        try:
            with _uncompressed():
                finish: Callable[[], Any] = ocp.save_async(path, raw).result
                return finish
        except Exception as error:
            return partial(_fail, error)

    def _complete(self, content: Manifest, write: Callable[[], Any]) -> None:
        """In the background: writes, publishes, drops what is superseded."""
        is_first = jax.process_index() == 0
        try:
            with _no_tracebacks():
                write()
            if is_first:
                check_restorable(self._archive.temporary(content.step), content.leaves)
                self._archive.publish(content)
        except Exception as error:
            failure = SaveError(
                f"checkpoint {content.step} was not saved in {self._archive.directory}: "
                f"{cause_of(error)}"
            )
            _LOGGER.warning("%s", failure)
            raise failure from error
        if is_first:
            self._archive.retain(content)

    def _usable(
        self, like: dict[str, Any], step: int | None, report: Callable[[str], None]
    ) -> Iterator[tuple[int, Path, Manifest]]:
        """The good checkpoints that fit, newest first; the same one in every process."""
        leaves, directory = signatures(like), self._archive.directory
        is_one = jax.process_count() == 1
        chosen, is_empty = None, False
        if jax.process_index() == 0:
            is_empty = step is None and not archive.find(directory)
            for found in self._archive.usable(leaves, step, report):
                if is_one:
                    yield found
                    continue
                chosen = found[0]
                break
        chosen, is_empty = from_first([chosen, is_empty])
        if is_empty:
            raise NoCheckpointError(f"no checkpoint in {directory}")
        if chosen is not None:
            path = archive.find(directory)[chosen]
            yield chosen, path, manifest.read(path)
        elif jax.process_index() > 0:
            report(f"no usable checkpoint in {directory}; process 0 says why")


def check_directory(directory: Path) -> None:
    """Raises if several processes cannot write checkpoints there.

    Args:
      directory: of the checkpoints.

    Raises:
      CheckpointError: if its path has wildcards, which Orbax takes for a pattern.
    """
    if jax.process_count() > 1 and has_wildcards(Path(directory).absolute()):
        raise CheckpointError(
            f"workdir is {str(directory.parent)!r}; of several processes it must be a path "
            "without * ? ["
        )


def _load(path: Path, like: dict[str, Any]) -> list[Array]:
    """The leaves in the order of `like`."""
    raw_like = {name: data_like(leaf) for name, leaf in like.items() if size_of(leaf)}
    found = ocp.load(path, raw_like)
    return [typed_like(found.get(name), leaf) for name, leaf in like.items()]


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _uncompressed() -> ocp.Context:
    """Compression takes longer than the disk, and saves 7 % of float32 weights."""
    context = ocp.Context()
    context.array.saving.use_compression = False
    return context


@contextmanager
def _no_tracebacks() -> Iterator[None]:
    """Orbax logs an error once for each of its threads that it passes; it is raised as well."""

    def is_news(record: logging.LogRecord) -> bool:
        return "_SignalingThread.run() raised" not in str(record.msg)

    logger = logging.getLogger("absl")
    logger.addFilter(is_news)
    try:
        yield
    finally:
        logger.removeFilter(is_news)


def _fail(error: Exception) -> None:
    raise error
