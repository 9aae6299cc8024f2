"""The real command, from config to pictures: what a run leaves, how it stops, how it goes on."""

from __future__ import annotations

import collections
import functools
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from PIL import Image

import jaxgan as jg
from jaxgan import distributed
from jaxgan.checkpoint.checkpointer import Checkpoints
from jaxgan.cli.main import main
from jaxgan.config import build
from jaxgan.config.base import load_config
from jaxgan.config.resolve import resolve
from jaxgan.core.errors import StepNotFiniteError
from jaxgan.run.make import make_run
from jaxgan.training import loop, telemetry
from jaxgan.writers import read_metrics
from tests.jobs import HANGS

ROOT = Path(__file__).parents[2]
TFDS = Path(os.environ.get("JAXGAN_TFDS_DIR", ROOT.parent / "shared" / "data" / "tfds"))
CONFIGS = {path.stem: path for path in sorted((ROOT / "configs").glob("*.py"))}
RING = f"{CONFIGS['ring']}:smoke"


def train(config: str, workdir: Path, *flags: str) -> int:
    return main(["train", "--config", config, "--workdir", str(workdir), *flags])


def bits(state: jg.TrainState) -> list[bytes]:
    state = state._replace(key=jax.random.key_data(state.key))
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(state)]


def needs_tfds(name: str) -> bool:
    needs = "tfds:" in str(load_config(f"{CONFIGS[name]}:smoke")["data"])
    if needs and not TFDS.exists():
        pytest.skip("no prepared MNIST here")
    return needs


@pytest.mark.parametrize("name", CONFIGS)
def test_every_config_runs_and_leaves_what_it_should(name: str, tmp_path: Path) -> None:
    flags = [f"--config.data.data_dir={TFDS}"] if needs_tfds(name) else []
    assert train(f"{CONFIGS[name]}:smoke", tmp_path, *flags) == 0
    config = json.loads((tmp_path / "config.json").read_text())
    total = config["total_steps"]
    lines = read_metrics(tmp_path / "metrics.jsonl")
    assert [line["step"] for line in lines] == list(
        range(config["log_every_steps"], total + 1, config["log_every_steps"])
    )
    for line in lines:
        losses = {f"loss/{player}" for player in config["optimizer"]}
        assert {*losses, "steps_per_second", "images_per_second"} <= set(line)
    for picture in (f"samples/step_{total:08d}.png", "curves/losses.png"):
        with Image.open(tmp_path / picture) as image:
            assert min(image.size) > 100
    assert list((tmp_path / "tensorboard").iterdir())
    assert Checkpoints(tmp_path / "checkpoints").steps()[-1] == total
    out = tmp_path / "three.png"
    assert main(["sample", "--workdir", str(tmp_path), "--num", "3", "--out", str(out)]) == 0


SLOW = sorted(
    row.partition("[")[2].rstrip("]\n")
    for row in (ROOT / "tests" / "slow.txt").read_text().splitlines()
    if "::test_every_config_runs_and_leaves_what_it_should[" in row
)
"""Configs whose smallest networks take long to compile: here their step is traced."""


@pytest.mark.parametrize("name", SLOW)
def test_every_other_config_can_begin(name: str, tmp_path: Path) -> None:
    flags = [f"--config.data.data_dir={TFDS}"] if needs_tfds(name) else []
    config = resolve(load_config(f"{CONFIGS[name]}:smoke", flags))
    made = make_run(config, tmp_path)
    assert set(made.loop.template.params) == set(config["optimizer"])
    assert made.loop.work.flops > 0
    assert not list(tmp_path.iterdir())


def test_a_resumed_run_is_the_uninterrupted_one_bit_for_bit(tmp_path: Path) -> None:
    config = f"{CONFIGS['digits']}:smoke"
    assert train(config, tmp_path / "whole") == 0
    assert train(config, tmp_path / "parts", "--config.total_steps=10") == 0
    assert train(config, tmp_path / "parts") == 0
    whole, parts = jg.load(tmp_path / "whole"), jg.load(tmp_path / "parts")
    assert whole.step == parts.step == 20
    assert bits(whole.state) == bits(parts.state)
    # The data order too: the losses logged after the break are the same numbers.
    metrics = [read_metrics(tmp_path / run / "metrics.jsonl") for run in ("whole", "parts")]
    for name in ("step", "loss/gen", "loss/disc"):
        assert [line[name] for line in metrics[0]] == [line[name] for line in metrics[1]]


def test_lines_behind_the_last_checkpoint_are_dropped(tmp_path: Path) -> None:
    flags = ["--config.total_steps=40", "--config.checkpoint_every_steps=20"]
    assert train(RING, tmp_path, *flags) == 0
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    for folder in (tmp_path / "checkpoints").iterdir():
        if folder.name.endswith("40"):
            subprocess.run(["rm", "-r", str(folder)], check=True)
    assert checkpoints.steps()[-1] == 20
    assert train(RING, tmp_path, *flags) == 0
    steps = [line["step"] for line in read_metrics(tmp_path / "metrics.jsonl")]
    assert steps == [10, 20, 30, 40]


