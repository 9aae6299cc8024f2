"""`jaxgan plan` as it is called: on simulated CPUs, and with the TPU compiler where it is there."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from jaxgan.cli.main import main

CONFIGS = Path(__file__).parents[2] / "configs"
RING = f"{CONFIGS / 'ring.py'}:smoke"
MNIST = str(CONFIGS / "mnist.py")

needs_libtpu = pytest.mark.skipif(
    importlib.util.find_spec("libtpu") is None, reason="libtpu is not installed: jaxgan[plan]"
)


@pytest.fixture(autouse=True)
def compiled_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests are compiled in a hurry, see conftest.py; a plan must not be."""
    monkeypatch.delenv("XLA_FLAGS", raising=False)


def plan(tmp_path: Path, config: str, *flags: str) -> tuple[int, list[dict[str, Any]]]:
    """The command's exit code, and what it wrote."""
    out = tmp_path / "plan.json"
    code = main(["plan", "--config", config, "--out", str(out), *flags])
    return code, json.loads(out.read_text())["plans"] if out.exists() else []


@pytest.mark.slow
def test_several_topologies_in_one_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, plans = plan(tmp_path, RING, "--topology", "cpu:2", "cpu:4", "--batch-per-chip", "16")
    assert code == 0
    assert [one["topology"] for one in plans] == ["cpu:2", "cpu:4"]
    reports = [one["report"] for one in plans]
    assert [report["images_per_step"] for report in reports] == [2 * 2 * 16, 2 * 4 * 16]
    flops = [sum(report["flops"].values()) for report in reports]
    assert flops[1] == 2 * flops[0] > 0  # weak scaling
    assert reports[0]["memory"]["fits"]
    assert (tmp_path / "plan.png").exists()
    shown = capsys.readouterr().out
    assert "parameters of gen" in shown
    assert "images/s <=" in shown


