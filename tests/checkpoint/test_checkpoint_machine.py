"""Any order of saves, crashes, damage and repair: what stays in a folder, and what comes back."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import jax.numpy as jnp
import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from jaxgan.checkpoint import manifest
from jaxgan.checkpoint.checkpointer import Checkpoints
from jaxgan.checkpoint.directory import Archive, Best, find, unfinished
from jaxgan.checkpoint.manifest import Manifest
from jaxgan.core.errors import CheckpointError, SaveError

MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""Where flushing takes no time."""

STEPS = st.integers(0, 7)
FIDS = st.sampled_from([1.0, 2.0, 3.0, None])
BESTS = st.sampled_from([None, Best("fid", "min"), Best("fid", "max")])


class Saved(NamedTuple):
    """What a folder holds of one step."""

    mark: int  # tells it from other saves of this step
    fid: float | None
    damaged: str | None = None  # which of its files
    backup: bytes = b""


class Folder(RuleBasedStateMachine):
    """A folder and what it should hold, written by one process after the other, without arrays."""

    @initialize(keep=st.integers(1, 3), best=BESTS)
    def start(self, keep: int, best: Best | None) -> None:
        self.root = Path(tempfile.mkdtemp(dir=MEMORY))
        self.path = self.root / "checkpoints"
        self.keep, self.best, self.mark = keep, best, 0
        self.held: dict[int, Saved] = {}
        self.restart()

    def teardown(self) -> None:
        shutil.rmtree(self.root)

    def restart(self) -> None:
        """What a process has verified it does not read again, so that it misses later damage."""
        self.archive = Archive(self.path, self.keep, self.best)

    def write(self, step: int, mark: int, fid: float | None) -> None:
        self.archive.prepare()
        folder = self.archive.temporary(step)
        (folder / "d").mkdir(parents=True)
        (folder / "data").write_text(f"{step}")
        (folder / "d" / "more").write_text(f"{mark}")
        content = Manifest(
            step=step,
            created="",
            versions={"jaxgan": "0"},
            num_processes=1,
            leaves={},
            data_state={"mark": mark},
            metrics={"fid": fid},
            config=None,
            files={},
        )
        self.archive.publish(content)
        self.archive.retain(content)

    def read(self, step: int | None = None) -> tuple[int, int]:
        """Which one comes back, and its mark."""
        reasons: list[str] = []
        for found, _, content in self.archive.usable({}, step, reasons.append):
            return found, content.data_state["mark"]
        raise CheckpointError("; ".join(reasons))

    def good(self, last: int = 99) -> list[int]:
        """The undamaged ones up to a step, the newest first."""
        return [s for s, it in sorted(self.held.items())[::-1] if it.damaged is None and s <= last]

    def readable(self) -> list[int]:
        return [s for s, it in sorted(self.held.items()) if it.damaged != manifest.NAME]

    def ranked(self, steps: list[int]) -> list[int]:
        """Those that have a score, the best first; of equal ones the newest."""
        if self.best is None:
            return []
        sign = 1 if self.best.mode == "min" else -1
        scores = {s: sign * fid for s in steps if (fid := self.held[s].fid) is not None}
        return sorted(scores, key=lambda step: (scores[step], -step))

    def stays(self, step: int, saved: int) -> bool:
        """Whether a save leaves a checkpoint where it is."""
        newest = self.good(saved)[: self.keep]
        if step > saved:  # of a future that is written again
            return step not in self.readable()
        if self.held[step].damaged is not None:  # it may yet be mended
            return len(newest) < self.keep or step > newest[-1]
        return step in newest or step in self.ranked(self.good(saved))[:1]

    @rule(by=st.integers(1, 2), fid=FIDS)
    def go_on(self, by: int, fid: float | None) -> None:
        self.save(max(self.held, default=0) + by, fid)

    @rule(step=STEPS, fid=FIDS)
    def save(self, step: int, fid: float | None) -> None:
        self.mark += 1
        self.write(step, self.mark, fid)
        self.held[step] = Saved(self.mark, fid)
        self.held = {s: it for s, it in self.held.items() if self.stays(s, step)}
        assert unfinished(self.path) == []
        assert {path.name for path in self.path.iterdir()} == {str(s) for s in self.held}

    @rule(step=STEPS)
    def save_on_a_full_disk(self, step: int) -> None:
        full = OSError(28, "No space left on device")
        with (
            mock.patch.object(manifest, "write", side_effect=full),
            pytest.raises((OSError, SaveError), match="No space left"),
        ):
            self.write(step, -1, None)

    @precondition(lambda self: self.good())
    @rule(
        data=st.data(),
        how=st.sampled_from(["cut", "changed", "longer", "gone"]),
        place=st.integers(0, 999),  # of the names and sizes of files, which vary
        which=st.integers(0, 99),
    )
    def damage(self, data: st.DataObject, how: str, place: int, which: int) -> None:
        step = data.draw(st.sampled_from(self.good()))
        folder = find(self.path)[step]
        files = sorted((p for p in folder.rglob("*") if p.is_file()), key=lambda p: str(p)[::-1])
        if folder.name != str(step):
            files.remove(folder / manifest.NAME)  # as without it the save was not complete
        file = files[which % len(files)]
        backup = file.read_bytes()
        index = len(backup) * place // 1000
        if how == "gone":
            file.unlink()
        elif how == "longer" or not backup:
            file.write_bytes(backup + b"x")
        elif how == "cut":
            file.write_bytes(backup[:index])
        else:
            file.write_bytes(backup[:index] + bytes([backup[index] ^ 1]) + backup[index + 1 :])
        self.held[step] = self.held[step]._replace(
            damaged=file.relative_to(folder).as_posix(), backup=backup
        )
        self.restart()

    @precondition(lambda self: len(self.good()) < len(self.held))
    @rule(data=st.data())
    def mend(self, data: st.DataObject) -> None:
        step = data.draw(st.sampled_from(sorted({*self.held} - {*self.good()})))
        found = self.held[step]
        (find(self.path)[step] / str(found.damaged)).write_bytes(found.backup)
        self.held[step] = found._replace(damaged=None)
        self.restart()

    @precondition(lambda self: self.held)
    @rule(data=st.data(), suffix=st.sampled_from([".saving", ".deleted"]))
    def crash(self, data: st.DataObject, suffix: str) -> None:
        """In the middle of saving or deleting."""
        source = find(self.path)[data.draw(st.sampled_from(sorted(self.held)))]
        left = self.path / f"{data.draw(STEPS)}{suffix}"
        if not left.exists():
            shutil.copytree(source, left, ignore=shutil.ignore_patterns(manifest.NAME))
        self.restart()

    @precondition(lambda self: self.good())
    @rule(data=st.data())
    def crash_before_the_name(self, data: st.DataObject) -> None:
        """The checkpoint is complete but for its name."""
        step = data.draw(st.sampled_from(self.good()))
        folder, left = find(self.path)[step], self.path / f"{step}.saving"
        if folder != left:
            shutil.rmtree(left, ignore_errors=True)
            folder.rename(left)
        self.restart()

    @invariant()
    def the_newest_undamaged_one_comes_back(self) -> None:
        archive = Archive(self.path, 1, self.best)
        found = archive.manifests()
        assert list(found) == self.readable()
        assert archive.ranked(found) == self.ranked(self.readable())
        if self.good():
            newest = self.good()[0]
            assert self.read() == (newest, self.held[newest].mark)
        else:
            with pytest.raises(CheckpointError):
                self.read()

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        step = data.draw(st.sampled_from(sorted(self.held)))
        if step in self.good():
            assert self.read(step) == (step, self.held[step].mark)
        else:
            with pytest.raises(CheckpointError, match=f"checkpoint {step} is damaged"):
                self.read(step)


class Arrays(Folder):
    """With arrays in the files."""

    def restart(self) -> None:
        self.checkpoints = Checkpoints(self.path, keep=self.keep, best=self.best)

    def write(self, step: int, mark: int, fid: float | None) -> None:
        metrics = {"fid": float("nan") if fid is None else fid}
        self.checkpoints.save(step, {"mark": jnp.int32(mark)}, {}, metrics)
        self.checkpoints.wait()

    def read(self, step: int | None = None) -> tuple[int, int]:
        found, state, _ = Checkpoints(self.path).restore({"mark": jnp.int32(0)}, step)
        return found, int(state["mark"])


SETTINGS = settings(stateful_step_count=16, phases=[Phase.generate])
"""A life is short as it is, and shrinking one takes minutes."""


def test_folders() -> None:
    run_state_machine_as_test(Folder, settings=settings(SETTINGS, max_examples=60))


@pytest.mark.slow
@pytest.mark.parametrize(("machine", "num"), [(Folder, 1000), (Arrays, 100)])
def test_many_folders(machine: type[Folder], num: int) -> None:
    run_state_machine_as_test(machine, settings=settings(SETTINGS, max_examples=num))
