"""`jaxgan`: parses the command line, and turns what goes wrong into one line and an exit code."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

import jax

from jaxgan.checkpoint import CheckpointError
from jaxgan.cli import (
    checkpoints,
    compare,
    evaluate,
    explore,
    import_weights,
    plan,
    sample,
    train,
    weights,
)
from jaxgan.config import ConfigError
from jaxgan.data import DataError
from jaxgan.evaluation import EvaluationError
from jaxgan.explore import ExploreError
from jaxgan.features import FeatureError
from jaxgan.loop import Exit
from jaxgan.nonfinite import NonFiniteError
from jaxgan.processes import LOST_PEER, ProcessError, leave
from jaxgan.published import PublishedError
from jaxgan.version import __version__

BAD_INPUT = 2
BAD_INPUTS = (
    *(CheckpointError, ConfigError, DataError, EvaluationError, ExploreError),
    *(FeatureError, OSError, ProcessError, PublishedError),
)

COMMANDS = (
    *(train, sample, explore, evaluate, compare, checkpoints, plan),
    *(weights, import_weights),
)

_EPILOG = """\
exit codes: 0 finished, 2 bad input, 3 stopped on non-finite values, 4 a plan does not fit,
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
    for command in COMMANDS:
        command.add_parser(commands)
    args, unknown = parser.parse_known_args(argv)
    args.overrides = [flag for flag in unknown if flag.startswith("--config.") and "=" in flag]
    if args.command not in ("train", "plan", "import"):
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
    message, code = "", 0
    try:
        return int(args.run(args))
    except BAD_INPUTS as error:
        message, code = f"error: {error}", BAD_INPUT
    except KeyboardInterrupt:
        message, code = "interrupted", int(Exit.INTERRUPTED)
    except NonFiniteError as error:
        message, code = f"stopped: {error}", int(Exit.NONFINITE)
    except jax.errors.JaxRuntimeError as error:
        if not jax.distributed.is_initialized():
            raise
        message, code = f"stopped: a peer is lost: {str(error).splitlines()[0]}", LOST_PEER
    print(f"jaxgan: {message}", file=sys.stderr)
    if jax.distributed.is_initialized():
        leave(code)
    return code


if __name__ == "__main__":
    sys.exit(main())
