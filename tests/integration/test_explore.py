"""`jaxgan explore` on trained runs."""

from __future__ import annotations

import io
import json
import os
import signal
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

import jaxgan as jg
from jaxgan.cli import explore_serve
from jaxgan.cli.main import main
from jaxgan.core.pixels import to_uint8
from jaxgan.sampling.explore import make_explorer
from jaxgan.serve import Server

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


def visited(
    workdir: Path, number: int, monkeypatch: pytest.MonkeyPatch, visit: Callable[[str], None]
) -> object:
    """The exit code of a server that is visited, and then gets a signal."""

    def visit_and_end(address: str) -> None:
        try:
            visit(address)
        finally:
            os.kill(os.getpid(), number)

    def begin(address: str) -> None:
        threading.Thread(target=visit_and_end, args=(address,)).start()

    monkeypatch.setattr(explore_serve, "_open_browser", begin)
    try:
        return explore("serve", workdir, "--num", "3")
    except SystemExit as stop:
        return stop.code


def files_of(folder: Path) -> dict[str, int]:
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in found}


def test_a_served_picture_is_that_of_the_run(
    digits: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {"start": {"seed": 5, "number": 2}, "coordinates": {"3": 0.75}}
    before, answers = files_of(digits), []

    def visit(address: str) -> None:
        for where in ("picture", "save"):
            request = urllib.request.Request(
                address.replace("/?", f"/{where}?"),
                json.dumps(settings).encode(),
                {"Content-Type": "application/json"},
            )
            with urllib.request.urlopen(request) as answer:
                answers.append(answer.read())

    assert visited(digits, signal.SIGINT, monkeypatch, visit) == 130
    run = jg.load(digits)
    explorer = make_explorer(run.game, run.state, run.saved.spec)
    z = explorer.draw(5, 3)[[2]]
    z[0, 3] += 0.75
    expected = to_uint8(explorer.render({"latent": z}, np.zeros(1, int)))[0, ..., 0]
    folder = digits / "explore" / "pictures"
    for source in (io.BytesIO(answers[0]), folder / "0001.png"):
        with Image.open(source) as picture:
            np.testing.assert_array_equal(np.asarray(picture), expected)
    kept = json.loads((folder / "0001.json").read_text())
    assert kept["settings"] == settings
    assert (kept["step"], kept["average"], kept["num"]) == (20, True, 3)
    new = {f"explore/pictures/0001.{suffix}" for suffix in ("json", "png")}
    after = files_of(digits)
    assert {name for name in after if before.get(name) != after[name]} == new
    first, second, third = capsys.readouterr().out.splitlines()
    assert (first, third) == ("compiling ...", "Ctrl-C ends it")
    assert second.startswith("serving, to this machine alone: http://127.0.0.1:")
    assert len(second.partition("/?token=")[2]) == 32


def test_a_server_ends_when_its_machine_does(digits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    handler = signal.getsignal(signal.SIGTERM)
    assert visited(digits, signal.SIGTERM, monkeypatch, lambda address: None) == 75
    assert signal.getsignal(signal.SIGTERM) is handler


def test_a_port_in_use_is_one_line(digits: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with Server(0) as other:
        other.server_activate()
        assert explore("serve", digits, "--port", str(other.port)) == 2
        (line,) = [x for x in capfd.readouterr().err.splitlines() if x.startswith("jaxgan:")]
        assert line == (f"jaxgan: error: port is {other.port}, which is in use; 0 takes a free one")


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
        ("serve", ["--port", "70000"], "port is 70000; it must be from 0 to 65535"),
        ("serve", ["--num", "257"], "num is 257; it must be from 1 to 256"),
        ("serve", ["--out", "a.png"], "out is 'a.png'; serve has no such option"),
        ("traverse", ["--no-browser"], "no-browser is True; traverse has no such option"),
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
