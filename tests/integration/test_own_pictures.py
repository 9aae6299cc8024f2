"""The experiments that read runs: stages of a training as a picture, recipes beside one another."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxgan.cli.main import main
from tests.experiments import imported


def run_of(folder: Path, *flags: str) -> None:
    steps = [
        "--config.total_steps=20",
        "--config.sample_every_steps=10",
        "--config.log_every_steps=10",
    ]
    command = ["train", "--data", "digits", "--workdir", str(folder), *steps, *flags]
    assert main([*command, "--config.checkpoint_every_steps=20"]) == 0
    small = ["--metrics", "fd", "--features", "pixels", "--num-samples", "64", "--num-real", "64"]
    assert main(["evaluate", "--workdir", str(folder), *small]) == 0


@pytest.mark.slow
def test_runs_are_drawn_and_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_of(tmp_path / "runs" / "plain")
    run_of(tmp_path / "runs" / "hinge", "--config.loss=hinge")
    monkeypatch.setattr(sys, "argv", ["experiment", "--runs", str(tmp_path / "runs")])
    for name in ("own_pictures", "recipes"):
        monkeypatch.setattr(imported(name), "RESULTS", tmp_path)
    imported("own_pictures").main()
    content = json.loads((tmp_path / "own_pictures.json").read_text())
    assert [(run["name"], run["size"]) for run in content["runs"]] == [("hinge", 8), ("plain", 8)]
    assert content["runs"][0]["stages"] == [10, 10, 20]
    with Image.open(tmp_path / "own_pictures.png") as picture:
        assert np.asarray(picture.convert("L")).std() > 0
    monkeypatch.setattr(sys, "argv", [*sys.argv, "--base", "plain"])
    imported("recipes").main()
    runs = json.loads((tmp_path / "recipes.json").read_text())["runs"]
    assert runs[0]["changes"]["loss.name"] == "hinge"
    assert runs[1]["changes"] == {}
    assert runs[1]["scores"]["fd_pixels"] > 0
