"""`jaxgan report`: one HTML page of a run, or of several side by side."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from jaxgan.cli.program import check_out
from jaxgan.cli.terminal import say

_DESCRIPTION = """\
Writes DIR/report.html, as training does: samples over the steps beside real examples, curves that
zoom, scores with their protocols, warnings, checkpoints, and what was trained. It is one file, and
needs no network. Of several runs it writes compare.html here: their curves in the same plots, what
differs in their configs, their samples and scores. No code of a run's folder is run."""


def add_parser(commands: Any) -> None:
    """Adds the command to the parser.

    Args:
      commands: argparse's sub-parsers.

    Example:
      >>> parser = argparse.ArgumentParser()
      >>> add_parser(parser.add_subparsers())
      >>> len(parser.parse_args(["report", "runs/a", "runs/b"]).dirs)
      2
    """
    parser = commands.add_parser(
        "report",
        help="write a page of a run, or compare several",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("dirs", nargs="+", type=Path, metavar="DIR", help="a run's folder")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="what to write (DIR/report.html, or compare.html)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Writes the page; see `jaxgan report --help`.

    Args:
      args: as parsed.

    Returns:
      The exit code.

    Raises:
      ConfigError: if a folder is no run's, or a file in it is damaged.
    """
    from jaxgan.run import report

    dirs = list(dict.fromkeys(args.dirs))
    out = args.out or (dirs[0] / report.NAME if len(dirs) == 1 else Path("compare.html"))
    if args.out is not None:
        check_out(out)
    report.write_report(out, dirs)
    say(f"written: {out}")
    return 0
