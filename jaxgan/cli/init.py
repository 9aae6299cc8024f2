"""`jaxgan init`: a config for pictures of one's own, to begin with."""

from __future__ import annotations

import argparse
from typing import Any

from jaxgan.cli.program import whole

_DESCRIPTION = """\
Looks at the pictures and prints a config for them, which `jaxgan train --data` would use:

  jaxgan init --data pictures/ > mine.py
  jaxgan train --config mine.py --workdir runs/mine"""


def add_parser(commands: Any) -> None:
    """Adds the command to the parser.

    Args:
      commands: argparse's sub-parsers.

    Example:
      >>> parser = argparse.ArgumentParser()
      >>> add_parser(parser.add_subparsers())
      >>> parser.parse_args(["init", "--data", "cats"]).data
      'cats'
    """
    parser = commands.add_parser(
        "init",
        help="print a config for pictures of one's own",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--data", required=True, metavar="PATH", help="a folder, an archive, or KIND:PATH"
    )
    parser.add_argument(
        "--size", type=whole(1), metavar="N", help="pixels per side (by the pictures)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints; see `jaxgan init --help`.

    Args:
      args: as parsed.

    Returns:
      The exit code.

    Raises:
      ConfigError, DataError: for bad input.
    """
    from jaxgan.config.recipe import as_file, look, recipe

    found = look(args.data)
    print(as_file(recipe(found, image_size=args.size), args.data), end="")
    return 0
