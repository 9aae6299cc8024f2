"""Flags of commands that take a trained run, and the run that they mean."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from jaxgan.cli.program import add_trust
from jaxgan.core.errors import ConfigError

if TYPE_CHECKING:
    from jaxgan.run.loaded import Loaded
    from jaxgan.run.saved import SavedRun


def add_step(parser: argparse.ArgumentParser) -> None:
    """Adds the flag that says which checkpoint.

    Args:
      parser: the command's.

    Example:
      >>> parser = argparse.ArgumentParser()
      >>> add_step(parser)
      >>> parser.parse_args(["--step", "best"]).step
      'best'
    """
    parser.add_argument(
        "--step", default="last", metavar="N", help="which checkpoint: a step, best or last (last)"
    )


def add_run(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that say which run, and what of it.

    Args:
      parser: the command's.

    Example:
      >>> parser = argparse.ArgumentParser()
      >>> add_run(parser)
      >>> args = parser.parse_args(["--workdir", "runs/a", "--member", "2"])
      >>> args.step, args.member, args.no_ema, args.trust_code
      ('last', 2, False, False)
    """
    parser.add_argument("--workdir", required=True, type=Path, metavar="DIR", help="a run's folder")
    add_step(parser)
    parser.add_argument("--member", type=int, metavar="I", help="which of several seeds (0)")
    parser.add_argument("--no-ema", action="store_true", help="the live generator, not its average")
    add_trust(parser)


def load_run(
    saved: SavedRun, args: argparse.Namespace, *, ema: bool = True, standing_batches: int = 0
) -> Loaded:
    """The run that the flags mean.

    Args:
      saved: what was read of it.
      args: with `step` and `member`.
      ema: whether to take the average of the generator, where one was kept.
      standing_batches: see `jaxgan.load`.

    Returns:
      It, at that step.

    Raises:
      ConfigError, CheckpointError: if there is no such step or member.

    Example:
      See `jaxgan.cli.sample`.
    """
    from jaxgan.run.load import load

    try:
        return load(
            saved, step=args.step, member=args.member, ema=ema, standing_batches=standing_batches
        )
    except ValueError as error:
        raise ConfigError(str(error)) from error
