"""`jaxgan completion`: what a shell needs to complete the command line."""

from __future__ import annotations

import argparse
from typing import Any

from jaxgan.core.errors import ConfigError

SHELLS = ("bash", "zsh", "tcsh")

_DESCRIPTION = """\
Prints a script that completes commands, flags and files:

  bash: eval "$(jaxgan completion bash)" in ~/.bashrc
  zsh:  jaxgan completion zsh > DIR/_jaxgan, where DIR is in $fpath"""


def add_parser(commands: Any) -> None:
    """Adds the command to the parser.

    Args:
      commands: argparse's sub-parsers.

    Example:
      >>> parser = argparse.ArgumentParser()
      >>> add_parser(parser.add_subparsers())
      >>> parser.parse_args(["completion", "zsh"]).shell
      'zsh'
    """
    parser = commands.add_parser(
        "completion",
        help="print a script that completes the command line",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("shell", choices=SHELLS, help="whose script it is")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints; see `jaxgan completion --help`.

    Args:
      args: as parsed.

    Returns:
      The exit code.

    Raises:
      ConfigError: if shtab is not installed.
    """
    from jaxgan.cli.main import make_parser

    try:
        import shtab
    except ImportError as error:
        raise ConfigError("completion needs shtab: pip install jaxgan[completion]") from error

    print(shtab.complete(make_parser()[0], args.shell))
    return 0
