"""Configs that refer to people's own code: what is found, what is refused, what a folder keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jaxgan.config.base import load_config
from jaxgan.config.portable import located, portable, references_of
from jaxgan.config.references import find, read_file
from jaxgan.config.resolve import resolve
from jaxgan.core.errors import ConfigError

MINE = """\
import beside
from jaxgan.losses import hinge

def soft(*, slope: float = 1.0):
    return hinge(margin=beside.twice(slope))

def bad(*, slope: "Missing" = 1.0):
    return hinge()
"""
CONFIG = (
    MINE
    + """
def get_config(arg=""):
    return {"loss": VALUE, "generator": "mlp", "discriminator": "mlp", "data": {"source": "ring"},
            "optimizer": {p: {"name": "sgd", "learning_rate": 0.1} for p in ("gen", "disc")}}
"""
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "beside.py").write_text("import deeper\ntwice = deeper.twice\n")
    (tmp_path / "deeper.py").write_text("def twice(x): return 2 * x\n")
    (tmp_path / "mine.py").write_text(MINE)
    return tmp_path


def config_of(folder: Path, value: str, *flags: str) -> dict[str, Any]:
    (folder / "config.py").write_text(CONFIG.replace("VALUE", value))
    return resolve(load_config(f"{folder / 'config.py'}", flags))


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ("'mine.py:soft'", "mine.py:soft"),
        ("{'name': 'mine.py:soft'}", "mine.py:soft"),
        ("soft", "config.py:soft"),
        ("{'name': soft}", "config.py:soft"),
    ],
)
def test_a_file_is_found_beside_the_config(folder: Path, value: str, place: str) -> None:
    assert config_of(folder, value)["loss"] == {"name": f"{folder / place}", "slope": 1.0}


def test_a_module_is_found_by_its_name(folder: Path) -> None:
    loss = config_of(folder, "'jaxgan.losses:hinge'")["loss"]
    assert loss == {"name": "jaxgan.losses:hinge", "margin": 1.0}


def test_a_flag_names_a_file_from_where_one_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "sub").mkdir()
    monkeypatch.chdir(folder / "sub")
    flags = ["--config.loss=../mine.py:soft", "--config.loss.slope=3.0"]
    loss = config_of(folder, "'hinge'", *flags)["loss"]
    assert loss == {"name": f"{folder / 'mine.py:soft'}", "slope": 3.0}


def test_what_a_file_imports_beside_it_is_its_own(tmp_path: Path) -> None:
    for name, number in (("a", 1), ("b", 2)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "beside.py").write_text(f"number = {number}\n")
        (tmp_path / name / "mine.py").write_text(
            "from beside import number\ndef f(): return number\n"
        )
    found = [find(f"{tmp_path / name / 'mine.py'}:f")() for name in "abab"]
    assert found == [1, 2, 1, 2]
    (tmp_path / "a" / "beside.py").write_text("number = 3\n")
    assert find(f"{tmp_path / 'a' / 'mine.py'}:f")() == 3
    assert read_file(tmp_path / "b" / "mine.py") is read_file(tmp_path / "b" / "mine.py")


def test_a_folder_keeps_files_by_name(folder: Path) -> None:
    config = config_of(folder, "'mine.py:soft'")
    kept, files = portable(config)
    assert kept["loss"]["name"] == "mine.py:soft"
    assert sorted(files) == sorted(kept["code"]) == ["beside.py", "deeper.py", "mine.py"]
    assert located({"loss": kept["loss"]}, folder) == {"loss": config["loss"]}


def test_kinds_that_jaxgan_knows_come_first(folder: Path) -> None:
    known = {"data": {"source": "npz:mine.py:soft"}, "evaluation": {"features": "inception:soft"}}
    assert not references_of(known)
    assert located(known, folder) == known
    own = {"data": "mine.py:soft", "evaluation": {"features": "mine.py:soft", "metrics": ["a:b"]}}
    assert references_of(own) == {"mine.py:soft", "a:b"}
    assert located(own, folder)["data"] == f"{folder / 'mine.py'}:soft"


def test_other_data_of_ones_own_leave_out_what_the_file_says_of_its_own(folder: Path) -> None:
    (folder / "data.py").write_text("def disk(*, num: int = 8, labels: bool = True): ...\n")
    digits = Path(__file__).parents[2] / "configs" / "digits.py"
    flags = [f"--config.data.source={folder / 'data.py'}:disk", "--config.data.num=9"]
    data = resolve(load_config(f"{digits}:smoke", flags))["data"]
    assert data == {"source": f"{folder / 'data.py'}:disk", "num": 9, "labels": True}


def test_two_files_of_one_name_are_refused(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "mine.py").write_text("def soft(): ...\n")
    names = [f"{folder / 'mine.py'}:soft", f"{folder / 'sub' / 'mine.py'}:soft"]
    with pytest.raises(ConfigError, match="have one name; rename one of them"):
        portable({"a": names[0], "b": names[1]})


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("'nowhere.py:soft'", "nowhere.py' is not a file"),
        ("'mine.py:sofd'", "has no function 'sofd'; did you mean soft?"),
        ("'mine.py:bad'", "'Missing' is not defined"),
        ("'no.module:soft'", "'no.module' cannot be imported: ModuleNotFoundError"),
        ("{'name': 'mine.py:soft', 'slop': 1}", "slop: unknown key; did you mean slope?"),
        ("{'name': 'mine.py:soft', 'slope': 'x'}", "loss.slope is 'x'; it must be a number"),
        ("lambda: None", "loss is the function <lambda>, a lambda or nested function"),
    ],
)
def test_what_cannot_be_found_is_one_line(folder: Path, value: str, words: str) -> None:
    with pytest.raises(ConfigError) as error:
        config_of(folder, value)
    assert words in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_a_file_that_fails_says_where(folder: Path) -> None:
    (folder / "broken.py").write_text("x = 1\ny = x / 0\n")
    with pytest.raises(ConfigError, match=r"broken\.py:2' fails: ZeroDivisionError"):
        config_of(folder, "'broken.py:soft'")
