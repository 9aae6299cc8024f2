"""The documentation says what the code does: names, config keys, flags, examples, links."""

from __future__ import annotations

import argparse
import ast
import doctest
import importlib
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, get_origin, get_type_hints

import pytest

import jaxgan
from jaxgan.cli import plan
from jaxgan.cli.main import COMMANDS
from jaxgan.cli.program import BAD_INPUT, CLOSED_PIPE, DISK_FAILED, IN_USE
from jaxgan.config import games, grid, resolve
from jaxgan.config.lists import Listed
from jaxgan.config.optimizers import OPTAX, OPTIMIZER, SHARED
from jaxgan.config.sections import SCHEDULE, Options
from jaxgan.data.open import SOURCES
from jaxgan.distributed.processes import LOST_PEER
from jaxgan.training.settings import Exit
from tests.jobs import HANGS

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md"))]
PAGES += sorted(DOCS.glob("models/*.md"))
NEEDED = "needed"

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def code_blocks(page: Path) -> list[str]:
    """The page's blocks of Python, without the indentation of the lists they may stand in."""
    blocks = re.findall(r"^( *)```python\n(.*?)^\1```", page.read_text(), re.DOTALL | re.MULTILINE)
    return [inspect.cleandoc(f"\n{block}") for _, block in blocks]


def api_names() -> set[str]:
    """What the API reference lists, in its tables and its pages."""
    text = (DOCS / "api.md").read_text()
    listed = re.findall(r"^   ~?(jaxgan[\w.]*)$", text, re.MULTILINE)
    return {*listed, *re.findall(r"automodule:: (jaxgan[\w.]*)", text)}


def tables(page: Path) -> dict[str, dict[str, list[str]]]:
    """The tables under each heading: {heading: {first cell: other cells}}, without backticks."""
    found: dict[str, dict[str, list[str]]] = {}
    rows: dict[str, list[str]] = {}
    for line in page.read_text().splitlines():
        if line.startswith("#"):
            rows = found.setdefault(line.lstrip("# ").replace("`", ""), {})
        elif line.startswith("| `"):
            first, *others = (cell.strip().strip("`") for cell in line.strip("|").split(" | "))
            assert first not in rows, f"{page.name} has {first} twice"
            rows[first] = others
    return found


def written(default: Any) -> str:
    """As JSON; a factory by its name."""
    default = dict(default) if isinstance(default, Mapping) else default
    return json.dumps(getattr(default, "__name__", default))


def options_of(function: Callable[..., Any], given: tuple[str, ...] = ()) -> dict[str, str]:
    """A function's options and their defaults as JSON writes them, which is how pages do."""
    parameters = inspect.signature(function).parameters.values()
    empty = inspect.Parameter.empty
    return {
        p.name: NEEDED if p.default is empty else written(p.default)
        for p in parameters
        if p.name not in given and p.kind is not inspect.Parameter.VAR_KEYWORD
    }


PLAIN = ("evaluation", "keep_best", "mesh", "reproducible")
"""Sections with a heading of their own."""


def sections() -> Iterator[Any]:
    """Every function that a config can name, with the heading it has to be documented under."""
    choices: list[tuple[str, Any]] = [
        *resolve.SECTIONS.items(),
        *(one for row in games.GAMES.values() for one in row.roles.items()),
        ("game", games.table.GAME),
        ("latent", games.base.LATENT),
        ("loss", games.base.LOSS),
        ("optimizer", OPTIMIZER),
        ("schedule", SCHEDULE),
    ]
    seen = set()
    for key, section in choices:
        if isinstance(section, Listed):
            continue  # of people's own alone
        table = {key: section.function} if isinstance(section, Options) else section.table
        for name, function in table.items():
            if (key, name) not in seen:
                seen.add((key, name))
                title = key if key in PLAIN else f"{key}: {name}"
                given = (getattr(section, "takes", ""), *getattr(section, "given", ()))
                options = options_of(function, given)
                yield pytest.param(title, options, id=f"{key}-{name}")
    for name, (function, argument) in SOURCES.items():
        title = f"data: {name}" + (f":{argument}" if argument else "")
        yield pytest.param(title, options_of(function, ("path", "name")), id=f"data-{name}")


def test_every_public_name_is_in_the_api_reference() -> None:
    objects = {}
    for name in api_names():
        module, _, attribute = name.rpartition(".")
        # A function may hide the module that it is in: `jaxgan.transforms.ema` is the function.
        if hasattr(parent := importlib.import_module(module or name), attribute):
            objects[name] = getattr(parent, attribute)
    for name in set(jaxgan.__all__) - {"__version__"}:
        listed = [one for one in objects if one.rpartition(".")[2] == name]
        assert any(objects[one] is getattr(jaxgan, name) for one in listed), name


def test_every_module_is_in_the_api_reference() -> None:
    packages = {path.parent.name for path in (ROOT / "jaxgan").glob("*/__init__.py")}
    modules = {path.stem for path in (ROOT / "jaxgan").glob("*.py")}
    public = {f"jaxgan.{name}" for name in packages | modules} - {
        "jaxgan.__init__",
        "jaxgan.__main__",
        "jaxgan.cli",  # has its own page
        "jaxgan.version",
    }
    assert public <= api_names()


def test_every_top_level_key_is_documented() -> None:
    rows = tables(DOCS / "configs.md")["Top level"]
    assert set(rows) == {*resolve.SETTING_NAMES, *resolve.SECTIONS, *resolve.OTHERS, grid.KEY}
    for key, kind in get_type_hints(resolve.Settings, include_extras=True).items():
        default = getattr(resolve.Settings, key)
        if get_origin(kind) is Annotated:
            assert rows[key][:2] == [str(default), str(kind.__metadata__[0].at_least)], key
        else:
            assert rows[key][0] == json.dumps(default), key


