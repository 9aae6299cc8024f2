"""Commands that are written down can be given: programs, flags, choices, configs and their keys."""

from __future__ import annotations

import argparse
import functools
import importlib
import importlib.util
import re
import sys
import types
from collections.abc import Callable
from configparser import ConfigParser
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from jaxgan.cli.main import COMMANDS as COMMANDS_OF_JAXGAN
from jaxgan.cli.main import parse
from jaxgan.config.base import load_config
from jaxgan.config.resolve import resolve
from tests.commands import ROOT, all_commands, of_docstring, of_page
from tests.experiments import imported

COMMANDS: dict[str, list[tuple[str, ...]]] = {}
for one in all_commands():
    COMMANDS.setdefault(one.where, []).append(one.words)

REQUIRED = {
    "checkpoints": ["DIR"],
    "compare": ["DIR"],
    "completion": ["bash"],
    "configs": ["digits"],
    "data": ["PATH"],
    "evaluate": ["--workdir", "DIR"],
    "explore": ["--workdir", "DIR"],
    "export": ["--workdir", "DIR"],
    "futures": ["--workdir", "DIR"],
    "init": ["--data", "PATH"],
    "new": ["loss", "mine"],
    "import": ["--config", "FILE", "--workdir", "DIR"],
    "map": ["--config", "FILE", "--axis", "seed=list:0", "--steps", "1", "--out", "DIR"],
    "plan": ["--config", "FILE", "--topology", "cpu:1"],
    "report": ["DIR"],
    "sample": ["--workdir", "DIR"],
    "translate": ["--workdir", "DIR", "--data", "PATH", "--out", "DIR"],
    "train": ["--config", "FILE", "--workdir", "DIR"],
    "weights": ["inception"],
}
"""What a command needs; sentences name commands without it."""

OF_OTHERS = (
    *("curl", "docker", "gcloud", "git", "kubectl", "npm", "salloc", "sbatch", "srun", "tar"),
    "tfds",
    *("export", "source", "wait"),
)
"""Programs that are not ours, which nothing here can look into."""


@functools.cache
def check_config(config: str, overrides: tuple[str, ...]) -> None:
    is_file = (ROOT / config.partition(":")[0]).is_file()
    resolve(load_config(str(ROOT / config) if is_file else config, overrides))


def check_jaxgan(words: list[str]) -> None:
    if words[0] in ("--help", "--version") or words[1:] == ["--help"]:
        return
    words = words[: words.index(">")] if ">" in words else words
    # A synopsis has brackets; what is in them are flags as well.
    plain = [word for word in words if word.startswith("--") or not re.search(r"[][|()]|^\.", word)]
    plain = [word for word in plain if word != "--config.KEY=VALUE"]
    if plain != words:
        return check_synopsis([word.strip("[]()") for word in words])
    words = ["1" if re.fullmatch("[A-Z]", word) else word for word in words]
    needed = REQUIRED[words[0]]
    if words[0] == "train" and "--data" in words:  # which stands for a config
        needed = needed[2:]  # without --config FILE
    # A sentence may leave out what goes without saying.
    given = [*words, *needed] if needed[0] not in words and len(words) < 4 else words
    of_words = ("checkpoints", "compare", "completion", "configs", "explore", "new", "report")
    if words[0] in (*of_words, "weights"):
        given = words if len(words) > 1 else [*words, *needed]
    if words[0] == "explore" and "--workdir" not in words:
        given = [words[0], *(words[1:] or ["interpolate"]), *needed]
    args = parse(given)
    if (config := getattr(args, "config", None)) not in ("DIR", "FILE", "mine.py", None):
        check_config(config, tuple(args.overrides))
    return None


def check_synopsis(words: list[str]) -> None:
    commands = argparse.ArgumentParser().add_subparsers()
    for command in COMMANDS_OF_JAXGAN:
        command.add_parser(commands)
    actions = commands.choices[words[0]]._actions
    known = {"--config.KEY=VALUE", *(flag for one in actions for flag in one.option_strings)}
    assert {word for word in words if word.startswith("--")} <= known


class Parsed(Exception):
    """Raised when a script has read its flags: it need not do more."""


def check_python(words: list[str]) -> None:
    path, *flags = words
    if path == "-m":
        assert importlib.util.find_spec(flags[0])
        return
    parse_args = argparse.ArgumentParser.parse_args

    def stop(self: argparse.ArgumentParser, args: Any = None, namespace: Any = None) -> Any:
        raise Parsed(parse_args(self, args, namespace))

    with (
        mock.patch.object(argparse.ArgumentParser, "parse_args", stop),
        mock.patch.object(sys, "argv", [path, *(flag.strip("[]") for flag in flags)]),
        pytest.raises(Parsed),
    ):
        script(path).main()


