"""`jaxgan checkpoints`: lists a run's checkpoints, and says which are good."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxgan.cli.terminal import print_table, say
from jaxgan.core.text import escaped

if TYPE_CHECKING:
    from jaxgan.checkpoint.directory import Row

SOME_DAMAGED, NONE_GOOD = 1, 2


def add_parser(commands: Any) -> None:
    """Adds the command to the parser.

    Args:
      commands: argparse's sub-parsers.

    Example:
      >>> parser = argparse.ArgumentParser()
      >>> add_parser(parser.add_subparsers())
      >>> parser.parse_args(["checkpoints", "runs/a", "--json"]).json
      True
    """
    parser = commands.add_parser(
        "checkpoints",
        help="list a run's checkpoints, and what is wrong with them",
        description="Reads every byte of every checkpoint; changes nothing.",
        epilog="exit codes: 0 all are good, 1 some are not, 2 there is no good one",
        allow_abbrev=False,
    )
    parser.add_argument(
        "dir", type=Path, metavar="DIR", help="a run's folder, or its folder of checkpoints"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints the list; see `jaxgan checkpoints --help`.

    Args:
      args: as parsed.

    Returns:
      The exit code.

    Raises:
      OSError: if there is no such folder, or it cannot be read.
    """
    from jaxgan.checkpoint.directory import inspect

    if not args.dir.is_dir():
        raise NotADirectoryError(f"{args.dir} is no folder")
    beneath = args.dir / "checkpoints"
    directory = beneath if beneath.is_dir() else args.dir
    rows = inspect(directory)
    good = [row.step for row in rows if row.problem is None]
    if args.json:
        listed = [_as_json(row) for row in rows]
        newest = max(good, default=None)
        print(json.dumps({"directory": str(directory), "newest_good": newest, "rows": listed}))
    elif rows:
        _print_table(rows)
    else:
        say(f"no checkpoints in {directory}")
    if not good:
        return NONE_GOOD
    # One that is being written says nothing against the others.
    return SOME_DAMAGED if any(row.finished and row.problem for row in rows) else 0


def _as_json(row: Row) -> dict[str, Any]:
    content = row.manifest
    return {
        "name": row.name,
        "step": row.step,
        "good": row.problem is None,
        "finished": row.finished,
        "problem": row.problem,
        "bytes": row.size,
        "created": content and content.created,
        "versions": content and content.versions,
        "metrics": content and content.metrics,
    }


def _shown(metrics: Mapping[str, float | None]) -> str:
    """Losses, scores, and what a program of one's own gave; --json has all metrics."""
    names = (k for k in metrics if "/" not in k or k.startswith(("loss/", "eval/")))
    shown = {k: metrics[k] for k in names}
    return ", ".join(f"{k} {'-' if v is None else format(v, '.4g')}" for k, v in shown.items())


def _print_table(rows: Sequence[Row]) -> None:
    from rich.table import Table

    table = Table("step", "state", "MiB", "created (UTC)", "jaxgan", "metrics", box=None)
    for row in rows:
        content = row.manifest
        table.add_row(
            escaped(row.name),
            "good" if row.problem is None else escaped(row.problem),
            f"{row.size / 2**20:.1f}",
            escaped(content.created[:19]).replace("T", " ") if content else "",
            escaped(content.versions.get("jaxgan", "")) if content else "",
            escaped(_shown(content.metrics)) if content else "",
        )
    print_table(table)
