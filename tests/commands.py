"""Every shell command that is written down: in pages, and in docstrings of what can be run."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/**/*.md")))
SCRIPTS = [
    path
    for folder in ("configs", "experiments", "benchmarks")
    for path in sorted((ROOT / folder).glob("*.py"))
]
PROGRAMS = ("jaxgan", "python", "pip", "make", "git", "curl", "srun", "kubectl", "gcloud")
"""What a line begins with that is a command, where it is not in a block of shell."""


_VARIABLES = r'(\$ |[A-Z_]+=("[^"]*"|\S*) )*'
COMMAND = re.compile(rf"{_VARIABLES}({'|'.join(PROGRAMS)}) ")


class Command(NamedTuple):
    """A command, and where it stands.

    Attributes:
      where: the file, from the repository's root.
      words: the command's, without variables in front of it and without `&`.
    """

    where: str
    words: tuple[str, ...]

    @property
    def text(self) -> str:
        return shlex.join(self.words)


def joined(text: str) -> list[str]:
    """Lines, with those that end in a backslash made one; loops are unrolled."""
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    found: list[str] = []
    values: list[str] = []
    for line in map(str.strip, lines):
        if loop := re.fullmatch(r"for (\w+) in (.*); do", line):
            name, values = loop[1], loop[2].split()
        elif line == "done":
            values = []
        else:
            found += [line.replace(f"${name}", value) for value in values] if values else [line]
    return found


def read(line: str) -> tuple[str, ...]:
    """The words of a line of shell; none of an empty one or a comment."""
    words = shlex.split(line.removeprefix("$ "), comments=True)
    while words and re.match(r"[A-Z_]+=", words[0]):
        words.pop(0)
    return tuple(words[:-1] if words and words[-1] == "&" else words)


def is_command(words: tuple[str, ...]) -> bool:
    return bool(words) and words[0] in PROGRAMS


def of_page(text: str) -> Iterator[tuple[str, ...]]:
    """Commands of a page: all lines of blocks of shell, and what is one elsewhere."""
    fence = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
    for _, language, block in fence.findall(text):
        if language == "sh":
            yield from filter(None, map(read, joined(block)))
        elif language in ("", "text"):
            lines = [line for line in joined(block) if COMMAND.match(line)]
            yield from filter(is_command, map(read, lines))
    yield from inline(fence.sub("", text))


def inline(text: str) -> Iterator[tuple[str, ...]]:
    """Commands within sentences, of two words at least."""
    for code in re.findall(r"(?<!`)`([^`]+)`(?!`)", text):
        if len(code.split()) > 1 and code.startswith(PROGRAMS):
            yield from filter(is_command, [read(" ".join(code.split()))])


def of_docstring(text: str) -> Iterator[tuple[str, ...]]:
    """Commands of a docstring: indented lines that begin with a program, and inline ones."""
    block = "\n".join(line for line in text.splitlines() if line.startswith("    "))
    yield from filter(is_command, map(read, filter(COMMAND.match, joined(block))))
    yield from inline(text)


def all_commands() -> list[Command]:
    """All of them, each once in a file, in their order."""
    found = []
    for path in (*PAGES, *SCRIPTS):
        if path.suffix == ".md":
            commands = of_page(path.read_text())
        else:
            commands = of_docstring(ast.get_docstring(ast.parse(path.read_text())) or "")
        name = path.relative_to(ROOT).as_posix()
        found += [Command(name, words) for words in commands]
    return list(dict.fromkeys(found))
