"""Killed at any moment and started again, a run ends with the bits of one that never was."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import pytest

import jaxgan as jg
from jaxgan.writers import read_metrics
from tests import helpers
from tests.jobs import Job, jaxgan_job

ROOT = Path(__file__).parents[2]
FLAGS = ["--config", f"{ROOT / 'configs' / 'ring.py'}:smoke"]
FLAGS += ["--config.checkpoint_every_steps=20", "--config.sample_every_steps=200"]


def start(folder: Path, workdir: Path, num_processes: int, total_steps: int) -> Job:
    flags = [*FLAGS, "--workdir", str(workdir), f"--config.total_steps={total_steps}"]
    if num_processes > 1:
        return jaxgan_job(folder, num_processes, 1, [*flags, "--config.stall_timeout_seconds=120"])
    return Job([["-m", "jaxgan.cli.main", "train", *flags]], 2, folder)


def wait_for_more(workdir: Path, job: Job, last_size: int) -> bool:
    """Until the run has logged more than before; False if it ended first."""
    metrics = workdir / "metrics.jsonl"
    while job.processes[0].poll() is None:
        if metrics.exists() and metrics.stat().st_size > last_size:
            return True
        time.sleep(0.01)
    return False


def kill_again_and_again(tmp_path: Path, num_kills: int, num_processes: int) -> None:
    moments, total = random.Random(num_kills), 200 * num_kills
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    begun = time.monotonic()
    with start(tmp_path / "a", whole, num_processes, total) as job:
        assert wait_for_more(whole, job, 0)
        until_first_line = time.monotonic() - begun
        assert {ended.code for ended in job.wait()} == {0}, job.text(0)
    seconds = time.monotonic() - begun - until_first_line
    num_killed = 0
    while num_killed < num_kills:
        with start(tmp_path / f"kill_{num_killed}", parts, num_processes, total) as job:
            # One in five before or while it compiles, the others while it trains and saves.
            if moments.random() < 0.2:
                time.sleep(moments.uniform(0, until_first_line))
            else:
                size = (parts / "metrics.jsonl").stat().st_size if num_killed else 0
                wait_for_more(parts, job, size)
                time.sleep(moments.uniform(0, seconds / num_kills))
            killed = moments.choice(job.processes)
            if killed.poll() is None:
                killed.send_signal(signal.SIGKILL)
            codes = {ended.code for ended in job.wait()}
        if codes == {0}:
            break  # it was done before it could be killed
        assert codes <= {-signal.SIGKILL, 70, -signal.SIGABRT}, job.text(0)
        num_killed += 1
    assert num_killed > num_kills / 2
    with start(tmp_path / "b", parts, num_processes, total) as job:
        assert {ended.code for ended in job.wait()} == {0}, job.text(0)
    helpers.assert_same_bits(jg.load(parts).state, jg.load(whole).state)
    lines = [read_metrics(folder / "metrics.jsonl") for folder in (whole, parts)]
    for name in ("step", "loss/gen", "loss/disc"):
        assert [line[name] for line in lines[0]] == [line[name] for line in lines[1]]


def test_three_kills(tmp_path: Path) -> None:
    kill_again_and_again(tmp_path, 3, 1)


@pytest.mark.slow
def test_twenty_five_kills(tmp_path: Path) -> None:
    kill_again_and_again(tmp_path, 25, 1)


@pytest.mark.slow
def test_kills_of_one_of_two_processes(tmp_path: Path) -> None:
    kill_again_and_again(tmp_path, 5, 2)
