"""Names of files and folders may hold anything: what is printed of them no terminal obeys."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from jaxgan.cli.main import main
from jaxgan.evaluation import report
from jaxgan.evaluation.protocol import Score, make_protocol

NAMES = [
    "\x1b[2J\x1b]0;title\x07",
    "two\nlines",
    "a\rb\tc\x08",
    "\u202egnp.exe",
    "lr[red]0.1",
    "[/b]",
    ":skull:",
]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_names_are_printed_escaped(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / name.replace("/", "|")
    scores = [Score(name, 1.0, None, make_protocol(reference=name, network=name))]
    report.write_report(folder / report.NAME, scores)
    other = [
        Score(
            name,
            1.0,
            None,
            make_protocol(reference=name, network="another"),
        )
    ]
    report.write_report(tmp_path / "other.json", other)
    relative = os.path.relpath(folder)
    assert main(["compare", relative, str(tmp_path / "other.json")]) == 0
    said = capsys.readouterr().out
    assert all(c.isprintable() for line in said.splitlines() for c in line)
    # A heading, the steps, two protocols; then whole names, and a difference.
    assert 5 <= len(said.splitlines()) <= 7
    for text in (folder.name, name):
        shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
        assert shown in said
    for command in (["sample", "--workdir"], ["evaluate", "--workdir"], ["checkpoints"]):
        assert main([*command, str(folder / "missing")]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.isprintable()
    (handler,) = logging.getLogger("jaxgan").handlers
    record = logging.LogRecord("jaxgan", logging.INFO, "", 0, "folder %s", (name,), None)
    assert all(c.isprintable() or c == "\n" for c in handler.format(record))


@pytest.mark.parametrize(
    "command",
    [
        ["sample", "--workdir"],
        ["compare", "a"],
        ["checkpoints"],
        ["train", "--config", "a.py", "--workdir"],
        ["import", "--config", "a.py", "--workdir", "a", "--from"],
    ],
    ids=lambda command: command[0],
)
def test_a_name_that_is_not_utf8_is_refused(
    tmp_path: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    name = os.fsdecode(bytes(tmp_path) + b"/caf\xe9")
    assert main([*command, name]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("/caf\\udce9'; it must be UTF-8")
    assert not list(tmp_path.iterdir())
