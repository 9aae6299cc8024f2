"""`jaxgan export`: what it writes runs as its page says, without jaxgan; what it refuses."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

import jaxgan as jg
from jaxgan.cli.main import main
from jaxgan.core.state import Context
from jaxgan.export.onnx_ops.convert import ROWS
from tests.export.families import ROOT

PAGE = (ROOT / "docs" / "export.md").read_text()
FORMATS = ("stablehlo", "onnx", "safetensors")
LATENT = np.random.default_rng(0).normal(size=(16, 32)).astype(np.float32)
QUICK = ["--config.num_devices=1", "--config.total_steps=10"]


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workdir = tmp_path_factory.mktemp("export") / "run"
    config = str(ROOT / "configs" / "digits.py")
    assert main(["train", "--config", config, "--workdir", str(workdir), *QUICK]) == 0
    return workdir


def example(kind: str) -> str:
    """The page's block of Python that reads such a file."""
    (found,) = (
        block
        for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
        if f".{kind}" in block
    )
    return found


@pytest.mark.parametrize("kind", FORMATS)
def test_the_code_of_the_page_makes_the_images_of_the_run(
    kind: str, digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in {"onnx": "onnxruntime", "safetensors": "safetensors", "stablehlo": "flatbuffers"}[
        kind
    ].split():
        pytest.importorskip(name)
    out = tmp_path / f"digits.{kind}"
    assert main(["export", "--workdir", str(digits), "--to", kind, "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert f"digits.{kind}: step 10" in said
    assert ("inputs: latent float32[b, 32]" in said) == (kind != "safetensors")
    np.save(tmp_path / "z.npy", LATENT)
    code = example(kind).replace("np.random.normal(size=(16, 32))", "np.load('z.npy')")
    code += "\nimport sys\nassert 'jaxgan' not in sys.modules\nnp.save('x.npy', images)\n"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, capture_output=True)
    run = jg.load(digits)
    params = {**run.state.params, "gen": run.state.ema["gen"]["params"]}
    batch = {"image": np.zeros((16, 8, 8, 1), np.float32), "latent": LATENT}
    context = Context(run.state.key, train=False)
    scene, _ = run.game.generate(params, run.state.net_state, batch, context)
    np.testing.assert_allclose(np.load(tmp_path / "x.npy"), scene["fake"], atol=1e-5)


def test_the_page_lists_the_rows() -> None:
    rows = textwrap.fill(", ".join(sorted(ROWS)), 100)
    assert f"```text\n{rows}\n```" in PAGE, rows


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (["--to", "onxx"], "argument --to: invalid choice: 'onxx'"),
        (["--to", "onnx", "--out", "g.safetensors"], "it must end with .onnx"),
        (["--out", "g.onnx"], "it must end with .stablehlo, or --to is another"),
        (["--to", "onnx", "--names", "ours"], "names is 'ours'; it is of --to safetensors alone"),
        (["--to", "onnx", "--direction", "backward"], "the game's only generator goes forward"),
        (
            ["--to", "safetensors", "--names", "reference"],
            "generator is 'dcgan'; weights are known for biggan, ",
        ),
    ],
)
def test_bad_flags_are_one_line_and_write_nothing(
    flags: list[str],
    problem: str,
    digits: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(digits.iterdir())
    try:
        code = main(["export", "--workdir", str(digits), *flags])
    except SystemExit as stopped:
        code = int(str(stopped.code))
    said = capsys.readouterr().err
    assert code == 2
    assert problem in said
    assert said.count("\n") == 1
    assert sorted(digits.iterdir()) == before
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("kind", "module", "extra"),
    [("onnx", "onnxruntime", "onnx"), ("safetensors", "safetensors.numpy", "weights")],
)
def test_a_missing_extra_says_the_pip_line(
    kind: str, module: str, extra: str, digits: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with mock.patch.dict(sys.modules, {module: None}):
        assert main(["export", "--workdir", str(digits), "--to", kind]) == 2
    assert f"pip install jaxgan[{extra}]" in capsys.readouterr().err
    assert not (digits / f"generator.{kind}").exists()


@pytest.mark.slow
@pytest.mark.parametrize(("game", "code"), [("cyclegan", 0), ("autoencoder", 2)])
def test_of_images_that_are_made_of_images(
    game: str, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("onnxruntime")
    config, workdir = f"{ROOT / 'configs' / game}.py:smoke", str(tmp_path / "run")
    assert main(["train", "--config", config, "--workdir", workdir, "--config.num_devices=1"]) == 0
    flags: list[Any] = ["export", "--workdir", workdir, "--to", "onnx"]
    assert main(flags) == code
    said = capsys.readouterr()
    if code:
        assert "'autoencoder', which makes its images of real ones; it must be" in said.err
    else:
        assert "inputs: source float32[b, 8, 8, 1]" in said.out
    assert (tmp_path / "run" / "generator.onnx").exists() == (code == 0)
