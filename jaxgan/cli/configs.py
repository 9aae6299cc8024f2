"""`jaxgan configs`: the configs that come with jaxgan."""

from __future__ import annotations

import argparse
from typing import Any

from jaxgan.cli.terminal import say

_DESCRIPTION = """\
Lists the configs that come with jaxgan. `--config NAME` finds each without a checkout, and
`jaxgan configs NAME` prints its file, to begin one's own with."""


def add_parser(commands: Any) -> None:
    """Adds the command to the parser.

    Args:
      commands: argparse's sub-parsers.

    Example:
      >>> parser = argparse.ArgumentParser()
      >>> add_parser(parser.add_subparsers())
      >>> parser.parse_args(["configs", "digits"]).name
      'digits'
    """
    parser = commands.add_parser(
        "configs",
        help="list the configs that come with jaxgan",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("name", nargs="?", help="the config whose file is printed")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Lists or prints; see `jaxgan configs --help`.

    Args:
      args: as parsed.

    Returns:
      The exit code.

    Raises:
      ConfigError: if there is no config of that name.
    """
    from jaxgan.config.shipped import describe, shipped
    from jaxgan.core.errors import ConfigError, bad_value

    known = shipped()
    if args.name is None:
        width = max(map(len, known))
        for name, path in known.items():
            say(f"{name:{width}}  {describe(path)}")
        return 0
    if args.name not in known:
        raise ConfigError(bad_value("name", args.name, known))
    print(known[args.name].read_text(), end="")
    return 0
