"""The workflows of continuous integration, held against setup.cfg and the Makefile."""

from __future__ import annotations

import configparser
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def steps(workflow: Any) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_and_commands_are_there(path: Path) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for step in steps(read(path)):
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step.get("uses", f"a/b@{40 * '0'}"))
        for make in re.findall(r"make (.*)", step.get("run", "")):
            assert set(make.split()) <= set(targets)
    assert read(path)["permissions"] == {"contents": "read"}


def test_the_matrix_is_what_setup_cfg_supports() -> None:
    matrix = read(ROOT / ".github" / "workflows" / "ci.yml")["jobs"]["tests"]["strategy"]["matrix"]
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    python = re.findall(r"Python :: (3\.\d+)", setup["metadata"]["classifiers"])
    assert matrix["python"] == python
    oldest = re.search(r"^jax>=([\d.]+)", setup["options"]["install_requires"], re.MULTILINE)
    assert oldest is not None
    assert matrix["jax"] == [f"jax=={oldest[1]}.*", "jax"]


def test_the_linter_before_a_commit_has_a_version() -> None:
    ruff = read(ROOT / ".pre-commit-config.yaml")["repos"][0]
    assert ruff["repo"].endswith("ruff-pre-commit")
    assert re.fullmatch(r"v\d+\.\d+\.\d+", ruff["rev"])
