"""`jaxgan`: parses the command line, and turns what goes wrong into one line and an exit code."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from typing import Any

from jaxgan.cli import (
    checkpoints,
    compare,
    completion,
    configs,
    data,
    evaluate,
    explore,
    export,
    import_weights,
    init,
    new,
    phase_map,
    plan,
    program,
    report,
    sample,
    terminal,
    train,
    translate,
    weights,
)
from jaxgan.version import __version__

COMMANDS = (
    *(train, init, data, report, sample, translate, explore, evaluate, compare, export),
    *(checkpoints, plan, phase_map, configs, new, weights, import_weights, completion),
)

_EPILOG = """\
exit codes: 0 finished, 2 bad input, 3 stopped on non-finite values, 4 a plan does not fit,
6 the disk is full or fails, 7 another process trains in the folder, 70 a peer of a job is lost,
75 preempted and saved (SIGTERM, SIGHUP), 130 Ctrl-C and saved"""


def make_parser() -> tuple[program.Parser, Any]:
    """The parser of the whole command line.

    Returns:
      The parser, whose result has the command's function as `run`, and those of the commands.

    Example:
      >>> make_parser()[0].parse_args(["compare", "a"]).command
      'compare'
    """
    parser = program.Parser(
        prog="jaxgan",
        description="Train and sample GANs with JAX.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"jaxgan {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(commands)
    return parser, commands


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Reads a command line; what is wrong with it ends the program in one line.

    Args:
      argv: the arguments; those of the process by default.

    Returns:
      What the command's `run` takes: its flags, and `overrides`, those of the config.

    Example:
      >>> parse(["train", "--config", "a.py", "--workdir", "b", "--config.seed=1"]).overrides
      ['--config.seed=1']
    """
    parser, commands = make_parser()
    args, unknown = parser.parse_known_args(argv)
    args.overrides = [flag for flag in unknown if flag.startswith("--config.") and "=" in flag]
    if args.command not in ("train", "plan", "import"):
        args.overrides = []
    if left := [flag for flag in unknown if flag not in args.overrides]:
        commands.choices[args.command].unknown(left)
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
      argv: the arguments; those of the process by default.

    Returns:
      The exit code.

    Example:
      >>> main(["sample", "--workdir", "no/such/folder"])
      2
    """
    args = parse(argv)
    # A handler of our own: libraries configure the root logger as they like.
    logger, handler = logging.getLogger("jaxgan"), terminal.Handler()
    handler.setFormatter(terminal.Formatter("%(message)s"))
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.INFO)

    def body() -> int:
        terminal.check_text(vars(args))
        return int(args.run(args))

    return program.run(body, "jaxgan")


if __name__ == "__main__":
    sys.exit(main())
