"""Several evaluations side by side: values of one protocol share a row, others never do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rich.table import Table

from jaxgan.core.text import escaped
from jaxgan.evaluation.protocol import Score, comparable, protocol_differences
from jaxgan.evaluation.report import shown
from jaxgan.writers.metrics import json_number

_MAX_HEAD = 24
"""Characters of a run's name at the head of a table."""


class Column(NamedTuple):
    """Values that may be compared.

    Attributes:
      name: of the metric.
      label: the name, with a letter where there are several protocols.
      protocol: what all of them have in common.
      scores: by run.
    """

    name: str
    label: str
    protocol: Mapping[str, Any]
    scores: dict[str, Score]


class Difference(NamedTuple):
    """Why two columns are two.

    Attributes:
      one: label of a column.
      other: label of another of the same metric.
      keys: (value in one, value in other) by key of the protocol.
    """

    one: str
    other: str
    keys: dict[str, tuple[Any, Any]]


def columns(results: Mapping[str, Sequence[Score]]) -> list[Column]:
    """Sorts scores into columns.

    Args:
      results: the scores of each run.

    Returns:
      The columns, metrics in the order in which they first come up.

    Example:
      >>> one = [Score("fd_pixels", 1.0, None, {"n_fake": 100})]
      >>> other = [Score("fd_pixels", 2.0, None, {"n_fake": 200})]
      >>> [column.label for column in columns({"a": one, "b": other})]
      ['fd_pixels (A)', 'fd_pixels (B)']
    """
    found: dict[str, list[Column]] = {}
    for run, scores in results.items():
        for score in scores:
            mine = comparable(score.protocol)
            of_name = found.setdefault(score.name, [])
            column = next((c for c in of_name if c.protocol == mine and run not in c.scores), None)
            if column is None:
                column = Column(score.name, score.name, mine, {})
                of_name.append(column)
            column.scores[run] = score
    return [
        column if len(of_name) == 1 else column._replace(label=f"{name} ({_letter(index)})")
        for name, of_name in found.items()
        for index, column in enumerate(of_name)
    ]


def differences(sorted_columns: Sequence[Column]) -> list[Difference]:
    """Says what keeps the columns of a metric apart.

    Args:
      sorted_columns: as `columns` gives them.

    Returns:
      For each column beyond the first of its metric, how it differs from that.

    Example:
      >>> one = [Score("fd_pixels", 1.0, None, {"n_fake": 100})]
      >>> other = [Score("fd_pixels", 2.0, None, {"n_fake": 200})]
      >>> differences(columns({"a": one, "b": other}))[0].keys
      {'n_fake': (100, 200)}
    """
    first: dict[str, Column] = {}
    found = []
    for column in sorted_columns:
        base = first.setdefault(column.name, column)
        if base is not column:
            keys = protocol_differences(base.protocol, column.protocol)
            found.append(Difference(base.label, column.label, keys))
    return found


def as_json(results: Mapping[str, Sequence[Score]]) -> dict[str, Any]:
    """The comparison as JSON knows it.

    Args:
      results: the scores of each run.

    Returns:
      `{"schema": 1, "columns": [...], "differences": [...]}`.

    Example:
      >>> as_json({"a": [Score("fd_pixels", 1.0, None, {"step": 7})]})["columns"][0]["values"]
      {'a': {'value': 1.0, 'std': None, 'step': 7, 'member': None}}
    """
    listed = columns(results)
    return {
        "schema": 1,
        "columns": [
            {
                "name": column.name,
                "label": column.label,
                "protocol": dict(column.protocol),
                "values": {run: _value(score) for run, score in column.scores.items()},
            }
            for column in listed
        ],
        "differences": [
            {
                "columns": [difference.one, difference.other],
                "keys": {key: list(values) for key, values in difference.keys.items()},
            }
            for difference in differences(listed)
        ],
    }