@pytest.mark.slow
def test_one_topology_that_fails_is_a_line_and_not_the_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, plans = plan(tmp_path, RING, "--topology", "cpu:3", "cpu:2", "--config.batch_size=64")
    assert code == 2
    assert "report" in plans[1]
    lines = capsys.readouterr().err.strip().splitlines()
    assert lines == [
        "jaxgan: error: cpu:3: batch_size is 64, which 3 devices do not divide; "
        "--batch-per-chip N makes it N times 3"
    ]


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["--topology", "v9:2x2"], "topology is 'v9:2x2'; it must be cpu:N, v2:AxB"),
        (["--topology", "cpu:2", "--batch-per-chip", "0"], "batch-per-chip is 0; it must be at"),
        (["--topology", "cpu:2", "--config.bach_size=3"], "bach_size: unknown key; did you mean"),
        (["--topology", "cpu:2", "--plot", "no/such/folder/a.png"], "its folder must exist"),
    ],
)
def test_bad_input_is_one_line(
    flags: list[str], expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert plan(tmp_path, RING, *flags) == (2, [])
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert expected in lines[0]


def test_a_missing_compiler_is_a_line_and_not_the_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    code, plans = plan(tmp_path, RING, "--topology", "v5e:2x2", "cpu:1")
    expected = "this topology needs libtpu: pip install jaxgan[plan]"
    assert (code, plans[0]["error"]) == (2, expected)
    assert "report" in plans[1]
    assert capsys.readouterr().err.strip() == f"jaxgan: error: v5e:2x2: {expected}"


def test_data_that_are_not_there_need_a_shape(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--topology", "cpu:1", "--config.data.source=npz:nowhere.npz"]
    code, _ = plan(tmp_path, f"{CONFIGS / 'digits.py'}:smoke", *flags)
    assert code == 2
    assert "--example-shape H,W,C does without data" in capsys.readouterr().err


OWN = """\
import flax.linen as nn
import jax
import numpy as np

import beside
import jaxgan as jg


def slowed(field, *, rate):
    def apply(*args):
        pull, memory, rest = field.apply(*args)
        return jax.tree.map(lambda x: rate * x, pull), memory, rest

    return field._replace(apply=apply, is_gradient=False)


class Generator(nn.Module):
    width: int = 8

    @nn.compact
    def __call__(self, z):
        return nn.Dense(3)(nn.relu(nn.Dense(self.width)(z)))


def sphere(*, num):
    points = np.random.default_rng(0).normal(size=(num, 3))
    return {"image": points / np.sqrt((points**2).sum(1, keepdims=True))}


def get_config(arg=""):
    sgd = {"name": "sgd", "learning_rate": 0.01}
    return {
        "data": {"source": sphere, "num": 64},
        "generator": {"name": Generator, "width": 4},
        "discriminator": {"name": "mlp", "features": [8]},
        "loss": {"name": beside.soft_hinge, "slope": 2.0},
        "field": [{"name": slowed, "rate": 0.5}],
        "optimizer": {"gen": sgd, "disc": sgd},
        "latent_dim": 5, "batch_size": 16, "total_steps": 1, "num_samples": 4,
        "log_every_steps": 1, "checkpoint_every_steps": 1, "sample_every_steps": 1,
        "watch": False, "num_devices": 1,
    }
"""
OWN_BESIDE = """\
from jax.nn import softplus

from jaxgan.losses import stateless


def soft_hinge(*, slope):
    return stateless(
        lambda real, fake, context: softplus(slope * (1 - real)) + softplus(slope * (1 + fake)),
        lambda real, fake, context: -fake,
    )
"""


@pytest.mark.parametrize("place", ["its file", "the folder of a run"])
def test_own_code_is_planned(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "of the user"))
    config, workdir = tmp_path / "mine.py", tmp_path / "run"
    config.write_text(OWN)
    (tmp_path / "beside.py").write_text(OWN_BESIDE)
    if place == "the folder of a run":
        assert main(["train", "--config", str(config), "--workdir", str(workdir)]) == 0
        for name in ("mine.py", "beside.py"):
            (tmp_path / name).unlink()
        config = workdir
    code, plans = plan(tmp_path, str(config), "--topology", "cpu:2")
    assert code == 0, plans
    report = plans[0]["report"]
    widths = {"gen": (5, 4, 3), "disc": (3, 8, 1)}
    assert report["parameters"] == {
        player: a * b + b + b * c + c for player, (a, b, c) in widths.items()
    }
    assert report["images_per_step"] == 16


@needs_libtpu
def test_a_step_that_does_not_fit_is_exit_code_4(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, plans = plan(tmp_path, RING, "--topology", "v5e:1x1", "--batch-per-chip", str(2**26))
    assert code == 4
    memory = plans[0]["report"]["memory"]
    assert memory["total"] > memory["limit"] > 15 * 2**30
    assert "does NOT fit" in capsys.readouterr().out


@needs_libtpu
def test_mnist_compiles_for_a_pod(tmp_path: Path) -> None:
    code, plans = plan(
        tmp_path,
        MNIST,
        "--topology",
        "v5e:16x16",
        "--batch-per-chip",
        "64",
        "--example-shape",
        "28,28,1",
    )
    assert code == 0
    report = plans[0]["report"]
    assert report["num_devices"] == 256
    assert report["images_per_step"] == 256 * 64
    # The compiler counts one of ten steps, and additions of activations besides.
    products = sum(report["flops"].values()) / 256
    assert products < report["compiler_flops"] < 1.05 * products
    (reduced,) = report["collectives"]
    assert (reduced["kind"], reduced["group_size"]) == ("all-reduce", 256)
    # At least every gradient, once a step.
    parameters = sum(report["parameters"].values())
    assert reduced["num_bytes"] / 10 == pytest.approx(4 * parameters, rel=0.1)
    assert report["memory"]["headroom"] > 0.9 * 16 * 2**30
    assert report["roofline"]["step_seconds"] > 1e-6


@needs_libtpu
def test_a_crash_of_the_compiler_is_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, plans = plan(tmp_path, RING, "--topology", "v5e:32x32", "--batch-per-chip", "8")
    assert code == 2
    assert "error" in plans[0]
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert "v5e:32x32: the compiler crashed (SIGABRT): " in lines[0]


# The shape of an example of those whose data are not part of jaxgan.
SHAPES = {
    "mnist": "28,28,1",
    "fashion_mnist": "28,28,1",
    "pix2pix": "64,64,3/64,64,3",
    "cyclegan": "64,64,3/64,64,3",
    "super_resolution": "32,32,3/16,16,3",
}


@pytest.mark.slow
@needs_libtpu
@pytest.mark.parametrize("name", sorted(path.stem for path in CONFIGS.glob("*.py")))
def test_every_config_compiles_for_a_pod(name: str, tmp_path: Path) -> None:
    shape = ["--example-shape", SHAPES[name]] if name in SHAPES else []
    flags = ["--topology", "v5e:16x16", "--batch-per-chip", "64", *shape]
    code, plans = plan(tmp_path, str(CONFIGS / f"{name}.py"), *flags)
    assert code == 0, plans
