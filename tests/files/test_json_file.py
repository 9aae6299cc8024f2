"""JSON whose shape is checked: what is wrong is one line that names the entry."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict

import pytest

from jaxgan.core.text import escaped
from jaxgan.files import FileError, parse_json, read_json, read_json_lines


class Record(TypedDict):
    name: str
    size: NotRequired[list[int]]
    kind: NotRequired[Literal["min", "max"]]


RIGHT: list[tuple[Any, str]] = [
    (Any, "[1, {}]"),
    (int, "3"),
    (float, "3"),
    (float, "NaN"),
    (bool, "true"),
    (int | None, "null"),
    (list[int], "[]"),
    (tuple[int, str], '[1, "a"]'),
    (dict[str, float | str], '{"a": "NaN", "b": 1.5}'),
    (Record, '{"name": "a", "other": 1}'),
    (list[Record], '[{"name": "a", "size": [1], "kind": "min"}]'),
]


@pytest.mark.parametrize(("kind", "text"), RIGHT)
def test_what_is_right_is_read(kind: Any, text: str) -> None:
    parse_json(text, "a.json", kind)


WRONG: list[tuple[Any, str, str]] = [
    (int, "1.5", "it is 1.5; it must be an integer"),
    (int, "true", "it is True; it must be an integer"),
    (float, '"1"', "it is '1'; it must be a number"),
    (int | None, '"a"', "it is 'a'; it must be an integer or null"),
    (list[int], "{}", "it is an object; it must be a list"),
    (list[int], "[1, null]", "[1] is null; it must be an integer"),
    (dict[str, list[int]], '{"a": [1, "2"]}', "a[1] is '2'; it must be an integer"),
    (tuple[int, str], "[1]", "it has 1 entries; it must have 2"),
    (tuple[int, str], "3", "it is 3; it must be a list"),
    (Record, "[]", "it is a list; it must be an object"),
    (Record, "{}", "it lacks name"),
    (list[Record], '[{"name": 1}]', "[0].name is 1; it must be a string"),
    (Record, '{"name": "a", "size": 1}', "size is 1; it must be a list"),
    (Record, '{"name": "a", "kind": "mean"}', "kind is 'mean'; it must be 'min' or 'max'"),
    (dict[str, int], '{"\\u001b[2J": "x"}', "\\x1b[2J is 'x'; it must be an integer"),
    (str, "", "it is damaged: no JSON (Expecting value: line 1 column 1 (char 0))"),
    (str, "[" * 10**5, "it is damaged: no JSON (maximum recursion"),
]


@pytest.mark.parametrize(("kind", "text", "message"), WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_is_named(tmp_path: Path, kind: Any, text: str, message: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(FileError) as caught:
        read_json(path, kind)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "\n" not in str(caught.value)


def test_no_text_is_no_json(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'{"a": "\xff"}')
    with pytest.raises(FileError, match=r"no JSON .*invalid start byte"):
        read_json(tmp_path / "a.json", dict[str, str])
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "b.json", dict[str, str])


def test_damaged_lines_are_left_out_and_told(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a": 1}\n{"a": \n\xff\xfe\n{"a": "x"}\n{"a": 2}\n{"a": 3}')
    told: list[str] = []
    rows = [row for _, row in read_json_lines(path, dict[str, int], told.append)]
    assert rows == [{"a": 1}, {"a": 2}]
    assert [line.partition(": ")[0] for line in told] == [f"{path}, line {n}" for n in (2, 3, 4)]
    assert told[2].endswith("a is 'x'; it must be an integer; the line is left out")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain/näme", "plain/näme"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\nb\tc", "a\\nb\\tc"),
        (b"a\xff".decode("utf-8", "surrogateescape"), "a\\udcff"),
        ("\u202eabc", "\\u202eabc"),
    ],
)
def test_a_terminal_obeys_nothing(text: str, expected: str) -> None:
    assert escaped(text) == expected