def _value(score: Score) -> dict[str, Any]:
    return {
        "value": json_number(score.value),
        "std": None if score.std is None else json_number(score.std),
        "step": score.protocol.get("step"),
        "member": score.protocol.get("member"),
    }


def as_tables(
    results: Mapping[str, Sequence[Score]], *, width: int = 80
) -> tuple[list[Table], list[str]]:
    """The comparison for people.

    Args:
      results: the scores of each run.
      width: of a table, in characters; more runs than fit are in a table of their own.

    Returns:
      (tables with a row for each metric and protocol, lines that say which runs are meant by
      shortened names, and what is not to be compared).

    Example:
      >>> (table,), lines = as_tables({"a": [Score("fd_pixels", 1.0, None, {"step": 7})]})
      >>> table.row_count, lines
      (2, [])
    """
    listed = columns(results)
    names = ["step", *(escaped(column.label) for column in listed)]
    found = {}
    for head, (run, scores) in zip(_heads(list(results)), results.items(), strict=True):
        own = (column.scores.get(run) for column in listed)
        steps = dict.fromkeys(score.protocol.get("step") for score in scores)
        at = ", ".join(str(step) for step in steps if step is not None)
        cells = [escaped(at), *("" if s is None else shown(s) for s in own)]
        found[run] = [head, *cells]
    blocks: list[list[list[str]]] = []
    room = 0
    for cells in found.values():
        needs = 2 + max(map(len, cells))
        if needs > room:
            blocks.append([])
            room = width - max(map(len, names))
        blocks[-1].append(cells)
        room -= needs
    whole = [f"{found[run][0]} is {escaped(run)}" for run in found if found[run][0] != escaped(run)]
    return [_table(names, block) for block in blocks], [*whole, *as_lines(differences(listed))]


def _table(names: Sequence[str], runs: Sequence[Sequence[str]]) -> Table:
    """One column for each run, whose head comes first."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("", no_wrap=True)
    for head, *_ in runs:
        table.add_column(head, justify="right")
    for row, name in enumerate(names, 1):
        table.add_row(name, *(cells[row] for cells in runs))
    return table


def _heads(runs: Sequence[str]) -> list[str]:
    """Names of runs, or their ends, with numbers where these are the same."""
    short = [escaped(run) for run in runs]
    short = [run if len(run) <= _MAX_HEAD else f"…{run[1 - _MAX_HEAD :]}" for run in short]
    is_clear = len(set(short)) == len(short)
    return short if is_clear else [f"({n}) {run}" for n, run in enumerate(short, 1)]


def as_lines(found: Sequence[Difference]) -> list[str]:
    """What may not be compared; a line for all metrics of which the same is so.

    Args:
      found: as `differences` gives them.

    Returns:
      The lines, with digests shortened.

    Example:
      >>> as_lines([Difference("fd (A)", "fd (B)", {"seed": (0, 1)})])
      ['fd (A) and fd (B) cannot be compared: seed 0 / 1']
    """
    alike: dict[tuple[str, str, str], list[str]] = {}
    for one in found:
        name, _, letter = one.one.rpartition(" ")
        said = "; ".join(f"{key} {_short(a)} / {_short(b)}" for key, (a, b) in one.keys.items())
        alike.setdefault((letter, one.other.rpartition(" ")[2], said), []).append(name)
    return [
        f"{names[0]} {a} and {names[0]} {b} cannot be compared: {said}"
        if len(names) == 1
        else f"{a} and {b} of {', '.join(names)} cannot be compared: {said}"
        for (a, b, said), names in alike.items()
    ]


def _short(value: Any) -> str:
    """A value of a protocol; of a digest its beginning."""
    text = str(value)
    kind, colon, digest = text.partition(":")
    return f"{kind}:{digest[:12]}…" if colon and kind == "sha256" and len(digest) > 20 else text


def _letter(index: int) -> str:
    return chr(ord("A") + index) if index < 26 else str(index)
