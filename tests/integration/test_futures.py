"""Futures of a run's checkpoints: the same whenever asked, and lines where there are none."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from jaxgan import distributed
from jaxgan.cli.main import main
from jaxgan.core.errors import ConfigError, DataError
from jaxgan.run.futures import UNTOUCHED, FuturesRun, changed_config
from jaxgan.run.members import make_batches, make_one, of_one
from jaxgan.run.saved import read_run
from tests import helpers
from tests.experiments import report_of

CONFIGS = Path(__file__).parents[2] / "configs"
SMALL = ("--num", "3", "--steps", "20")


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def futures(workdir: Path, *flags: str) -> int:
    return main(["futures", "--workdir", str(workdir), *SMALL, *flags])


def test_the_same_checkpoint_has_the_same_futures(
    ring_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = digests(ring_run)
    for name in ("one", "two"):
        assert futures(ring_run, "--step", "all", "--out", str(tmp_path / name)) == 0
    assert digests(ring_run) == before
    one, two = ((tmp_path / name / "futures.json").read_bytes() for name in ("one", "two"))
    assert one == two
    assert (tmp_path / "one" / "futures.png").read_bytes()[1:4] == b"PNG"
    found = json.loads(one)
    first, second = found["futures"]
    assert [one["step"] for one in (first, second)] == [10, 20]
    assert first["variant"] == second["variant"] == UNTOUCHED
    assert len({*first["last"]["loss/disc"]}) == 3
    assert (first["steps"][0], second["steps"][0]) == (10, 20)
    assert (first["steps"][-1], found["measure"], found["num_modes"]) == (30, "eval/num_modes", 8)
    # A ring after 30 steps has no mode yet.
    assert first["outcomes"] == ["collapsed"] * 3
    assert first["healthy"] == {"num": 0, "total": 3, "low": 0.0, "high": 0.707598}
    assert found["no_return"] == {"after": None, "by": 10, "is_sure": False}
    assert "at step 10, the first that was looked at, most futures" in capsys.readouterr().out


def play_of(workdir: Path, member: int | None = None, **options: Any) -> Any:
    run = FuturesRun(read_run(workdir), num=8, num_steps=20, member=member, **options)
    steps = run.steps("last")
    run.check(steps)
    return run.futures(steps[-1])


@pytest.mark.slow
def test_members_on_one_device_or_on_eight(ring_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (eight,) = play_of(ring_run)
    only = jax.devices()[:1]
    monkeypatch.setattr(distributed, "members_mesh", lambda num: distributed.make_mesh(1))
    assert distributed.members_mesh(8).devices.ravel().tolist() == only
    (alone,) = play_of(ring_run)
    for ours, theirs in zip(eight.lines, alone.lines, strict=True):
        np.testing.assert_allclose(ours[-1]["loss/gen"], theirs[-1]["loss/gen"], rtol=1e-4)


@pytest.mark.slow
def test_of_an_unrolled_run_of_several_seeds(tmp_path: Path) -> None:
    config = f"{CONFIGS / 'ring_unrolled.py'}:smoke"
    assert main(["train", "--config", config, "--workdir", str(tmp_path)]) == 0
    untouched, further = play_of(tmp_path, 1, interventions=["unrolled.num_steps=4"])
    assert [one.variant for one in (untouched, further)] == [UNTOUCHED, "unrolled.num_steps=4"]
    assert untouched.lines[0][-1]["loss/gen"] != further.lines[0][-1]["loss/gen"]
    (other,) = play_of(tmp_path, 0)
    assert other.lines[0][-1]["loss/gen"] != untouched.lines[0][-1]["loss/gen"]
    with pytest.raises(ConfigError, match="member is None; it must be given, from 0 to 1"):
        play_of(tmp_path)


@pytest.mark.slow
def test_data_from_the_host_come_in_an_order_of_its_own(tmp_path: Path) -> None:
    config = f"{CONFIGS / 'digits.py'}:smoke"
    assert main(["train", "--config", config, "--workdir", str(tmp_path)]) == 0
    lines = [play_of(tmp_path)[0].lines for _ in range(2)]
    assert lines[0] == lines[1]
    assert len({own[-1]["loss/disc"] for own in lines[0]}) == 8
    assert {"samples/spread", "samples/nearest"} <= set(lines[0][0][-1])


def test_orders_are_of_the_run_or_of_each() -> None:
    from jaxgan.config.base import load_config
    from jaxgan.config.data import open_data
    from jaxgan.config.resolve import resolve

    config = resolve(load_config(f"{CONFIGS / 'digits.py'}:smoke", []))
    source = open_data(config)
    one = make_one(config, source)
    each = make_batches(config, source, one, num_steps=5, first=10, orders=3)
    found = next(each)["image"]
    assert found.shape == (5, 3, 64, 8, 8, 1)
    again = next(make_batches(config, source, one, num_steps=5, first=10, orders=3))["image"]
    helpers.assert_same_bits(found, again)
    flat = found.swapaxes(0, 1).reshape(3, -1)
    assert not any((flat[i] == flat[i - 1]).all() for i in range(3))
    together = next(make_batches(config, source, one, num_steps=5, first=10))["image"]
    assert together.shape == (5, 64, 8, 8, 1)
    assert of_one(config)["substeps"] == 1


def test_without_its_data_a_run_has_no_futures(ring_run: Path, tmp_path: Path) -> None:
    saved = read_run(ring_run)
    gone = {**saved.config, "data": {"source": f"folder:{tmp_path / 'gone'}"}}
    with pytest.raises(DataError, match="gone"):
        FuturesRun(dataclasses.replace(saved, config=gone), num=2, num_steps=20)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--step", "first"], "step is 'first'; it must be a step, some with commas"),
        (["--step", "10", "--bisect"], "step is '10'; it must be left out, as --bisect is given"),
        (["--member", "0"], "member is 0; it must be left out, as the run has a single one"),
        (["--num", "100000000"], "num is 100000000; it must be at most"),
        (["--intervention", "seed"], "intervention is 'seed'; it must be KEY=VALUE"),
        (["--intervention", "mesh.per_replica=true"], "mesh makes another run, not another"),
        (["--intervention", "seed=1"], "seed=1: seed makes another run, not another future"),
        (["--intervention", "total_steps=1"], "total_steps changes no step of a future"),
        (["--intervention", "optimzer=1"], "intervention optimzer=1: optimzer: unknown key"),
        (["--intervention", "generator.features=(8,)"], "it changes what the state holds"),
        (["--intervention", "optimizer.gen.b1=2"], "intervention optimizer.gen.b1=2: "),
    ],
)
def test_bad_input_is_one_line(
    flags: Sequence[str], words: str, ring_run: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = digests(ring_run)
    assert futures(ring_run, *flags) == 2
    out, error = capfd.readouterr()
    assert (out, error.count("\n")) == ("", 1)
    assert words in error
    assert digests(ring_run) == before


def test_an_intervention_is_a_flag_of_the_config() -> None:
    with pytest.raises(ConfigError, match="intervention is '=3'; it must be KEY=VALUE"):
        changed_config({"seed": 0}, "=3")


@pytest.mark.slow
def test_the_experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flags = ["--budget", "smoke", "--runs", str(tmp_path / "runs")]
    report = report_of("no_return", flags, tmp_path, monkeypatch)
    assert report_of("no_return", flags, tmp_path, monkeypatch) == report
    assert len(report["runs"]) == 3
    assert {one["step"] for run in report["runs"].values() for one in run["futures"]} == {10, 20}
