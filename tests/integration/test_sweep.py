"""A run of a grid: its lines, its watch, its members, and that it goes on to the same bits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import jaxgan
from jaxgan.cli.main import main
from jaxgan.core.errors import EvaluationError
from jaxgan.writers.metrics import read_metrics
from tests import helpers

RING = str(Path(__file__).parents[2] / "configs" / "ring.py:smoke")
RATE = "optimizer.gen.learning_rate"


def train(folder: Path, total_steps: int) -> None:
    flags = [f"--config.sweep.{RATE}=[1e-3,1e30]", "--config.nonfinite=skip"]
    flags += ["--config.penalties.r2=none", "--config.num_seeds=1", "--config.num_samples=16"]
    flags += ["--config.analysis_every_steps=20", "--config.analysis_members=all"]
    flags += ["--config.generator.features=[4]", "--config.discriminator.features=[4]"]
    flags += ["--config.latent_dim=2", f"--config.total_steps={total_steps}"]
    assert main(["train", "--config", RING, "--workdir", str(folder), *flags]) == 0


@pytest.mark.slow
def test_a_grid_is_trained_and_goes_on(tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(whole, 40)
    train(parts, 20)
    train(parts, 40)
    runs = [jaxgan.load(folder, member=1) for folder in (whole, parts)]
    helpers.assert_same_bits(runs[0].state, runs[1].state)
    assert runs[0].config.sweep.optimizer.gen.learning_rate == (1e-3, 1e30)
    last: dict[str, Any] = {}
    for line in read_metrics(whole / "metrics.jsonl"):
        last |= line
    assert last[f"skipped/{RATE}=0.001"] == 0 < last[f"skipped/{RATE}=1e+30"]
    assert np.isfinite(last[f"stability/max_real/{RATE}=0.001"])
    assert f"samples/spread/{RATE}=0.001" in last
    assert [*(whole / "spectra").glob("step_*40_member_0.png")]
    healthy = jaxgan.load(whole, member=0)
    assert healthy.evaluate(metrics=["fd"], members=[0], num_samples=64).scores
    with pytest.raises(EvaluationError, match="some from 0 to 1"):
        healthy.evaluate(metrics=["fd"], members=[2])
    assert np.isfinite(healthy.sample(4)).all()
    warnings = (whole / "warnings.jsonl").read_text() if (whole / "warnings.jsonl").exists() else ""
    assert f"{RATE}=0.001" not in {json.loads(line)["member"] for line in warnings.splitlines()}
