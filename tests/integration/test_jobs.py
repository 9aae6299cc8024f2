"""Several processes, several devices: one program; and what happens when one of them fails."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import jaxgan as jg
from jaxgan import distributed
from jaxgan.checkpoint.checkpointer import Checkpoints
from jaxgan.cli.main import main
from jaxgan.run.lock import NAME, Lock
from tests import devices, helpers
from tests.jobs import HANGS, Job, free_port, jaxgan_job

ROOT = Path(__file__).parents[2]
RING = f"{ROOT / 'configs' / 'ring.py'}:smoke"
LONG = ["--config.total_steps=1000000", "--config.checkpoint_every_steps=1000000"]
LONG += ["--config.sample_every_steps=1000000"]


def flags(config: str, workdir: Path, *more: str) -> list[str]:
    return ["--config", config, "--workdir", str(workdir), *more]


def has_logged(workdir: Path) -> Callable[[], bool]:
    metrics = workdir / "metrics.jsonl"
    return lambda: metrics.exists() and metrics.stat().st_size > 0


def play_job(folder: Path, num_processes: int, num_devices: int) -> dict[str, np.ndarray]:
    """The games of `tests.devices` in a job."""
    out, address = folder / "seen.npz", f"localhost:{free_port()}"
    commands = [
        ["-m", "tests.devices", str(out), address, str(num_processes), str(index)]
        for index in range(num_processes)
    ]
    with Job(commands, num_devices, folder) as job:
        assert [ended.code for ended in job.wait()] == [0] * num_processes, job.text(0)
    with np.load(out) as arrays:
        return dict(arrays)


@pytest.mark.slow
@pytest.mark.parametrize(("num_processes", "num_devices"), [(2, 2), (4, 1)])
def test_processes_make_no_difference(
    num_processes: int, num_devices: int, tmp_path: Path, float64: None
) -> None:
    seen = play_job(tmp_path, num_processes, num_devices)
    for algorithm, field in (("alternating", "dcgan"), ("simultaneous", "both")):
        made = devices.make(algorithm, field, np.float64)
        one = devices.play(made, distributed.make_mesh(4), devices.NUM_STEPS, np.float64)
        ours = [value for name, value in sorted(seen.items()) if name.startswith(f"{algorithm}/")]
        expected = jax.tree.leaves(one)
        num_leaves = len(expected) // devices.NUM_STEPS
        assert len(ours) == len(expected)
        for index in range(devices.NUM_STEPS):
            part = slice(index * num_leaves, (index + 1) * num_leaves)
            assert devices.distance(ours[part], expected[part]) < 1e-10, (field, index)


def state_of(workdir: Path) -> Any:
    return jg.load(workdir).state


@pytest.mark.slow
def test_a_job_trains_what_one_process_trains_and_is_continued_by_fewer_or_more(
    tmp_path: Path,
) -> None:
    """2 x 2 devices, then 1 x 8, then 2 x 1: the same global batches and, to rounding, numbers."""
    parts, whole = tmp_path / "parts", tmp_path / "whole"
    steps = [f"--config.total_steps={num}" for num in (10, 20, 30)]
    with jaxgan_job(tmp_path / "a", 2, 2, flags(RING, parts, steps[0])) as job:
        assert [ended.code for ended in job.wait()] == [0, 0], job.text(0)
        assert "loss/gen" in job.text(0)
        assert "loss/gen" not in job.text(1)  # only the first process tells
    assert main(["train", *flags(RING, parts, steps[1])]) == 0
    with jaxgan_job(tmp_path / "b", 2, 1, flags(RING, parts, steps[2])) as job:
        assert [ended.code for ended in job.wait()] == [0, 0], job.text(0)
    assert main(["train", *flags(RING, whole, steps[2], "--config.num_devices=1")]) == 0
    one, other = state_of(whole), state_of(parts)
    assert int(one.step) == int(other.step) == 30
    assert devices.distance(helpers.plain(other.params), helpers.plain(one.params)) < 1e-3
    assert sorted(path.name for path in (parts / "samples").iterdir())


@pytest.mark.slow
def test_sigterm_to_one_process_saves_in_all_and_the_job_goes_on(tmp_path: Path) -> None:
    parts = tmp_path / "parts"
    with jaxgan_job(tmp_path / "a", 2, 1, flags(RING, parts, *LONG)) as job:
        assert job.wait_until(has_logged(parts)), job.text(0)
        job.processes[1].send_signal(signal.SIGTERM)
        assert [ended.code for ended in job.wait()] == [75, 75], job.text(0)
    stopped = Checkpoints(parts / "checkpoints").steps()[-1]
    assert 0 < stopped < 1_000_000
    flags_after = [
        f"--config.{name}_steps={stopped + 10}" for name in ("total", "checkpoint_every")
    ]
    with jaxgan_job(tmp_path / "b", 2, 1, flags(RING, parts, *LONG, *flags_after)) as job:
        assert [ended.code for ended in job.wait()] == [0, 0], job.text(0)
    assert Checkpoints(parts / "checkpoints").steps()[-1] == stopped + 10


@pytest.mark.parametrize("number", helpers.rows([signal.SIGKILL, signal.SIGSTOP], [signal.SIGSTOP]))
def test_a_dead_or_stuck_peer_ends_the_job(number: signal.Signals, tmp_path: Path) -> None:
    # A slow machine may not compile within the bound: it is told apart, and gets more.
    for bound in (10, 100, 1000):
        run = tmp_path / str(bound)
        stall = f"--config.stall_timeout_seconds={bound}"
        with jaxgan_job(run / "texts", 2, 1, flags(RING, run / "run", *LONG, stall)) as job:
            if not job.wait_until(has_logged(run / "run")):
                continue
            os.kill(job.processes[1].pid, number)
            assert job.processes[0].wait(HANGS) == 70, job.text(0)
            lines = [one for one in job.text(0).splitlines() if one.startswith("jaxgan: stopped")]
            assert len(lines) == 1
            assert "peer" in lines[0]
            return
    pytest.fail(job.text(0))


def test_processes_that_differ_are_refused(tmp_path: Path) -> None:
    run = tmp_path / "run"
    both = flags(RING, run), flags(RING, run, "--config.optimizer.gen.b1=0.25")
    with jaxgan_job(tmp_path / "a", 2, 1, *both) as job:
        for code, text in job.wait():
            assert code == 2
            assert (
                "processes differ: config.optimizer.gen.b1 is 0.0 in process 0 and 0.25 in "
                "process 1" in text
            )
    assert not run.exists()


def test_processes_of_different_code_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(ROOT / "jaxgan", other / "jaxgan")
    with (other / "jaxgan" / "losses" / "hinge.py").open("a") as file:
        file.write("# not the same\n")
    job = jaxgan_job(tmp_path / "a", 2, 1, flags(RING, tmp_path / "run"), roots=(ROOT, other))
    with job:
        for code, text in job.wait():
            assert code == 2
            assert "processes differ: code of jaxgan is" in text
    assert not (tmp_path / "run").exists()


LOOPBACK = "0100007F"
"""127.0.0.1 as the kernel writes it, and the end of it among addresses of IPv6."""


def listening_at(port: int) -> set[str]:
    """The addresses at which something listens to that port; all interfaces are zeros."""
    rows = [
        row.split()
        for name in ("tcp", "tcp6")
        for row in Path("/proc/net", name).read_text().splitlines()[1:]
    ]
    return {row[1][:-5] for row in rows if row[3] == "0A" and int(row[1][-4:], 16) == port}


@pytest.mark.slow
def test_a_job_does_as_its_first_process_does_with_the_lock(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with Lock(run):
        with jaxgan_job(tmp_path / "a", 2, 1, flags(RING, run)) as job:
            for code, text in job.wait():
                assert code == 7
                assert text.splitlines()[-1].startswith(f"jaxgan: error: {run} is in use: process")
        assert [path.name for path in run.iterdir()] == [NAME]
        left = json.loads((run / NAME).read_text())
    # One of another machine that does not move is waited for, by all of them.
    (run / NAME).write_text(json.dumps({**left, "machine": "another", "host": "far"}))
    with jaxgan_job(tmp_path / "b", 2, 1, flags(RING, run)) as job:
        assert [ended.code for ended in job.wait()] == [0, 0], job.text(0)
        assert "on far (since" in job.text(0)
        assert "no sign of life for 60 s" in job.text(0)
    assert not (run / NAME).exists()


@pytest.mark.parametrize("process_id", [0, 1])
def test_nobody_answers(process_id: int, tmp_path: Path) -> None:
    address = f"localhost:{free_port()}"
    by_hand = ["--coordinator", address, "--num-processes", "2", "--process-id", str(process_id)]
    command: Sequence[str] = ["-m", "jaxgan.cli.main", "train", *flags(RING, tmp_path / "run")]
    opened = set()
    with Job([[*command, *by_hand, "--connect-timeout", "3"]], 1, tmp_path / "a") as job:
        while job.processes[0].poll() is None:
            opened |= listening_at(int(address.rpartition(":")[2]))
            time.sleep(0.05)
        ((code, text),) = job.wait()
    # Nobody but this machine is let in where all processes are here.
    assert bool(opened) == (process_id == 0)
    assert all(one.endswith(LOOPBACK) for one in opened)
    assert code == 2
    assert address in text
    assert "within 3 s" in text
