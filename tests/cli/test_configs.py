"""The configs that come with jaxgan are found by their names, from a wheel too; completion."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from jaxgan.cli.main import main
from jaxgan.config.base import load_config
from jaxgan.config.shipped import shipped

ROOT = Path(__file__).parents[2]


def test_every_config_is_listed_with_what_it_trains(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["configs"]) == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert set(lines) == {path.stem for path in (ROOT / "configs").glob("*.py")}
    assert lines["mnist"] == "DCGAN on MNIST at 28x28 pixels."
    assert main(["configs", "ring"]) == 0
    assert capsys.readouterr().out == (ROOT / "configs" / "ring.py").read_text()


def test_output_that_nobody_reads_is_no_error() -> None:
    words = f"{sys.executable} -m jaxgan configs | true; echo ${{PIPESTATUS[0]}}"
    found = subprocess.run(["bash", "-c", words], capture_output=True, text=True, check=True)
    assert (found.stdout, found.stderr) == ("141\n", "")


def test_a_name_is_that_of_a_file_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_config("digits:smoke") == load_config(f"{ROOT / 'configs' / 'digits.py'}:smoke")
    Path("digits").write_text("def get_config(arg):\n    return {'seed': 7}\n")
    assert load_config("digits") == {"seed": 7}
    assert main(["train", "--config", "rings", "--workdir", "new"]) == 2
    assert "or a name that jaxgan configs lists; did you mean ring" in capfd.readouterr().err
    assert main(["configs", "rings"]) == 2
    assert "did you mean ring" in capfd.readouterr().err


def test_a_wheel_has_the_configs(tmp_path: Path) -> None:
    copy = tmp_path / "copy"  # as building leaves files behind
    for name in ("jaxgan", "configs"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir"]
    subprocess.run([*build, str(tmp_path), str(copy)], check=True)
    (wheel,) = tmp_path.glob("jaxgan-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {f"jaxgan/configs/{name}.py" for name in shipped()} <= set(names)
    parts = [ROOT / "jaxgan" / part for part in ("report", "serve")]
    data = {p.relative_to(ROOT).as_posix() for part in parts for p in part.glob("*/*")}
    assert {name for name in data if "__pycache__" not in name} <= set(names)
    assert not [name for name in names if not name.startswith(("jaxgan/", "jaxgan-"))]


def test_bash_completes_commands_flags_and_choices(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("shtab")
    assert main(["completion", "bash"]) == 0
    script = tmp_path / "jaxgan.bash"
    script.write_text(capsys.readouterr().out)
    asked = "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _shtab_jaxgan; echo ${COMPREPLY[@]}"
    for words, completed in (
        ("trai", "train"),
        ("new l", "loss"),
        ("train --wo", "--workdir"),
        ("explore inter", "interpolate"),
    ):
        line = f"source {script}; COMP_WORDS=(jaxgan {words}); {asked}"
        found = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True)
        assert found.stdout.split() == [completed]
