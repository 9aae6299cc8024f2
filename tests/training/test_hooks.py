"""What the loop calls between steps: when, in which order, and what becomes of it."""

from __future__ import annotations

import dataclasses
import json
import signal
from collections.abc import Mapping
from pathlib import Path

import pytest

from jaxgan.checkpoint.checkpointer import Checkpoints
from jaxgan.config.base import load_config
from jaxgan.config.resolve import resolve
from jaxgan.run.make import make_run
from jaxgan.training import loop
from jaxgan.training.hooks import Hook, Moment
from jaxgan.writers import read_metrics

RING = str(Path(__file__).parents[2] / "configs" / "ring.py")
FLAGS = """
    total_steps=5 substeps=1 batch_size=8 latent_dim=2 num_devices=1 generator.features=[4]
    discriminator.features=[4] penalties.r1=none penalties.r2=none num_samples=4
    checkpoint_every_steps=2 log_every_steps=2
"""


def run_with(workdir: Path, *hooks: Hook) -> loop.Run:
    flags = [f"--config.{flag}" for flag in FLAGS.split()]
    made = make_run(resolve(load_config(f"{RING}:smoke", flags)), workdir).loop
    return dataclasses.replace(made, hooks=(*made.hooks, *hooks))


def test_a_hook_of_ones_own_is_logged_and_saved(tmp_path: Path) -> None:
    def measure(now: Moment) -> Mapping[str, float]:
        return {"mine": float(now.step)}

    def follow(now: Moment) -> None:
        seen.append((now.step, now.metrics.get("mine"), "loss/gen" in now.metrics))

    seen: list[tuple[int, float | None, bool]] = []
    hooks = (Hook(every=3, name="mine", call=measure), Hook(every=1, name="seen", call=follow))
    assert loop.train(run_with(tmp_path, *hooks)).exit == 0
    assert seen == [(1, None, True), (2, None, True), (3, 3.0, True), (4, None, True), (5, 5, True)]
    rows = read_metrics(tmp_path / "metrics.jsonl")
    # Where a line is due it is in that line, elsewhere it is a line of its own.
    assert [(row["step"], row.get("mine"), "loss/gen" in row) for row in rows] == [
        (2, None, True),
        (3, 3.0, False),
        (4, None, True),
        (5, 5.0, True),
    ]
    saved = {step: tmp_path / "checkpoints" / str(step) / "manifest.json" for step in (4, 5)}
    metrics = {step: json.loads(path.read_text())["metrics"] for step, path in saved.items()}
    assert "mine" not in metrics[4]
    assert metrics[5]["mine"] == 5.0


def test_of_a_stopped_run_saving_comes_first(tmp_path: Path) -> None:
    def stop(now: Moment) -> None:
        is_saved = now.step in Checkpoints(tmp_path / "checkpoints").steps()
        seen.append((now.step, now.is_stopped, is_saved))
        if now.step == 3:
            signal.raise_signal(signal.SIGINT)

    seen: list[tuple[int, bool, bool]] = []
    assert loop.train(run_with(tmp_path, Hook(every=3, name="stop", call=stop))).exit == 130
    assert seen == [(3, False, False), (4, True, True)]


def test_what_a_hook_fails_of_is_raised_and_the_steps_are_saved(tmp_path: Path) -> None:
    def fail(_: Moment) -> None:
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        loop.train(run_with(tmp_path, Hook(every=3, name="fail", call=fail)))
    assert Checkpoints(tmp_path / "checkpoints").steps() == [2, 3]


def test_a_hook_between_two_calls_of_the_step_is_refused(tmp_path: Path) -> None:
    run = run_with(tmp_path)
    hook = Hook(every=3, name="mine", call=lambda now: None)
    with pytest.raises(ValueError, match="mine is 3; it must be a multiple of substeps, 2"):
        dataclasses.replace(run, total_steps=4, steps_per_call=2, hooks=(hook,))
