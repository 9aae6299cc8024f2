"""What the mutation testing of `python -m tests.mutants` changes."""

from __future__ import annotations

import ast
import json

from tests import mutants

SOURCE = '''
"""A module."""
SIZE = 3

def hinge(*, margin: float = 1.0) -> Loss:
    """A docstring with a 1 in it."""
    if margin <= 0 or not margin:
        raise ValueError(f"margin is {margin + 1}")

    def disc(real, fake):
        return relu(margin - real, axis=0)

    return stateless(disc)

TABLE = {"kl": lambda v: v}
'''


def test_each_mutant_changes_one_thing_in_the_code() -> None:
    found = mutants.mutants_of("a.py", SOURCE)
    assert [(one.function, one.change) for one in found] == [
        ("", "3 -> 4"),
        ("hinge()", "1.0 -> 2.0"),
        ("hinge", "margin <= 0 or not margin -> margin <= 0 and (not margin)"),
        ("hinge", "margin <= 0 -> margin < 0"),
        ("hinge", "0 -> 1"),
        ("hinge", "not margin -> margin"),
        ("hinge.disc", "margin - real -> margin + real"),
        ("hinge.disc", "axis=0 -> nothing"),
        ("hinge.disc", "0 -> 1"),
    ]
    plain = ast.unparse(ast.parse(SOURCE)).splitlines()
    for one in found:
        changed = ast.unparse(mutants.mutated(ast.parse(SOURCE), one)).splitlines()
        assert sum(a != b for a, b in zip(plain, changed, strict=True)) == 1


def test_calls_are_noted_by_function() -> None:
    noted = ast.unparse(mutants.watched(ast.parse(SOURCE), "a.py"))
    assert "__called__('a.py:hinge')" in noted
    assert "__called__('a.py:hinge.disc')" in noted
    assert "lambda v: (__called__('a.py:'), v)[1]" in noted


def test_the_page_shows_the_counts_that_were_written() -> None:
    counts = json.loads(mutants.RESULTS.read_text())["counts"]
    text = mutants.PAGE.read_text()
    assert mutants.page(text, counts) == text
