"""`evaluation.json`: scores with their protocols, written whole, read with a check of every entry.

Schema 1: `{"schema": 1, "metrics": [{"name": str, "value": number, "std": number or null,
"protocol": {...}}]}`; of a mean also `"values": [number, ...]`, and `"worst": number` where that is
known. A number that is not finite is the string "NaN", "Infinity" or "-Infinity".
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict

from rich.table import Table

from jaxgan.core.errors import EvaluationError, FileError, bad_value
from jaxgan.core.text import escaped, one_line
from jaxgan.evaluation.protocol import KEYS, Score
from jaxgan.evaluation.spread import OF_SUMMARIES, worst
from jaxgan.files import read_json
from jaxgan.files.atomic import replacing
from jaxgan.writers.metrics import json_number

SCHEMA = 1
NAME = "evaluation.json"

Number = float | Literal["NaN", "Infinity", "-Infinity"]
"""As the file has them."""


def as_json(scores: Sequence[Score]) -> dict[str, Any]:
    """Scores as JSON knows them.

    Args:
      scores: to be written.

    Returns:
      The object of the schema above.

    Example:
      >>> as_json([Score("fd_pixels", float("inf"), None, {})])["metrics"][0]["value"]
      'Infinity'
    """
    return {"schema": SCHEMA, "metrics": [_entry(score) for score in scores]}


def _entry(score: Score) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": score.name,
        "value": json_number(score.value),
        "std": None if score.std is None else json_number(score.std),
        "protocol": dict(score.protocol),
    }
    if score.values:
        entry["values"] = [json_number(value) for value in score.values]
        if (bad := worst(score)) is not None:
            entry["worst"] = json_number(bad)
    return entry


def write_report(path: Path, scores: Sequence[Score]) -> None:
    """Writes scores, all of them or nothing.

    Args:
      path: the file; its folder is created.
      scores: what it says.

    Example:
      See `read_report`.
    """
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(as_json(scores), indent=2, allow_nan=False) + "\n")


def read_report(path: Path) -> list[Score]:
    """Reads scores back.

    Args:
      path: the file, or the folder of a run that holds one named `evaluation.json`.

    Returns:
      Its scores.

    Raises:
      EvaluationError: if there is none, it is damaged, or of another schema; one line.

    Example:
      >>> import tempfile
      >>> from jaxgan.evaluation.protocol import make_protocol
      >>> folder = Path(tempfile.mkdtemp())
      >>> write_report(folder / NAME, [Score("kd_pixels", 0.5, 0.1, make_protocol(n_fake=9))])
      >>> (score,) = read_report(folder)
      >>> score.value, score.std, score.protocol["n_fake"]
      (0.5, 0.1, 9)
    """
    path = Path(path)
    if path.is_dir():
        path = path / NAME
    if not path.is_file():
        hint = f"; `jaxgan evaluate --workdir {path.parent}` writes it" if path.name == NAME else ""
        raise EvaluationError(f"{path}: there is no such file{hint}")
    try:
        schema = read_json(path, _Schema)["schema"]
        if schema != SCHEMA:
            raise FileError(path, bad_value("its schema", schema, [SCHEMA]))
        content = read_json(path, _Report)
    except FileError as error:
        raise EvaluationError(str(error)) from error
    return [_score(path, index, entry) for index, entry in enumerate(content["metrics"])]


class _Schema(TypedDict):
    schema: int


class _Entry(TypedDict):
    name: str
    value: Number
    std: Number | None
    protocol: dict[str, str | float | bool | None]
    values: NotRequired[list[Number]]
    worst: NotRequired[Number]


class _Report(_Schema):
    metrics: list[_Entry]


def _score(path: Path, index: int, entry: _Entry) -> Score:
    where = f"{path}: metrics[{index}]"
    if extra := sorted(set(entry) - set(_Entry.__annotations__)):
        raise EvaluationError(f"{where}: it has {one_line(extra)}; it must have none such")
    if missing := [key for key in KEYS if key not in entry["protocol"]]:
        raise EvaluationError(f"{where}: the protocol lacks {', '.join(missing)}")
    std = None if entry["std"] is None else float(entry["std"])
    values = tuple(map(float, entry.get("values", ())))
    return Score(entry["name"], float(entry["value"]), std, entry["protocol"], values)


def shown(score: Score) -> str:
    """A value with its spread, for people.

    Args:
      score: to be shown.

    Returns:
      Five digits, and two of the spread.

    Example:
      >>> shown(Score("kd_pixels", 0.123456, 0.0123, {}))
      '0.12346 ± 0.012'
    """
    spread = "" if score.std is None else f" ± {score.std:.2g}"
    return f"{score.value:.5g}{spread}"


def as_table(scores: Sequence[Score]) -> Table:
    """Scores as a table, under what they share; the rest of the protocols is in the file.

    Args:
      scores: of one evaluation.

    Returns:
      A table for a `rich` console.

    Example:
      >>> from jaxgan.evaluation.protocol import make_protocol
      >>> as_table([Score("fd_pixels", 1.0, None, make_protocol(step=10))]).title
      'step 10'
    """
    protocols = [score.protocol for score in scores]
    of_all = (*KEYS, *OF_SUMMARIES)
    title = [key for key in _shared(protocols) if key in of_all and key not in _IN_FILE]
    columns = [key for key in KEYS if key not in (*title, *_IN_FILE)]
    of_network = {key: _shared(of) for key, of in _by_network(protocols).items()}
    said = _said(protocols[0], title) if scores else ""
    table = Table(title=said, title_justify="left", box=None)
    has_worst = any(score.values for score in scores)
    columns_of_values = ("value", "worst") if has_worst else ("value",)
    for name in ("metric", *columns_of_values, *columns, "with"):
        table.add_column(name, justify="left" if name in ("metric", "with") else "right")
    for score in scores:
        protocol = score.protocol
        common = of_network.get(protocol.get("network"), ())
        own = [key for key in protocol if key not in (*KEYS, *title, *common)]
        cells = (
            "" if protocol.get(key) is None else escaped(str(protocol[key])) for key in columns
        )
        bad = [_shown_worst(score)] if has_worst else []
        table.add_row(escaped(score.name), shown(score), *bad, *cells, _said(protocol, own))
    return table


def _shown_worst(score: Score) -> str:
    """The worst value; all between which they are, where nobody knows which is bad."""
    if (bad := worst(score)) is not None:
        return f"{bad:.5g}"
    return f"{min(score.values):.5g} to {max(score.values):.5g}" if score.values else ""


_IN_FILE = ("network", "weights", "resize", "normalise", "data", "jaxgan")
"""What is long, or the same wherever the features are: digests of a line each."""


def _by_network(protocols: Sequence[Mapping[str, Any]]) -> dict[Any, list[Mapping[str, Any]]]:
    found: dict[Any, list[Mapping[str, Any]]] = {}
    for protocol in protocols:
        if protocol.get("network") is not None:
            found.setdefault(protocol["network"], []).append(protocol)
    return found


def _shared(protocols: Sequence[Mapping[str, Any]]) -> list[str]:
    """The keys of which all protocols say the same."""
    first = protocols[0] if protocols else {}
    return [key for key in first if all(key in p and p[key] == first[key] for p in protocols)]


def _said(protocol: Mapping[str, Any], keys: Sequence[str]) -> str:
    pairs = (f"{key} {protocol[key]}" for key in keys if protocol[key] is not None)
    return escaped(", ".join(pairs))
