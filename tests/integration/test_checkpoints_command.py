"""`jaxgan checkpoints`, on a run that the real command trained."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from jaxgan.cli.main import main
from tests.checkpoint.test_damage import digests

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with checkpoints of steps 10 and 20."""
    workdir = tmp_path_factory.mktemp("run")
    config = f"{ROOT / 'configs' / 'ring.py'}:smoke"
    assert main(["train", "--config", config, "--workdir", str(workdir)]) == 0
    return workdir


def spoil(run: Path, step: int) -> str:
    """Changes the size of one file; gives its name."""
    path = run / "checkpoints" / str(step) / "state" / "_METADATA"
    with path.open("ab") as file:
        file.write(b" ")
    return "state/_METADATA is too long"


def test_all_are_good(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = digests(run)
    assert main(["checkpoints", str(run)]) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split() == ["step", "state", "MiB", "created", "(UTC)", "jaxgan", "metrics"]
    assert [line.split()[:2] for line in lines] == [["10", "good"], ["20", "good"]]
    assert all("loss/gen" in line and "grad_norm" not in line for line in lines)
    assert main(["checkpoints", str(run / "checkpoints"), "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed["directory"] == str(run / "checkpoints")
    assert listed["newest_good"] == 20
    assert [row["step"] for row in listed["rows"]] == [10, 20]
    for row in listed["rows"]:
        assert row["good"]
        assert row["problem"] is None
        folder = run / "checkpoints" / row["name"]
        assert row["bytes"] == sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
        assert set(row["versions"]) == {"jaxgan", "jax", "orbax"}
    assert digests(run) == before


def test_damage_is_listed_and_training_goes_on(
    run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(run, tmp_path, dirs_exist_ok=True)
    problem = spoil(tmp_path, 20)
    assert main(["checkpoints", str(tmp_path)]) == 1
    assert problem in capfd.readouterr().out
    config = f"{ROOT / 'configs' / 'ring.py'}:smoke"
    assert main(["train", "--config", config, "--workdir", str(tmp_path)]) == 0
    told = capfd.readouterr().err
    assert f"checkpoint 20 is damaged: {problem}" in told
    assert "resuming from step 10" in told
    # The damaged one was written again.
    assert main(["checkpoints", str(tmp_path)]) == 0


def test_none_is_good(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(run, tmp_path, dirs_exist_ok=True)
    problems = [spoil(tmp_path, step) for step in (10, 20)]
    assert main(["checkpoints", str(tmp_path), "--json"]) == 2
    listed = json.loads(capsys.readouterr().out)
    assert listed["newest_good"] is None
    assert [
        problem in row["problem"] for problem, row in zip(problems, listed["rows"], strict=True)
    ]


def test_one_that_is_being_written_says_nothing_against_the_others(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(run, tmp_path, dirs_exist_ok=True)
    (tmp_path / "checkpoints" / "30.saving").mkdir()
    assert main(["checkpoints", str(tmp_path)]) == 0
    assert "30.saving" in capsys.readouterr().out


def test_no_checkpoints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["checkpoints", str(tmp_path)]) == 2
    assert capsys.readouterr().out == f"no checkpoints in {tmp_path}\n"
    assert main(["checkpoints", str(tmp_path), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["rows"] == []
    assert main(["checkpoints", str(tmp_path / "nowhere")]) == 2
    assert f"error: {tmp_path / 'nowhere'} is no folder" in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not bind root")
def test_a_folder_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "checkpoints").mkdir(mode=0)
    assert main(["checkpoints", str(tmp_path)]) == 2
    assert "Permission denied" in capsys.readouterr().err
