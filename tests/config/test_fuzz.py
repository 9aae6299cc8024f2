"""Mutated configs train or are refused in one line; see `tests.fuzz`."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from jaxgan.cli.main import main
from jaxgan.cli.program import BAD_INPUTS
from jaxgan.config import build
from jaxgan.config.base import Config, load_config, plain
from jaxgan.config.data import open_data
from jaxgan.config.resolve import resolve
from jaxgan.core.errors import ConfigError
from jaxgan.data import DeviceSource
from tests import fuzz

NUM, SEED = 300, 1
BASES = (*fuzz.QUICK, *(12 * ("ring",)))  # the quickest to make
TRIED = list(fuzz.mutants(NUM, SEED, BASES))


def make(config: Config) -> None:
    """What a run makes of a config before it traces a step."""
    full = resolve(plain(config))
    source = open_data(full)
    build.check_classes(full, source)
    on_device = source if isinstance(source, DeviceSource) else None
    build.build_phases(full, source.element_spec, on_device, build.build_mesh(full))


def test_each_is_made_or_refused_in_one_line() -> None:
    lines = []
    for mutant in TRIED:
        try:
            make(mutant.config)
        except BAD_INPUTS as error:
            lines.append(str(error))
    assert 0.7 * NUM < len(lines) < 0.95 * NUM
    assert not [line for line in lines if len(line.splitlines()) != 1]


def test_some_that_are_made_can_be_played(tmp_path: Path) -> None:
    played = [one for one in TRIED if one.base == "ring"]
    found = [fuzz.refusal(one.config, tmp_path / "new") for one in played[:40]]
    assert None in found
    assert not (tmp_path / "new").exists()


def written(mutant: fuzz.Mutant, folder: Path) -> Path:
    file = folder / "mutant.py"
    file.write_text(
        f"from math import inf, nan\n\ndef get_config(arg):\n    return {mutant.config!r}\n"
    )
    return file


REFUSED = [one for one in TRIED if one.kind in ("NaN", "infinite", "misspelled", "a list")]


def test_commands_end_with_the_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for mutant in REFUSED[:40]:
        words = ["train", f"--config={written(mutant, tmp_path)}", f"--workdir={tmp_path / 'new'}"]
        assert main(words) == 2, mutant
        out, error = capfd.readouterr()
        assert out == ""
        assert error.startswith("jaxgan: error: ")
        assert error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["mutant.py"]


@pytest.mark.parametrize(
    "index", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 8))]
)
def test_processes_end_with_the_line(index: int, tmp_path: Path) -> None:
    file = written(REFUSED[7 * index], tmp_path)
    words = ["-m", "jaxgan.cli.main", "train", f"--config={file}", "--workdir=new"]
    ended = subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(fuzz.ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    *_, line = ended.stderr.splitlines()
    assert line.startswith("jaxgan: error: ")
    assert "Traceback" not in ended.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mutant.py"]


def test_mutants_are_of_every_kind_and_the_same_each_time() -> None:
    again = fuzz.mutants(NUM, SEED, BASES)
    assert [str(one) for one in again] == [str(one) for one in TRIED]
    assert {one.kind for one in TRIED} == set(fuzz.KINDS)
    assert len({str(one) for one in TRIED}) > 0.9 * NUM
    full = {one.base for one in TRIED if one.base.endswith(" in full")}
    assert len(full) == len({one.base for one in TRIED} - full) == len(fuzz.QUICK)


def test_what_fails_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    results = itertools.cycle([None, "one line", "two\nlines", ZeroDivisionError("x")])

    def refusal(config: Config, workdir: Path) -> str | None:
        if isinstance(found := next(results), Exception):
            raise found
        return found

    monkeypatch.setattr(fuzz, "refusal", refusal)
    counts, failures = fuzz.tally(TRIED[:8])
    assert sum(row["accepted"] for row in counts.values()) == 2
    assert sum(row["refused"] for row in counts.values()) == 4
    assert [line.rpartition(": ")[2] for line in failures] == ["'two\\nlines'", "x"] * 2


def test_the_page_shows_the_counts() -> None:
    said, text = json.loads(fuzz.COUNTS.read_text()), fuzz.PAGE.read_text()
    num = sum(n for row in said["counts"].values() for n in row.values())
    assert said["mutants"] == fuzz.NUM == num
    assert fuzz.page(text, said["counts"]) == text


@pytest.mark.slow
def test_the_counts_are_true() -> None:
    said = json.loads(fuzz.COUNTS.read_text())
    found = fuzz.tally(fuzz.mutants(said["mutants"], said["seed"]))
    assert not found.failures
    assert found.counts == said["counts"]


@pytest.mark.parametrize("name", ["autoencoder:smoke", "ring", "vae:smoke"])
def test_a_game_of_images_needs_them(name: str) -> None:
    file, _, arg = name.partition(":")
    config = load_config(f"{fuzz.ROOT / 'configs' / file}.py:{arg}")
    with pytest.raises(
        ConfigError, match=r"data.source is 'none'; game .* needs data with an image"
    ):
        make({**config, "data": "none"})