def test_a_finished_run_says_so(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert train(RING, tmp_path) == 0
    before = (tmp_path / "metrics.jsonl").read_bytes()
    assert train(RING, tmp_path) == 0
    assert "finished" in capfd.readouterr().err
    assert (tmp_path / "metrics.jsonl").read_bytes() == before


def test_a_longer_run_and_other_cadences_are_allowed_and_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert train(RING, tmp_path) == 0
    flags = ["--config.total_steps=40", "--config.log_every_steps=20"]
    assert train(RING, tmp_path, *flags) == 0
    assert "config: total_steps was 20, is 40" in capfd.readouterr().err


def test_another_config_is_refused_and_listed_unless_overridden(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert train(RING, tmp_path) == 0
    before = (tmp_path / "config.json").read_bytes()
    flags = ["--config.total_steps=40", "--config.optimizer.gen.b1=0.5", "--config.batch_size=512"]
    assert train(RING, tmp_path, *flags) == 2
    message = capfd.readouterr().err
    assert "batch_size was 256, is 512" in message
    assert "optimizer.gen.b1 was 0.0, is 0.5" in message
    assert (tmp_path / "config.json").read_bytes() == before
    assert train(RING, tmp_path, *flags, "--override-config") == 0
    assert jg.load(tmp_path).step == 40


def test_numbers_lost_stop_the_run_and_are_never_saved(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    flags = ["--config.total_steps=40", "--config.optimizer.gen.learning_rate=1e30"]
    assert train(RING, tmp_path, *flags) == 3
    report = json.loads((tmp_path / "nonfinite.json").read_text())
    assert report["metrics"]
    assert any(leaf.startswith("params/") for leaf in report["leaves"])
    assert "not finite" in capfd.readouterr().err
    assert Checkpoints(tmp_path / "checkpoints").steps() == []


def test_the_report_names_the_step_though_lines_are_seldom_due(tmp_path: Path) -> None:
    rate = "{'schedule': 'linear', 'init_value': 1e-3, 'final_value': 1e30, 'num_steps': 25}"
    flags = ["--config.substeps=1", "--config.num_seeds=1", "--config.log_every_steps=1"]
    flags += [f"--config.optimizer.disc.learning_rate={rate}"]
    assert train(RING, tmp_path / "a", *flags, "--config.log_every_steps=20") == 3
    report = json.loads((tmp_path / "a" / "nonfinite.json").read_text())
    assert 1 < report["step"] < 20
    assert "disc" in report["players"]
    assert any(leaf.startswith("params/disc/") for leaf in report["leaves"])
    assert train(RING, tmp_path / "b", *flags) == 3
    every = read_metrics(tmp_path / "b" / "metrics.jsonl")
    assert [line["step"] for line in every] == list(range(1, report["step"] + 1))
    assert np.isfinite(every[-2]["loss/disc"])


def test_a_rollback_goes_back_and_on_with_other_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    losing = [3]

    def lose(calls: list[tuple[int, Any]]) -> StepNotFiniteError | None:
        # What the third line after a checkpoint would be, were its numbers lost; three times.
        if calls[-1][0] == 40 and losing:
            losing.pop()
            return StepNotFiniteError(40, {"loss/gen": np.nan})
        return None

    monkeypatch.setattr(loop, "find_nonfinite", lose)
    flags = ["--config.total_steps=60", "--config.checkpoint_every_steps=20"]
    assert train(RING, tmp_path / "a", *flags, "--config.nonfinite=rollback") == 0
    assert "step 40: not finite: loss/gen; last good checkpoint: step 20" in capfd.readouterr().err
    steps = [line["step"] for line in read_metrics(tmp_path / "a" / "metrics.jsonl")]
    assert steps == [10, 20, 30, 40, 50, 60]
    assert train(RING, tmp_path / "b", *flags) == 0
    assert bits(jg.load(tmp_path / "a").state) != bits(jg.load(tmp_path / "b").state)
    losing[:] = [0] * 9
    assert train(RING, tmp_path / "c", *flags, "--config.nonfinite=rollback") == 3
    assert len(losing) == 9 - 1 - loop.MAX_ROLLBACKS
    losing[:] = [0]
    assert train(RING, tmp_path / "d", *flags) == 3


def test_a_profile_is_left(tmp_path: Path) -> None:
    flags = ["--config.total_steps=60", "--profile=20"]
    assert train(RING, tmp_path, *flags) == 0
    assert list((tmp_path / "profile").rglob("*.xplane.pb"))


Step = Callable[[Any, Any], Any]


def around_the_step(monkeypatch: pytest.MonkeyPatch, wrap: Callable[[Step], Step]) -> None:
    """Whatever the loop dispatches goes through `wrap`."""
    jit_step = distributed.jit_step
    monkeypatch.setattr(distributed, "jit_step", lambda *args: wrap(jit_step(*args)))


def test_no_step_moves_anything_to_the_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def guarded(step: Step) -> Step:
        def dispatch(state: Any, batch: Any) -> Any:
            with jax.transfer_guard("disallow"):
                return step(state, batch)

        return dispatch

    around_the_step(monkeypatch, guarded)
    assert train(f"{CONFIGS['digits']}:smoke", tmp_path) == 0
    with pytest.raises(Exception, match="Disallowed host-to-device transfer"):
        guarded(jax.jit(lambda state, batch: state))(np.ones(3), 0)


def test_the_best_checkpoint_stays_beside_the_newest(tmp_path: Path) -> None:
    every = [f"--config.{name}_every_steps=10" for name in ("log", "checkpoint")]
    best = "--config.keep_best={'metric': 'loss/disc', 'mode': 'max'}"
    flags = ["--config.total_steps=60", "--config.keep_checkpoints=1", *every, best]
    assert train(RING, tmp_path, *flags) == 0
    losses = {
        line["step"]: np.max(line["loss/disc"]) for line in read_metrics(tmp_path / "metrics.jsonl")
    }
    expected = {60, max(losses, key=losses.__getitem__)}
    assert set(Checkpoints(tmp_path / "checkpoints").steps()) == expected


def test_skipping_keeps_a_run_with_lost_steps_alive(tmp_path: Path) -> None:
    flags = ["--config.nonfinite=skip", "--config.optimizer.gen.learning_rate=1e30"]
    assert train(RING, tmp_path, *flags) == 0
    assert read_metrics(tmp_path / "metrics.jsonl")[-1]["skipped"] == 1.0
    assert Checkpoints(tmp_path / "checkpoints").steps()[-1] == 20


def test_the_step_is_traced_and_compiled_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: collections.Counter[str] = collections.Counter()
    build_algorithm = build.build_algorithm

    def counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def run(*args: Any) -> Any:
            calls[name] += 1
            return function(*args)

        return run

    def traced(*args: Any) -> jg.Algorithm:
        algorithm = build_algorithm(*args)
        step, init = counted("step", algorithm.step), counted("init", algorithm.init)
        return algorithm._replace(step=step, init=init)

    monkeypatch.setattr(build, "build_algorithm", traced)
    monkeypatch.setattr(build, "build_game", counted("game", build.build_game))
    with jax.log_compiles(), caplog.at_level(logging.WARNING):
        assert train(f"{CONFIGS['digits']}:smoke", tmp_path) == 0
    compiled = [m for m in caplog.messages if m.startswith("Finished XLA compilation of jit(step)")]
    # What checks a step, counts its operations and calls it share one trace, and so do the shapes
    # of `init` and its run.
    assert len(compiled) == 1, caplog.messages
    assert calls == {"step": 1, "init": 1, "game": 1}


def test_metrics_are_read_only_behind_the_next_dispatch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    write = telemetry.Log.write

    def recorded(step: Step) -> Step:
        def dispatch(state: Any, batch: Any) -> Any:
            events.append("step")
            return step(state, batch)

        return dispatch

    def recording_write(log: telemetry.Log, step: int, values: dict[str, float]) -> None:
        assert all(type(value) is float for value in values.values())
        events.append(f"read {step}")
        write(log, step, values)

    around_the_step(monkeypatch, recorded)
    monkeypatch.setattr(telemetry.Log, "write", recording_write)
    flags = ["--config.total_steps=40", "--config.checkpoint_every_steps=40"]
    assert train(RING, tmp_path, *flags) == 0
    assert events == ["step", "step", "read 10", "step", "read 20", "step", "read 30", "read 40"]


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 75), pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow)],
)
def test_a_signal_saves_and_the_run_goes_on_as_if_nothing_happened(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    flags = ["--config.total_steps=20000", "--config.checkpoint_every_steps=20000"]
    command = [sys.executable, "-m", "jaxgan.cli.main", "train", "--config", RING]
    process = subprocess.Popen(
        [*command, "--workdir", str(tmp_path / "parts"), *flags],
        stderr=subprocess.DEVNULL,
        env={**os.environ, "JAX_NUMPY_RANK_PROMOTION": "raise"},
    )
    metrics = tmp_path / "parts" / "metrics.jsonl"
    while not (metrics.exists() and metrics.stat().st_size) and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(number)
    assert process.wait(HANGS) == code
    stopped = Checkpoints(tmp_path / "parts" / "checkpoints").steps()[-1]
    assert 0 < stopped < 20000
    page = (tmp_path / "parts" / "report.html").read_text(encoding="utf-8")
    assert f"{stopped} of 20000" in page
    total = f"--config.total_steps={stopped + 20}"
    cadence = f"--config.checkpoint_every_steps={stopped + 20}"
    assert train(RING, tmp_path / "parts", total, cadence) == 0
    assert train(RING, tmp_path / "whole", total, cadence) == 0
    whole, parts = jg.load(tmp_path / "whole"), jg.load(tmp_path / "parts")
    assert bits(whole.state) == bits(parts.state)
