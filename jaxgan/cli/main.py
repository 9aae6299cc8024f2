"""`jaxgan`: parses the command line, and turns what goes wrong into one line and an exit code."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

from jaxgan.checkpoint import CheckpointError
from jaxgan.cli import sample, train
from jaxgan.config import ConfigError
from jaxgan.data import DataError
from jaxgan.loop import Exit, NonFiniteError
from jaxgan.version import __version__

BAD_INPUT = 2

_EPILOG = """\
exit codes: 0 finished, 2 bad input, 3 stopped on non-finite values,
75 preempted and saved (SIGTERM), 130 Ctrl-C and saved"""


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
    parser = argparse.ArgumentParser(
        prog="jaxgan",
        description="Train and sample GANs with JAX.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"jaxgan {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in (train, sample):
        command.add_parser(commands)
    args, unknown = parser.parse_known_args(argv)
    args.overrides = [flag for flag in unknown if flag.startswith("--config.") and "=" in flag]
    if args.command != "train":
        args.overrides = []
    if left := [flag for flag in unknown if flag not in args.overrides]:
        parser.error(f"unrecognized arguments: {' '.join(left)}")
    # A handler of our own: libraries configure the root logger as they like.
    logger, handler = logging.getLogger("jaxgan"), logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.INFO)
    return _run(args)


def _run(args: argparse.Namespace) -> int:
    try:
        return int(args.run(args))
    except (ConfigError, DataError, CheckpointError, OSError) as error:
        print(f"jaxgan: error: {error}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("jaxgan: interrupted", file=sys.stderr)
        return int(Exit.INTERRUPTED)
    except NonFiniteError as error:
        print(f"jaxgan: stopped: {error}", file=sys.stderr)
        return int(Exit.NONFINITE)


if __name__ == "__main__":
    sys.exit(main())
