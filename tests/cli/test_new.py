"""Files that `jaxgan new` writes: they pass their own tests, train as they are, and stay."""

from __future__ import annotations

import doctest
import inspect
from pathlib import Path

import pytest

from jaxgan.cli.main import main
from jaxgan.cli.templates import TEMPLATES
from jaxgan.config.references import read_file

RING = f"{Path(__file__).parents[2] / 'configs' / 'ring.py'}:smoke"
FLAGS = {
    "loss": "loss=",
    "penalty": "penalties.mine.name=",
    "field": "field=",
    "game": "game=",
    "algorithm": "algorithm=",
    "network": "generator=",
    "source": "data.source=",
}
SMALL = """
    total_steps=2 substeps=1 num_seeds=1 num_devices=1 batch_size=8 latent_dim=2 num_samples=4
    log_every_steps=1 checkpoint_every_steps=2 sample_every_steps=2 discriminator.features=[4]
    penalties.r1=none penalties.r2=none watch=false
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "of the user"))


@pytest.mark.parametrize("kind", TEMPLATES)
def test_what_is_written_passes_its_tests(kind: str, tmp_path: Path) -> None:
    assert main(["new", kind, "mine"]) == 0
    assert 30 <= len((tmp_path / "mine.py").read_text().splitlines()) <= 70
    module = read_file(tmp_path / "mine.py")
    tests = {name: one for name, one in vars(module).items() if name.startswith("test_")}
    assert tests
    for test in tests.values():
        assert not inspect.signature(test).parameters
        test()
    results = doctest.testmod(module)
    assert results.attempted > 0
    assert results.failed == 0


@pytest.mark.parametrize("kind", TEMPLATES)
def test_what_is_written_trains(kind: str, tmp_path: Path) -> None:
    assert main(["new", kind, "mine", "--to", "code"]) == 2  # there is no such folder
    (tmp_path / "code").mkdir()
    assert main(["new", kind, "mine", "--to", "code"]) == 0
    flags = [f"--config.{flag}" for flag in SMALL.split()]
    flags += ["--config.generator.features=[4]"] if kind != "network" else []
    own = f"--config.{FLAGS[kind]}code/mine.py:mine"
    command = ["train", "--config", RING, "--workdir", str(tmp_path / "run"), *flags, own]
    assert main(command) == 0
    assert (tmp_path / "run" / "code" / "mine.py").exists()


def test_no_file_is_written_over(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.py").write_text("x = 1\n")
    assert main(["new", "loss", "mine"]) == 2
    assert "mine.py is there already; give another name" in capfd.readouterr().err
    assert (tmp_path / "mine.py").read_text() == "x = 1\n"


@pytest.mark.parametrize("name", ["a-b", "class", "random", "jax", "margin", "../x"])
def test_names_that_would_not_do_are_refused(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", "loss", name]) == 2
    assert f"name is {name!r}; it must be the name of a function" in capfd.readouterr().err
    assert not list(tmp_path.glob("*.py"))


def test_a_folder_that_is_not_there_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "loss", "mine", "--to", "no/such"]) == 2
    assert "to is 'no/such'; it must be a folder that is there" in capfd.readouterr().err