def test_defaults_of_sections_are_those_of_the_code() -> None:
    rows = tables(DOCS / "configs.md")["Top level"]
    sgd = {"name": "sgd", "learning_rate": 0.1}
    full = resolve.resolve({"optimizer": {"gen": sgd, "disc": sgd}})
    for key in {*resolve.SECTIONS, *resolve.OTHERS} - {"evaluation", "mesh", "optimizer"}:
        value = full.get(key)
        if isinstance(value, dict) and value:
            value = value.get("name", value.get("source"))
        assert rows[key][0] == json.dumps(value), key
    assert rows["optimizer"][0] == NEEDED


@pytest.mark.parametrize(("heading", "options"), list(sections()))
def test_every_option_is_documented_with_its_default(heading: str, options: dict[str, str]) -> None:
    found = tables(DOCS / "configs.md")
    assert heading in found, f"docs/configs.md has no heading `{heading}`"
    assert {key: cells[0] for key, cells in found[heading].items()} == options


def test_what_every_optimizer_may_have_is_documented() -> None:
    rows = tables(DOCS / "configs.md")["optimizer"]
    defaults = {name: one.default for name, one in SHARED.items()}
    assert {key: cells[0] for key, cells in rows.items()} == {
        name: written(default) for name, default in defaults.items()
    }
    text = (DOCS / "configs.md").read_text().partition("## optimizer")[2].partition("###")[0]
    assert sorted(
        re.findall(r"`(\w+)`", text.partition("Optax's ")[2].partition("; ")[0])
    ) == sorted(OPTAX)


def test_no_option_is_documented_that_is_not_there() -> None:
    documented = {heading for heading in tables(DOCS / "configs.md") if ": " in heading}
    assert documented == {one.values[0] for one in sections()} - {*PLAIN}


def test_keys_that_may_change_are_documented() -> None:
    text = (DOCS / "configs.md").read_text().partition("## What may change when resuming")[2]
    listed = re.findall(r"`([\w.]+)`", text.partition(";")[0])
    assert sorted(listed) == sorted(resolve.FREE_KEYS)


def test_every_config_of_the_repository_is_documented() -> None:
    rows = tables(DOCS / "configs.md")["The configs of this repository"]
    assert set(rows) == {f"configs/{path.name}" for path in (ROOT / "configs").glob("*.py")}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_flag_is_documented(command: Any) -> None:
    parser = argparse.ArgumentParser()
    subparsers = parser.add_subparsers()
    command.add_parser(subparsers)
    (name,) = subparsers.choices
    flags = [one for action in subparsers.choices[name]._actions for one in action.option_strings]
    documented = " ".join(tables(DOCS / "cli.md")[f"jaxgan {name}"])
    text = (DOCS / "cli.md").read_text()
    for flag in set(flags) - {"-h", "--help"}:
        assert re.search(rf"{flag}\b", documented + text.partition("```text")[2]), flag


def test_exit_codes_are_documented() -> None:
    text = (DOCS / "cli.md").read_text().partition("## Exit codes")[2].partition("##")[0]
    codes = re.findall(r"^\| (\d+) \|", text, re.MULTILINE)
    assert [int(code) for code in codes] == sorted(
        [*map(int, Exit), BAD_INPUT, CLOSED_PIPE, DISK_FAILED, IN_USE, plan.DOES_NOT_FIT, LOST_PEER]
    )


def test_the_readme_names_the_two_commands() -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for target in ("train", "test"):
        assert f"make {target} " in README.read_text()
        assert target in targets


def test_the_example_of_the_readme_trains(capsys: pytest.CaptureFixture[str]) -> None:
    example, _ = code_blocks(README)
    assert len(example.splitlines()) <= 30
    exec(compile(example, "README.md", "exec"), {"__name__": "readme"})
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [str(100 * (i + 1)) for i in range(10)]
    assert "loss/gen" in lines[-1]
    assert "nan" not in lines[-1]


def test_the_dynamics_of_the_readme_are_as_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    _, example = code_blocks(README)
    exec(compile(example, "README.md", "exec"), {"__name__": "readme"})
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert "Neutral: it rotates" in lines[0]
    assert all("Locally stable" in line for line in lines[1:])


@each_page
def test_blocks_of_code_can_be_parsed(page: Path) -> None:
    for block in code_blocks(page):
        if ">>>" not in block:
            ast.parse(block)


@pytest.mark.parametrize(
    "page", [page for page in PAGES if ">>>" in page.read_text()], ids=lambda page: page.stem
)
def test_prompts_of_pages_answer_as_written(page: Path) -> None:
    # NORMALIZE_WHITESPACE is off: what a page shows is what is printed.
    result = doctest.testfile(str(page), module_relative=False, encoding="utf-8")
    assert result.attempted > 0
    assert result.failed == 0


@each_page
def test_links_and_pictures_are_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    for module in ("sphinx", "furo", "myst_parser"):
        pytest.importorskip(module)
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html"]
    command += ["-d", str(tmp_path / "doctrees"), str(DOCS), str(tmp_path / "html")]
    built = subprocess.run(command, capture_output=True, text=True, timeout=HANGS)
    assert built.returncode == 0, built.stderr
    page = (tmp_path / "html" / "api" / "jaxgan.losses.html").read_text()
    assert 'id="jaxgan.losses.relativistic"' in page
