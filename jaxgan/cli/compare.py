"""`jaxgan compare`: evaluations side by side, as far as they may be compared."""

from __future__ import annotations

import argparse
import json
import textwrap
from pathlib import Path
from typing import Any

from jaxgan.cli.terminal import columns, print_table
from jaxgan.core.text import escaped

_PIPE_COLUMNS = 500
"""Of a table that no person reads."""


def add_parser(commands: Any) -> None:
    """Adds the command to the parser.

    Args:
      commands: argparse's sub-parsers.

    Example:
      >>> parser = argparse.ArgumentParser()
      >>> add_parser(parser.add_subparsers())
      >>> len(parser.parse_args(["compare", "runs/a", "runs/b"]).dirs)
      2
    """
    parser = commands.add_parser(
        "compare",
        help="compare the evaluations of several runs",
        description="One row for each metric and protocol; what differs is said below.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "dirs",
        nargs="+",
        type=Path,
        metavar="DIR",
        help="a run's folder with evaluation.json, or another such file",
    )
    parser.add_argument("--json", action="store_true", help="print JSON rather than a table")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Compares; see `jaxgan compare --help`.

    Args:
      args: as parsed.

    Returns:
      The exit code.

    Raises:
      EvaluationError: if a folder has no evaluation, or a damaged one.
    """
    from jaxgan.evaluation import compare, read_report

    results = {str(path): read_report(path) for path in args.dirs}
    if args.json:
        print(json.dumps(compare.as_json(results)))
        return 0
    tables, lines = compare.as_tables(results, width=columns() or _PIPE_COLUMNS)
    for number, table in enumerate(tables):
        if number:
            print()
        print_table(table)
    for line in map(escaped, lines):
        for part in textwrap.wrap(line, columns() or len(line), subsequent_indent="  "):
            print(part)
    return 0
