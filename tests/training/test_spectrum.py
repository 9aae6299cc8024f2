"""Spectra in training: what is logged, drawn and said."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import distributed
from jaxgan.cli.main import main
from jaxgan.fields import consensus, gradient
from jaxgan.training import spectrum
from jaxgan.training.hooks import Moment
from jaxgan.training.telemetry import Log
from jaxgan.writers import MetricWriter
from jaxgan.writers.metrics import read_metrics
from tests import helpers

ROOT = Path(__file__).parents[2]
SGDS = helpers.sgds(0.1)


def look(fields: Any, state: Any, batch: Any, folder: Path) -> list[dict[str, float]]:
    mesh = distributed.make_mesh(1)
    hook = spectrum.make_spectrum(fields, SGDS, batch, every=1, mesh=mesh, workdir=folder)
    with MetricWriter(folder) as writer:
        hook.call(Moment(step=int(state.step), state=state, log=Log(writer)))
    return read_metrics(folder / "metrics.jsonl")


def test_the_last_field_is_judged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    plain = gradient(jaxgan.bilinear(2.0))
    fields = {"gradient": plain, "consensus": consensus(plain, gamma=0.5)}
    state = jaxgan.seeds(jaxgan.simultaneous(plain, optimizers=SGDS), num_seeds=2).init(
        jax.random.key(0)
    )
    with caplog.at_level(logging.INFO, "jaxgan.training.spectrum"):
        (row,) = look(fields, state, {}, tmp_path)
    # Eigenvalues -γ a² ± a i = -2 ± 2i: h < 4 / 8, and √½ of them is rotation.
    np.testing.assert_allclose(
        [row["stability/max_real"], row["stability/max_rate"], row["stability/rotation"]],
        [-2.0, 0.5, np.sqrt(0.5)],
        rtol=1e-5,
    )
    assert (tmp_path / "spectra" / "step_00000000.png").read_bytes()[1:4] == b"PNG"
    assert "step 0: Locally stable" in caplog.text


def test_large_games_show_their_leading_eigenvalues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    field = gradient(helpers.mlp_gan())
    state = jaxgan.simultaneous(field, optimizers=SGDS).init(jax.random.key(0))
    (whole,) = look({"gradient": field}, state, helpers.real_batch(), tmp_path / "whole")
    monkeypatch.setattr(spectrum, "MAX_DENSE", 10)
    (leading,) = look({"gradient": field}, state, helpers.real_batch(), tmp_path / "leading")
    assert leading["stability/max_real"] == pytest.approx(whole["stability/max_real"], rel=1e-2)


def test_a_field_that_is_not_finite_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    field = gradient(jaxgan.bilinear(jnp.full((1, 1), jnp.inf)))
    state = jaxgan.simultaneous(field, optimizers=SGDS).init(jax.random.key(0))
    assert look({"gradient": field}, state, {}, tmp_path) == []
    assert "step 0: no spectrum: the Jacobian of the field is not finite" in caplog.text


def test_a_run_is_watched(tmp_path: Path) -> None:
    flags = ["analysis_every_steps=20", "penalties.r1=none", "penalties.r2=none"]
    flags += ["generator.features=[4]", "discriminator.features=[4]", "latent_dim=2"]
    config = f"{ROOT / 'configs' / 'ring.py'}:smoke"
    arguments = ["train", "--config", config, "--workdir", str(tmp_path)]
    assert main([*arguments, *(f"--config.{flag}" for flag in flags)]) == 0
    pictures = sorted(path.name for path in (tmp_path / "spectra").iterdir())
    assert pictures == ["step_00000020.png"]
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    watched = [row["step"] for row in rows if "stability/max_real" in row]
    assert watched == [20]