def patched_peers() -> Any:
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        return mock.patch.object(importlib.import_module("timing"), "peer")
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))


@functools.cache
def script(name: str) -> types.ModuleType:
    """The script as a module, whether or not its peers are installed."""
    path = ROOT / name
    assert path.exists(), f"{name} is not there"
    if path.parent.name == "experiments":
        return imported(path.stem)
    spec = importlib.util.spec_from_file_location(f"script_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    with (
        mock.patch.dict("os.environ"),
        mock.patch.object(sys, "path", [str(path.parent), *sys.path]),
        patched_peers(),
    ):
        spec.loader.exec_module(module)
    return module


def check_pip(words: list[str]) -> None:
    parser = ConfigParser()
    parser.read(ROOT / "setup.cfg")
    assert words[0] == "install"
    for extra in re.findall(r"(?:jaxgan|\.)\[(\w+)\]", " ".join(words)):
        assert extra in parser["options.extras_require"], extra


def check_make(words: list[str]) -> None:
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(words) <= set(targets)


def check_file(words: list[str]) -> None:
    assert (ROOT / words[0]).exists()


CHECKS: dict[str, Callable[[list[str]], None]] = {
    "jaxgan": check_jaxgan,
    "python": check_python,
    "python3": check_python,
    "pip": check_pip,
    "make": check_make,
}


NOT_AS_IT_STANDS = {
    ("docs/add_a_loss.md", "--config.loss=soft_hinge"): "the page adds that loss first",
}
"""Commands that need something else before them: (where, a word of it)."""


def check(words: tuple[str, ...]) -> None:
    first = words[0].removeprefix(".venv/bin/")
    if first == "srun" and words[1:] != ("jaxgan", "..."):
        return check(words[1:])
    if first.startswith(("launch/", "benchmarks/")):
        return check_file([first])
    if first in OF_OTHERS:
        return None
    assert first in CHECKS, f"{first!r} is no program of ours, and in no list of those of others"
    return CHECKS[first](list(words[1:]))


@pytest.mark.parametrize("where", COMMANDS)
def test_a_command_that_is_written_down_can_be_given(
    where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in COMMANDS[where]:
        if any((where, word) in NOT_AS_IT_STANDS for word in words):
            continue
        try:
            check(words)
        except SystemExit:
            pytest.fail(f"{' '.join(words)}\n{capsys.readouterr().err}")


@pytest.mark.parametrize(
    "words",
    [
        "jaxgan train --config configs/ring.py --workdir runs/a --confg=3",
        "jaxgan train --config configs/ring.py --workdir runs/a --config.losses=hinge",
        "jaxgan train --config configs/ring.py:smok --workdir runs/a",
        "jaxgan train --config configs/rings.py --workdir runs/a",
        "jaxgan samples --workdir runs/a",
        "jaxgan sample --numb 3",
        "python experiments/ring_report.py --worker runs/a",
        "python experiments/ring_reports.py --workdir runs/a",
        "python benchmarks/ring_step.py --rounds many",
        "pip install jaxgan[gpus]",
        "make trains",
        "launch/tpu.sh create",
        "gitt clone",
    ],
)
def test_a_command_that_cannot_be_given_is_noticed(words: str) -> None:
    with pytest.raises((SystemExit, AssertionError, ValueError, OSError, KeyError)):
        check(tuple(words.split()))


def test_commands_are_found_wherever_they_stand() -> None:
    page = """
See `jaxgan
sample --num 3` and `code`.

```sh
# a comment
JAX_PLATFORMS=cpu jaxgan train \\
  --workdir a &  # said
tool --x
```

```text
$ jaxgan compare a
XLA="1 \\
  2" jaxgan plan
plain text
```
"""
    assert list(of_page(page)) == [
        ("jaxgan", "train", "--workdir", "a"),
        ("tool", "--x"),
        ("jaxgan", "compare", "a"),
        ("jaxgan", "plan"),
        ("jaxgan", "sample", "--num", "3"),
    ]
    docstring = (
        "One.\n\n    for x in a b; do\n        jaxgan train --config $x\n    done\n    Me, 1999"
    )
    assert [words[-1] for words in of_docstring(docstring)] == ["a", "b"]
    assert len(COMMANDS) > 70
    assert Path("README.md").as_posix() in COMMANDS
