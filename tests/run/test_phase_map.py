"""`jaxgan map`: phases against closed forms, boundaries, queues that go on."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan.cli.main import main
from jaxgan.core.ranges import NonNegative
from jaxgan.data import Source, columns
from jaxgan.run import phase_map
from jaxgan.training.collapse import phase
from tests import helpers

HERE = Path(__file__)
STEPS = 300


def zeros() -> Source:
    """The data of the Dirac-GAN."""
    return columns({"image": np.zeros((8, 1), np.float32)})


def dirac(rate: NonNegative = 0.1, gamma: NonNegative = 0.1) -> jaxgan.Algorithm:
    """Consensus on the Dirac-GAN."""
    field = jaxgan.fields.consensus(jaxgan.gradient(jaxgan.dirac()), gamma=gamma)
    return jaxgan.simultaneous(field, optimizers=helpers.sgds(rate))


def bilinear(
    rate: NonNegative = 0.1, gamma: NonNegative = 1.0, size: int = 1, adam: bool = False
) -> jaxgan.Algorithm:
    """Consensus on the bilinear game."""
    field = jaxgan.fields.consensus(jaxgan.gradient(jaxgan.bilinear(jnp.eye(size))), gamma=gamma)
    made = helpers.adams(rate) if adam else helpers.sgds(rate)
    return jaxgan.simultaneous(field, optimizers=made)


def write_config(folder: Path, name: str, data: str) -> str:
    path = folder / "config.py"
    text = {"make_algorithm": f"{HERE}:{name}", "data": data, "batch_size": 4}
    path.write_text(f"def get_config(arg=''):\n    return {text!r}\n")
    return str(path)


def mapped(config: str, out: Path, *axes: str, flags: tuple[str, ...] = ()) -> dict[str, Any]:
    words = [word for axis in axes for word in ("--axis", f"make_algorithm.{axis}")]
    given = ["map", "--config", config, *words, "--steps", str(STEPS), "--out", str(out), *flags]
    assert main(given) == 0
    found: dict[str, Any] = json.loads((out / "map.json").read_text())
    assert (out / "map.png").read_bytes()[1:4] == b"PNG"
    return found


def test_the_dirac_gan_has_its_closed_boundary(tmp_path: Path) -> None:
    config = write_config(tmp_path, "dirac", f"{HERE}:zeros")
    axes = ("rate=log:0.01:3:24", "gamma=log:0.01:10:20")
    found = mapped(config, tmp_path / "out", *axes, flags=("--seeds", "2"))
    agree = []
    for cell in found["cells"]:
        rate, gamma = (cell["point"][f"make_algorithm.{key}"] for key in ("rate", "gamma"))
        radius = math.hypot(1 - rate * gamma / 4, rate / 2)  # λ = -γ/4 ± i/2
        assert cell["multiplier"] == pytest.approx(radius, abs=1e-4)
        agree.append((cell["phase"] == "converges") == (radius < 1))
    assert len(agree) == 480
    assert np.mean(agree) >= 0.99


def test_a_boundary_is_bisected_and_nothing_is_played_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    played: list[int] = []
    play = phase_map._play

    def counted(player: Any, points: Any, num_steps: int) -> Any:
        played.append(len(points))
        return play(player, points, num_steps)

    monkeypatch.setattr(phase_map, "_play", counted)
    config, out = write_config(tmp_path, "bilinear", "none"), tmp_path / "out"
    axes = ("rate=log:0.1:10:4", "gamma=list:0.5,2.0")
    found = mapped(config, out, *axes, flags=("--refine", "3"))
    assert played == [8, *3 * [len(found["boundary"])]]
    edges = [edge for edge in found["boundary"] if edge["key"] == "make_algorithm.rate"]
    assert len(edges) == 2
    for edge in edges:
        gamma = edge["point"]["make_algorithm.gamma"]
        assert edge["low"] < 2 * gamma / (1 + gamma**2) < edge["high"]
        assert edge["high"] / edge["low"] == pytest.approx(100 ** (1 / 3 / 8))
    again = mapped(config, out, *axes, flags=("--refine", "4"))
    assert played[4:] == [len(found["boundary"])]
    assert again["cells"] == found["cells"]


@pytest.mark.slow
def test_what_changes_the_program_is_a_queue(tmp_path: Path) -> None:
    config = write_config(tmp_path, "bilinear", "none")
    axes = ("rate=list:0.1,0.9,1.9", "size=list:1,2", "adam=list:false,true")
    found = mapped(config, tmp_path / "out", *axes)
    assert len(found["cells"]) == 12
    assert len([*(tmp_path / "out" / "played").iterdir()]) == 4
    plain = [cell for cell in found["cells"] if not cell["point"]["make_algorithm.adam"]]
    phases = {
        (c["point"]["make_algorithm.size"], c["point"]["make_algorithm.rate"]): c["phase"]
        for c in plain
    }
    for size in (1, 2):  # |1 + hλ| < 1 up to h = 1 for γ = 1
        assert [phases[size, rate] for rate in (0.1, 0.9, 1.9)] == [
            "converges",
            "converges",
            "diverges",
        ]


@pytest.mark.slow
def test_the_better_half_goes_on(tmp_path: Path) -> None:
    config = write_config(tmp_path, "bilinear", "none")
    flags = ("--halving", "distance:min", "--steps", "160")
    found = mapped(
        config, tmp_path / "out", "rate=list:0.01,0.02,0.05,0.1,0.2,0.4,0.8,1.5", flags=flags
    )
    steps = [cell["steps"] for cell in found["cells"]]
    best = min(found["cells"], key=lambda cell: abs(cell["point"]["make_algorithm.rate"] - 0.5))
    assert best["steps"] == 160
    assert sorted(steps) == [20, 20, 20, 20, 40, 40, 80, 160]


RING = str(HERE.parents[2] / "configs" / "ring.py:smoke")


@pytest.mark.parametrize(
    ("config", "words", "message"),
    [
        (RING, ["--axis", "generator.name=list:mlp,dcgan"], "dcgan"),
        (RING, ["--axis", "num_seeds=list:1,2"], "axis num_seeds changes no step that a map"),
        (RING, ["--axis", "ema.decay=list:0.1,0.2", "--steps", "3"], "steps is 3; it must be at"),
        (
            RING,
            ["--axis", "ema.decay=list:0.1,0.2", "--seeds", "1000000000"],
            "the number of members is 2000000000; it must be at most",
        ),
        (RING, ["--axis", "total_steps=list:10,20"], "axis total_steps changes no step"),
        (RING, ["--axis", "batch_size=list:16,15"], "axis batch_size is [16, 15]; it must be in"),
        (RING, ["--axis", "seed=list:0,1", "--config.sweep.ema.decay=[0.1,0.2]"], "sweep is {"),
        (
            RING,
            ["--axis", "optimizer.gen.name=list:adam,adam"],
            "axis optimizer.gen.name is ['adam', 'adam']; it must be without repetitions",
        ),
        (
            RING,
            ["--axis", "ema.decay=list:0.1,0.2", "--halving", "loss/gen:min"],
            "halving: 2 points of 20 steps have no half to leave",
        ),
    ],
)
def test_what_cannot_be_mapped_is_one_line_before_anything_is_played(
    config: str,
    words: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    given = ["map", "--config", config, "--steps", "20", "--out", str(out), *words]
    assert main(given) != 0
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("jaxgan: error: ")
    assert message in said
    assert not out.exists()


def test_games_on_data_are_judged_by_their_samples() -> None:
    line = {"loss/gen": 0.7, "eval/num_modes": 7.0}
    assert phase([{"step": 1000, **line}], num_modes=8).phase == "converges"
    assert phase([{"step": 1000, **line, "eval/num_modes": 2.0}], num_modes=8).phase == "collapses"
    assert phase([{"step": 1000, "loss/gen": math.nan}]).phase == "diverges"
    turns = [{"step": 300 + t, "disc/separation": math.sin(t)} for t in range(40)]
    assert phase(turns).phase == "cycles"


@pytest.mark.slow
def test_a_game_on_data_is_mapped(tmp_path: Path) -> None:
    ring = str(HERE.parents[2] / "configs" / "ring.py:smoke")
    out, flags = tmp_path / "out", ("--seeds", "2", "--steps", "40", "--config.penalties.r1=none")
    axis = ["--axis", "optimizer.gen.learning_rate=list:0.001,1e30"]
    given = ["map", "--config", ring, *axis, "--out", str(out), *flags]
    assert main([*given, "--config.penalties.r2=none"]) == 0
    found = json.loads((out / "map.json").read_text())
    assert [cell["phase"] for cell in found["cells"]] == ["collapses", "diverges"]
    assert found["cells"][0]["scores"]["eval/num_modes"] < 4
