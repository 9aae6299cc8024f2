"""The lock of a run's folder: who gets it, when it is taken over, and who notices."""

from __future__ import annotations

import errno
import json
import logging
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from jaxgan.core.errors import LockedError
from jaxgan.run import lock
from jaxgan.run.lock import Lock

HERE = {"SLURM_JOB_ID": "7", "SLURM_RESTART_COUNT": "1", "SLURM_CLUSTER_NAME": "c"}
ELSEWHERE = {"machine": "another", "host": "far", "pid": 12}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("BEAT", 0.01), ("STALE", 0.1), ("_POLL", 0.01), ("_SETTLE", 0.01)):
        monkeypatch.setattr(lock, f"{name}_SECONDS", seconds)


def owner_of(folder: Path) -> dict[str, Any]:
    found = json.loads((folder / lock.NAME).read_text())
    assert isinstance(found, dict)
    return found


def leave_behind(folder: Path, changes: Mapping[str, Any], environment: Mapping[str, str]) -> None:
    """The lock of another process, as a SIGKILL leaves it."""
    with Lock(folder, environment):
        text = json.dumps({**owner_of(folder), "token": "theirs", **changes})
    (folder / lock.NAME).write_text(text)


def ended_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_it_is_there_while_it_is_held_and_counts(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    with Lock(folder) as held:
        before = owner_of(folder)
        assert (before["pid"], before["host"]) == (os.getpid(), os.uname().nodename)
        end = time.monotonic() + 60
        while owner_of(folder)["count"] == before["count"]:
            assert time.monotonic() < end
        held.check()
        with pytest.raises(LockedError, match=rf"^{folder} is in use: process {os.getpid()} on "):
            Lock(folder).__enter__()
    assert list(folder.iterdir()) == []
    with Lock(folder):
        pass  # again, in the same process


@pytest.mark.parametrize(
    ("changes", "theirs", "reason"),
    [
        ({"pid": ended_process()}, {}, "that process has ended"),
        ({"started": "1"}, {}, "that process has ended"),  # its number is another process's by now
        (ELSEWHERE, {**HERE, "SLURM_RESTART_COUNT": "0"}, "an earlier attempt of this job"),
        (ELSEWHERE, {}, "no sign of life for 0.1 s"),
        (ELSEWHERE, HERE, "no sign of life for 0.1 s"),
        (ELSEWHERE, {**HERE, "SLURM_RESTART_COUNT": "2"}, "no sign of life for 0.1 s"),
        ({**ELSEWHERE, "job": "", "attempt": 0}, {}, "no sign of life for 0.1 s"),
    ],
    ids=["ended", "number reused", "requeued", "silent", "same attempt", "later", "no job"],
)
def test_what_is_taken_over(
    changes: Mapping[str, Any],
    theirs: Mapping[str, str],
    reason: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    leave_behind(tmp_path, changes, theirs)
    with caplog.at_level(logging.WARNING), Lock(tmp_path, HERE) as held:
        assert owner_of(tmp_path)["pid"] == os.getpid()
        held.check()
    assert caplog.messages[-1].endswith(f": {reason}")
    # Only what has to be watched is waited for.
    assert ("waiting" in caplog.text) == ("sign of life" in reason)


def test_a_kubernetes_job_says_who_it_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    leave_behind(tmp_path, ELSEWHERE, {"JAXGAN_JOB": "uid", "JAXGAN_ATTEMPT": "3"})
    with Lock(tmp_path, {"JAXGAN_JOB": "uid", "JAXGAN_ATTEMPT": "4"}):
        assert caplog.messages[-1].endswith("an earlier attempt of this job")


@pytest.mark.parametrize("content", [None, b"", b"{", b"[1]", b'{"pid": "\\u001b[31m"}'])
def test_what_cannot_be_read_is_watched(
    content: bytes | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    if content is None:
        (tmp_path / lock.NAME).symlink_to("nowhere")
    else:
        (tmp_path / lock.NAME).write_bytes(content)
    with Lock(tmp_path):
        assert caplog.messages[-1].endswith("no sign of life for 0.1 s")
    assert "\x1b" not in caplog.text


def test_one_that_counts_on_another_machine_is_refused(tmp_path: Path) -> None:
    leave_behind(tmp_path, ELSEWHERE, {})
    before, done = owner_of(tmp_path), threading.Event()

    def beat() -> None:
        while not done.wait(0.02):
            before["count"] += 1
            (tmp_path / lock.NAME).write_text(json.dumps(before))

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        with pytest.raises(LockedError, match="is in use: process 12 on far"):
            Lock(tmp_path).__enter__()
    finally:
        done.set()
        thread.join()
    assert owner_of(tmp_path)["token"] == "theirs"


@pytest.mark.parametrize("is_there", [True, False], ids=["another", "gone"])
def test_one_that_lost_it_notices_and_leaves_the_other_alone(
    is_there: bool, tmp_path: Path
) -> None:
    with Lock(tmp_path) as held:
        theirs = {**owner_of(tmp_path), **ELSEWHERE, "token": "theirs"}
        (tmp_path / lock.NAME).unlink()
        if is_there:
            (tmp_path / lock.NAME).write_text(json.dumps(theirs))
        time.sleep(0.1)  # some heartbeats
        with pytest.raises(LockedError, match=r"was taken over by .*; nothing more is written"):
            held.check()
    left = [path.name for path in tmp_path.iterdir()]
    assert left == ([lock.NAME] if is_there else [])
    assert not is_there or owner_of(tmp_path) == theirs


def test_a_full_disk_leaves_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=rf"No space left on device: '{tmp_path / lock.NAME}'"):
        Lock(tmp_path).__enter__()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_removed_is_said(tmp_path: Path) -> None:
    with Lock(tmp_path / "run") as held:
        shutil.rmtree(tmp_path / "run")
        with pytest.raises(FileNotFoundError, match="run"):
            held.check()
