"""`jaxgan explore` on trained runs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from jaxgan.cli.main import main

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "digits"
    config = f"{ROOT / 'configs' / 'digits.py'}:smoke"
    assert main(["train", "--config", config, "--workdir", str(folder)]) == 0
    return folder


def explore(what: str, workdir: Path, *flags: str) -> int:
    return main(["explore", what, "--workdir", str(workdir), *flags])


def shows_grid(path: Path, *, columns: int, rows: int) -> bool:
    """Whether a picture is of 8x8 digits, under lines of text and beside names of rows."""
    tile = 9 * 8  # a digit with its border, magnified eight times
    with Image.open(path) as picture:
        width, height = picture.size
        left, top = width - (columns * tile + 8), height - (rows * tile + 8)
        names = np.asarray(picture)[top:, :left]
        title = np.asarray(picture)[:top]
    return left > 20 and top > 0 == top % 16 and bool(names.min() < 100 and title.min() < 100)


def test_pictures_of_the_latent_space(digits: Path) -> None:
    assert explore("interpolate", digits, "--num", "3", "--frames", "4") == 0
    with Image.open(digits / "explore" / "interpolate.gif") as film:
        assert len(ImageSequence.all_frames(film)) == 12
    folder = digits / "explore"
    assert shows_grid(folder / "interpolate.png", columns=4, rows=3)
    assert explore("traverse", digits, "--codes", "0,5", "--frames", "3") == 0
    assert shows_grid(folder / "traverse.png", columns=3, rows=2)
    assert explore("arithmetic", digits, "--a", "0,1", "--b", "2", "--c", "3", "--num", "3") == 0
    assert shows_grid(folder / "arithmetic.png", columns=4, rows=4)


def test_truncation_is_shown_and_measured(digits: Path) -> None:
    flags = ["--values", "0.1,2", "--metrics", "prdc", "--num-samples", "64"]
    assert explore("truncation", digits, *flags) == 0
    weak, strong = json.loads((digits / "explore" / "truncation.json").read_text())[::-1]
    assert weak["truncation"] == 2
    (recall,) = [name for name in weak if name.startswith("recall")]
    assert strong[recall] <= weak[recall]


@pytest.mark.parametrize(
    ("what", "flags", "message"),
    [
        ("mixing", [], "mixing: this generator has no styles"),
        ("interpolate", ["--space", "w"], "this generator has no styles"),
        ("interpolate", ["--values", "1"], "values is '1'; interpolate has no such option"),
        (
            "interpolate",
            ["--out", "a.jpg"],
            "out is 'a.jpg'; it must be a .png or .gif or .mp4 file",
        ),
        ("traverse", ["--codes", "99"], "codes is '99'"),
        ("traverse", ["--label", "3"], "label is 3; the run is unconditional"),
        (
            "truncation",
            ["--values", "0", "--metrics", "none"],
            "values is 0.0; it must be above 0",
        ),
        ("arithmetic", ["--a", "1"], "b: missing"),
        (
            "arithmetic",
            ["--a", "x", "--b", "1", "--c", "1"],
            "a is 'x'; it must be 1,4,7 or class:K",
        ),
        ("arithmetic", ["--a", "class:12", "--b", "1", "--c", "1"], "classes are 0 to 9"),
    ],
)
def test_bad_input(
    digits: Path, what: str, flags: list[str], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert explore(what, digits, *flags) == 2
    (line,) = [one for one in capfd.readouterr().err.splitlines() if one.startswith("jaxgan:")]
    assert message in line
