"""The folder of a run's checkpoints: what is in it, what is whole, what stays. Needs no JAX.

A plain number is a complete checkpoint of that step. `STEP.saving` is being written, or was when
its process died; `STEP.deleted` is being deleted.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple

from jaxgan.checkpoint import manifest
from jaxgan.checkpoint.manifest import FormatError, Manifest, ManifestError
from jaxgan.core.errors import bad_value
from jaxgan.core.ranges import Count

_LOGGER = logging.getLogger("jaxgan.checkpoint")
_SAVING = ".saving"
_DELETED = ".deleted"
_ORBAX = ".orbax-checkpoint-tmp"


class Best(NamedTuple):
    """Which checkpoints are the best ones.

    Attributes:
      metric: name of the metric that `save` is given.
      mode: whether the smallest or the largest is best.
      keep: how many of the best stay, besides the newest.
    """

    metric: str
    mode: Literal["min", "max"] = "min"
    keep: Count = 1


class Row(NamedTuple):
    """What is known of one checkpoint.

    Attributes:
      name: of its folder.
      step: which it has, or would have had.
      problem: why it cannot be used, in one line; None for a good one.
      finished: False for what a save or deletion left that was interrupted, or is under way.
      size: in bytes, of all files beneath.
      manifest: what it says; None if it cannot be read.
    """

    name: str
    step: int
    problem: str | None
    finished: bool
    size: int
    manifest: Manifest | None


def inspect(directory: Path) -> list[Row]:
    """Reads every byte of every checkpoint of a run; changes nothing.

    Args:
      directory: the folder of a run's checkpoints.

    Returns:
      A row for each, oldest first. One is also not good if its model is another than that of
      the oldest one whose manifest can be read.

    Raises:
      OSError: if the folder itself cannot be read.
    """
    rows = []
    leaves: dict[str, str] | None = None
    for step, path in find(directory).items():
        content, problem = None, None
        try:
            content = _read(step, path)
            leaves = content.leaves if leaves is None else leaves
            change = manifest.difference(leaves, content.leaves)
            problem = None if change is None else f"of another model: {change}"
            manifest.verify(path)
        except ManifestError as error:
            problem = str(error)
        rows.append(Row(path.name, step, problem, True, _size(path), content))
    for path in unfinished(directory):
        kind = "deletion" if path.name.endswith(_DELETED) else "save"
        problem = f"a {kind} that was interrupted, or is under way"
        rows.append(Row(path.name, _step(path), problem, False, _size(path), None))
    return sorted(rows, key=lambda row: (row.step, row.name))


def find(directory: Path) -> dict[int, Path]:
    """The folders of the checkpoints that were completed, damaged since or not, oldest first.

    Args:
      directory: the folder of a run's checkpoints; it need not exist.

    Returns:
      Folder by step.
    """
    found: dict[int, Path] = {}
    for path in sorted(_folders(directory)):
        step = _step(path)
        # One of the second kind waits for its last renaming: its process died before it.
        complete = path.name == f"{step}{_SAVING}" and os.path.lexists(path / manifest.NAME)
        if path.name == str(step) or complete:
            found.setdefault(step, path)
    return dict(sorted(found.items()))


def unfinished(directory: Path) -> list[Path]:
    """What saves and deletions that were interrupted, or are under way, have in a folder.

    Args:
      directory: the folder of a run's checkpoints; it need not exist.

    Returns:
      Their folders, by step.
    """
    complete = find(directory).values()
    return sorted((p for p in _folders(directory) if p not in complete), key=_step)


class Archive:
    """Files of a run's checkpoints, for the one process that writes them and any that read.

    Args:
      directory: where the checkpoints are.
      keep: how many of the newest good ones stay.
      best: which others stay.

    Raises:
      ValueError: if `keep` or `best.keep` is below 1, or `best.mode` unknown.
    """

    def __init__(self, directory: Path, keep: int, best: Best | None) -> None:
        if keep < 1:
            raise ValueError(bad_value("keep", keep, "at least 1"))
        if best is not None and best.keep < 1:
            raise ValueError(bad_value("best.keep", best.keep, "at least 1"))
        if best is not None and best.mode not in ("min", "max"):
            raise ValueError(bad_value("best.mode", best.mode, ["min", "max"]))
        self.directory = directory
        self.best = best
        self._keep = keep
        # What this process has written, or read every byte of: whether a step is good.
        self._good: dict[int, bool] = {}

    def temporary(self, step: int) -> Path:
        """Where the files of a checkpoint are written."""
        return self.directory / f"{step}{_SAVING}"

    def manifests(self) -> dict[int, Manifest]:
        """Those that can be read, oldest first."""
        found = {}
        for step, path in find(self.directory).items():
            try:
                found[step] = _read(step, path)
            except ManifestError:
                continue
        return found

    def ranked(self, found: Mapping[int, Manifest]) -> list[int]:
        """The steps that have the metric of `best`, the best first; of equal ones the newest."""
        if self.best is None:
            return []
        name, sign = self.best.metric, 1 if self.best.mode == "min" else -1
        values = {step: content.metrics.get(name) for step, content in found.items()}
        scores = {step: sign * value for step, value in values.items() if value is not None}
        return sorted(scores, key=lambda step: (scores[step], -step))

    def usable(
        self, leaves: Mapping[str, str], step: int | None, report: Callable[[str], None]
    ) -> Iterator[tuple[int, Path, Manifest]]:
        """The good checkpoints of a model, newest first.

        Args:
          leaves: dtype and shape by path.
          step: the only one to try; None for all.
          report: is given a line for each that cannot be used.
        """
        found = find(self.directory)
        if step is None:
            for path in unfinished(self.directory):
                if _step(path) > max(found, default=-1):
                    _LOGGER.warning("%s: a save that was interrupted, or is under way", path.name)
        elif step not in found:
            report(f"no checkpoint of step {step} in {self.directory}, has {list(found)}")
        for candidate in reversed(found):
            if step not in (None, candidate):
                continue
            path = found[candidate]
            try:
                content = _read(candidate, path)
                if change := manifest.difference(leaves, content.leaves):
                    report(f"checkpoint {candidate}: {change}")
                    continue
                manifest.verify(path)
            except ManifestError as error:
                self._good[candidate] = False
                report(f"checkpoint {candidate} is damaged: {error}")
                continue
            self._good[candidate] = True
            yield candidate, path, content

    def prepare(self) -> None:
        """Makes the directory, and clears what a crashed run left in it."""
        self.directory.mkdir(parents=True, exist_ok=True)
        for step, path in find(self.directory).items():
            if path.name != str(step):
                path.rename(path.with_name(str(step)))
        self.clear()

    def clear(self) -> None:
        """Removes what saves and deletions have left that ended too early."""
        for path in unfinished(self.directory):
            if path.name.endswith((_SAVING, _DELETED)) or _ORBAX in path.name:
                shutil.rmtree(path, ignore_errors=True)

    def publish(self, content: Manifest) -> None:
        """Completes a checkpoint whose files are written, and gives it its name.

        Raises:
          OSError: if that cannot be done; what was there before is as it was.
        """
        temporary, path = self.temporary(content.step), self.directory / str(content.step)
        manifest.write(temporary, content)
        replaced = path.with_name(path.name + _DELETED)
        if path.exists():
            path.rename(replaced)
        temporary.rename(path)
        manifest.sync(self.directory)
        self._good[content.step] = True
        shutil.rmtree(replaced, ignore_errors=True)

    def retain(self, saved: Manifest) -> None:
        """Drops what a checkpoint supersedes.

        Those of another model or of another format are not this run's: they stay. A
        damaged one may yet be mended by hand: it stays until `keep` good ones are newer.
        """
        ours, damaged = {}, []
        for step, path in find(self.directory).items():
            try:
                content = _read(step, path)
            except FormatError:
                continue
            except ManifestError:
                damaged.append(step)
                continue
            if content.leaves == saved.leaves:
                ours[step] = content
        past = {step: content for step, content in ours.items() if step <= saved.step}
        good = (step for step in reversed(past) if self._is_good(step))
        kept = list(islice(good, self._keep))
        dropped = {step for step in ours if step > saved.step}
        if len(kept) == self._keep:
            dropped |= {step for step in (*past, *damaged) if step < kept[-1]}
        if self.best is not None:
            good = (step for step in self.ranked(past) if self._is_good(step))
            dropped -= set(islice(good, self.best.keep))
        for step in sorted(dropped):
            self._delete(step)

    def _delete(self, step: int) -> None:
        """Renames first, so that a crash half way leaves no damaged checkpoint in the list."""
        path = self.directory / str(step)
        self._good.pop(step, None)
        try:
            shutil.rmtree(path.rename(path.with_name(path.name + _DELETED)))
        except OSError as error:
            _LOGGER.warning("checkpoint %d cannot be deleted: %s", step, error)

    def _is_good(self, step: int) -> bool:
        """Whether a checkpoint is undamaged; read at most once by this process."""
        if step not in self._good:
            try:
                manifest.verify(self.directory / str(step))
                self._good[step] = True
            except ManifestError as error:
                _LOGGER.warning("checkpoint %d is damaged: %s", step, error)
                self._good[step] = False
        return self._good[step]


def _read(step: int, path: Path) -> Manifest:
    """The manifest of a folder, which must be of the step that names it."""
    content = manifest.read(path)
    if content.step != step:
        raise ManifestError(f"{manifest.NAME} is of step {content.step}")
    return content


def _folders(directory: Path) -> list[Path]:
    """The folders whose name begins with a step."""
    if not directory.is_dir():
        return []
    return [path for path in directory.iterdir() if _step(path) >= 0 and path.is_dir()]


def _step(path: Path) -> int:
    """The step that a folder's name begins with; -1 if there is none."""
    number = path.name.partition(".")[0]
    is_step = number.isascii() and number.isdigit() and str(int(number)) == number
    return int(number) if is_step else -1


def _size(directory: Path) -> int:
    """Bytes of all files beneath; what cannot be seen does not count."""
    total = 0
    for folder, _, names in os.walk(directory):
        for name in names:
            try:
                total += os.stat(os.path.join(folder, name)).st_size
            except OSError:
                continue
    return total
