"""Messages of errors about values have one form, `NAME is VALUE; it must be ALLOWED`."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import numpy as np
import pytest

from jaxgan.core.errors import bad_value

PACKAGE = Path(__file__).parents[1] / "jaxgan"
OTHER_FORMS = re.compile(r"^[\w.\-]+: \{\}; |: got |allowed: |; must ")


def raised(tree: ast.AST) -> dict[str, int]:
    """Messages that a module writes where it raises, with {} for what it fills in."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            for arg in node.exc.args:
                parts = arg.values if isinstance(arg, ast.JoinedStr) else [arg]
                texts = [p.value if isinstance(p, ast.Constant) else "{}" for p in parts]
                found["".join(map(str, texts))] = node.lineno
    return found


def test_no_other_form_is_raised() -> None:
    sources = {path: ast.parse(path.read_text()) for path in sorted(PACKAGE.rglob("*.py"))}
    messages = {(path, m): n for path, tree in sources.items() for m, n in raised(tree).items()}
    assert len(messages) > 400
    assert not [f"{p}:{n}: {m}" for (p, m), n in messages.items() if OTHER_FORMS.search(m)]


@pytest.mark.parametrize(
    "message", ["num: {}; it must be 1", "num: got {}", "x; allowed: 1", "x is {}; must be 1"]
)
def test_other_forms_are_seen(message: str) -> None:
    tree = ast.parse(f"x = 1\nraise ValueError(f'{message.replace('{}', '{x}')}')")
    assert [OTHER_FORMS.search(m) is not None for m in raised(tree)] == [True]


@pytest.mark.parametrize(
    ("value", "allowed", "words"),
    [
        (np.float32(0.1), "above 1", "0.1; it must be above 1"),
        (None, "above 1", "None; it must be above 1"),
        (Path("a\x1b[2J"), "new", "'a\\x1b[2J'; it must be new"),
        ("ab\n" * 999, "short", "'" + "ab\\n" * 49 + "...; it must be short"),
        (10**400, "small", "1" + "0" * 196 + "...; it must be small"),
        ("hing", ["hinge"], "'hing'; it must be 'hinge'; did you mean hinge?"),
        (3, [1, 2, None], "3; it must be 1, 2 or None"),
        ("a", [], "'a'; it must be left out"),
    ],
)
def test_a_value_is_shown_in_one_short_line(value: object, allowed: object, words: str) -> None:
    assert bad_value("x", value, allowed) == f"x is {words}"
