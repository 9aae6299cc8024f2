"""What the experiments share: our numbers beside the paper's, as JSON and as a table."""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
from rich import box
from rich.console import Console
from rich.table import Table

import jaxgan as jg
from jaxgan.cli.program import Parser, whole

RESULTS = Path(__file__).parent / "results"


class Row(NamedTuple):
    """One line of the table that an experiment ends with.

    Attributes:
      name: what is measured.
      ours: our figure, or a short text.
      paper: the paper's, or what it says; None where it says nothing.
      seeds: how many seeds our figure stands on.
    """

    name: str
    ours: Any
    paper: Any
    seeds: int


def parser(description: str | None) -> Parser:
    """An argument parser with `--out`.

    Args:
      description: the experiment's docstring.

    Returns:
      The parser, for the experiment to add its own flags to.
    """
    made = Parser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--out", type=Path, default=RESULTS, help="folder for NAME.json and NAME.png")
    return made


positive = whole(1)
"""Reads a whole number of at least 1, for `type=` of a flag."""


def write_report(out: Path, name: str, rows: Sequence[Row], **extra: Any) -> Path:
    """Writes `out/name.json` and prints ours beside the paper's.

    Args:
      out: the folder; it is created.
      name: the experiment's.
      rows: the table.
      **extra: whatever else belongs into the file: settings, curves.

    Returns:
      The file.
    """
    out.mkdir(parents=True, exist_ok=True)
    about = {
        "machine": platform.machine(),
        "device": jax.devices()[0].device_kind,
        "python": platform.python_version(),
        "jax": jax.__version__,
        "jaxgan": jg.__version__,
    }
    report: Mapping[str, Any] = {"rows": [row._asdict() for row in rows], **extra, "about": about}
    path = out / f"{name}.json"
    entries = [f"{json.dumps(key)}: {_lines(value)}" for key, value in report.items()]
    path.write_text("{\n" + ",\n".join(entries) + "\n}\n")
    table = Table("", "ours", "paper", "seeds", box=box.SIMPLE, title=name)
    for row in rows:
        table.add_row(row.name, _text(row.ours), _text(row.paper), str(row.seeds))
    Console().print(table)
    print(path)
    return path


def _lines(value: Any) -> str:
    """JSON with a line for each row, and no more lines than that."""
    if not isinstance(value, list):
        return json.dumps(value, allow_nan=False)
    return "[\n" + ",\n".join(json.dumps(row, allow_nan=False) for row in value) + "\n]"


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
