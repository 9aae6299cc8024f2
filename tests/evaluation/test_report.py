"""What is written and compared: every number with its protocol, and never across two of them."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from jaxgan.evaluation import EvaluationError, Score, compare, read_report, report, write_report
from jaxgan.evaluation.protocol import KEYS, make_protocol


def score(name: str = "fd_pixels", value: float = 1.5, **protocol: Any) -> Score:
    return Score(name, value, None, make_protocol(n_real=10, n_fake=20, **protocol))


def text_of(table: Any, width: int = 300) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(table)
    return console.export_text()


def test_what_is_written_is_read(tmp_path: Path) -> None:
    scores = [
        score(step=8000, ema=True, network="pixels", truncation=0.5),
        Score("kd_pixels", 0.25, 0.01, make_protocol(num_blocks=100)),
        Score("reverse_kl", math.inf, None, make_protocol()),
    ]
    write_report(tmp_path / "evaluation.json", scores)
    assert read_report(tmp_path) == scores == read_report(tmp_path / "evaluation.json")
    content = json.loads((tmp_path / "evaluation.json").read_text())
    assert content["schema"] == report.SCHEMA == 1
    assert [set(entry) for entry in content["metrics"]] == [
        {"name", "value", "std", "protocol"}
    ] * 3
    assert content["metrics"][2]["value"] == "Infinity"
    assert set(KEYS) == set(content["metrics"][0]["protocol"])


GOOD = report.as_json([score()])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "no JSON"),
        ("[]", "it is a list; it must be an object"),
        (json.dumps({**GOOD, "schema": 2}), "schema is 2; it must be 1"),
        (
            json.dumps({**GOOD, "metrics": [{"name": "a"}]}),
            r"metrics\[0\] lacks value, std, protocol",
        ),
        (json.dumps(GOOD).replace("1.5", "[]"), r"metrics\[0\].value is a list; it must be a"),
        (json.dumps(GOOD).replace('"n_fake": 20', '"n_fake": []'), "n_fake is a list; it must be"),
        (json.dumps(GOOD).replace('"std"', '"x": 1, "std"'), r"it has \['x'\]; it must have none"),
        (json.dumps(GOOD).replace('"n_fake"', '"fakes"'), "the protocol lacks n_fake"),
    ],
)
def test_what_is_no_evaluation_is_refused(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "evaluation.json").write_text(content)
    with pytest.raises(EvaluationError, match=message) as raised:
        read_report(tmp_path)
    assert "\n" not in str(raised.value)


def test_a_missing_one_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="jaxgan evaluate --workdir"):
        read_report(tmp_path)


def test_a_table_says_once_what_all_have_in_common() -> None:
    scores = [score(seed=0), score("precision_pixels", 0.5, seed=0, k=5)]
    shown = text_of(report.as_table(scores))
    assert "seed 0" in shown
    assert "n_fake 20" in shown
    assert [line.split()[0] for line in shown.splitlines()[2:4]] == [
        "fd_pixels",
        "precision_pixels",
    ]


def test_one_protocol_is_one_column() -> None:
    # Another step and another member are other models, measured alike.
    results = {"a": [score(step=1)], "b": [score(value=2.5, step=2, member=1)]}
    (column,) = compare.columns(results)
    assert {run: s.value for run, s in column.scores.items()} == {"a": 1.5, "b": 2.5}
    (table,), lines = compare.as_tables(results)
    assert (table.row_count, lines) == (2, [])  # the step, and the metric
    assert [len(row.split()) for row in text_of(table).splitlines()] == [2, 3, 3]


def test_two_protocols_never_share_a_column() -> None:
    for change in (
        {"seed": 1},
        {"data": "sha256:1"},
        {"weights": "sha256:2"},
        {"truncation": 0.5},
        {"ema": True},
        {"jaxgan": "9"},
        {"k": 3},
    ):
        results = {"a": [score()], "b": [score(**change)]}
        listed = compare.columns(results)
        assert [sorted(column.scores) for column in listed] == [["a"], ["b"]]
        (difference,) = compare.differences(listed)
        assert set(difference.keys) == set(change)
        (table,), (line,) = compare.as_tables(results)
        (key, value), *_ = change.items()
        assert line.startswith("fd_pixels (A) and fd_pixels (B) cannot be compared: ")
        assert f"{key} " in line
        assert line.endswith(f" / {value}")
        assert "fd_pixels (A)" in text_of(table)


def test_many_runs_are_in_several_tables_that_fit_a_terminal() -> None:
    names = [f"a/folder/that/is/far/from/here/{kind}/run" for kind in ("one", "two")]
    runs = [*names, *(f"runs/{number}" for number in range(20))]
    wide = score(value=1234.5678, data="sha256:" + "5" * 64)
    results = {run: [wide, wide._replace(name="precision_digits-cnn")] for run in runs}
    results["runs/3"] = [
        one._replace(protocol={**one.protocol, "data": "b"}) for one in results["runs/3"]
    ]
    tables, (*whole, line) = compare.as_tables(results, width=80)
    assert [name.partition(" is ")[2] for name in whole] == names
    printed = [text_of(table, width=80) for table in tables]
    assert max(len(row) for one in printed for row in one.splitlines()) <= 80
    heads = [head for one in printed for head in one.splitlines()[0].split()]
    assert len(heads) == len(runs)
    assert heads[0].endswith("one/run")
    assert not any("…" in row for one in printed for row in one.splitlines()[1:])
    assert line.startswith("(A) and (B) of fd_pixels, precision_digits-cnn cannot be compared: ")
    assert "data sha256:555555555555… / b" in line


def test_a_comparison_as_json() -> None:
    found = compare.as_json({"a": [score(seed=0)], "b": [score(seed=1)], "c": [score(seed=0)]})
    assert [sorted(column["values"]) for column in found["columns"]] == [["a", "c"], ["b"]]
    assert found["differences"][0]["keys"] == {"seed": [0, 1]}
    assert json.loads(json.dumps(found)) == found
