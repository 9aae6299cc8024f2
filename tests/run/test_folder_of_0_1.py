"""A run's folder that jaxgan 0.1.0 wrote is read, goes on, or is refused by the name of 0.1.0.

`written_by_0_1` is what that version's `jaxgan train` left of these flags, without its pictures;
the numbers below are what it sampled and logged then.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import jaxgan as jg
from jaxgan.cli.main import main
from jaxgan.writers import read_metrics

RING = f"{Path(__file__).parents[2] / 'configs' / 'ring.py'}:smoke"
FLAGS = """
    field=consensus penalties.r1=none penalties.r2=none latent_dim=2 generator.features=[4]
    discriminator.features=[4] batch_size=8 num_samples=4 substeps=1 num_seeds=1 num_devices=1
    log_every_steps=2 ema.decay=0.9 checkpoint_every_steps=4 sample_every_steps=100
    keep_checkpoints=1 total_steps=8
"""
TRAIN = ["train", "--config", RING, *(f"--config.{flag}" for flag in FLAGS.split())]
SAMPLES = [
    [-0.9889317154884338, -2.969614267349243],
    [-0.051930125802755356, 0.041968055069446564],
    [-0.25802841782569885, -0.04180584475398064],
]
LOSSES = {6: (0.5950875878334045, 0.9217405319213867), 8: (0.587073028087616, 0.9190194606781006)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(Path(__file__).parent / "written_by_0_1", tmp_path / "run"))


def test_it_samples_what_it_sampled(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "samples.npz"
    assert main(["sample", "--workdir", str(folder), "--num", "3", "--out", str(out)]) == 0
    np.testing.assert_allclose(np.load(out)["points"], SAMPLES, rtol=1e-5)
    assert jg.load(folder).config.field.consensus.gamma == 10.0


def test_it_goes_on_as_it_would_have(folder: Path) -> None:
    assert main([*TRAIN, "--workdir", str(folder)]) == 0
    rows = read_metrics(folder / "metrics.jsonl")
    assert [row["step"] for row in rows] == [2, 4, 6, 8]
    assert all("disc/loss_slope" in row for row in rows)
    found = {int(row["step"]): (row["loss/disc"], row["loss/gen"]) for row in rows[2:]}
    np.testing.assert_allclose(list(found.values()), list(LOSSES.values()), rtol=1e-4)


@pytest.mark.parametrize(
    "arguments", [TRAIN, ["sample"], ["evaluate", "--features", "pixels"]], ids=lambda a: a[0]
)
def test_what_only_0_1_reads_is_refused_by_its_name(
    folder: Path, arguments: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    def digests() -> dict[Path, str]:
        files = [path for path in folder.rglob("*") if path.is_file()]
        return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "retired": 1}))
    before = digests()
    assert main([*arguments, "--workdir", str(folder)]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert "run was written by jaxgan 0.1.0, which can read it; " in line
    assert "cannot: retired" in line
    assert digests() == before
