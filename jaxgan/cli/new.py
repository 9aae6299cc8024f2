"""`jaxgan new`: a file to begin with, for code of one's own."""

from __future__ import annotations

import argparse
import keyword
import re
import sys
from pathlib import Path
from typing import Any

from jaxgan.cli.program import check_out
from jaxgan.cli.templates import TEMPLATES
from jaxgan.cli.terminal import say
from jaxgan.core.errors import ConfigError, bad_value

_DESCRIPTION = """\
Writes NAME.py: a small function of that kind with its docstring, an example and a test, which pass
as they are. Configs name it NAME.py:NAME."""


def add_parser(commands: Any) -> None:
    """Adds the command to the parser.

    Args:
      commands: argparse's sub-parsers.

    Example:
      >>> parser = argparse.ArgumentParser()
      >>> add_parser(parser.add_subparsers())
      >>> parser.parse_args(["new", "loss", "soft_hinge"]).name
      'soft_hinge'
    """
    parser = commands.add_parser(
        "new",
        help="write a file of one's own code to begin with",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("kind", choices=tuple(TEMPLATES), help="what it is")
    parser.add_argument("name", help="what it is called: of the function, and of the file")
    parser.add_argument(
        "--to", type=Path, default=Path(), metavar="DIR", help="where to write (this folder)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Writes; see `jaxgan new --help`.

    Args:
      args: as parsed.

    Returns:
      The exit code.

    Raises:
      ConfigError: for a name that is none, or a file that is there already.
    """
    template = TEMPLATES[args.kind]
    is_used = re.search(rf"\b{re.escape(args.name)}\b", template.replace("NAME", ""))
    is_module = args.name in sys.stdlib_module_names
    if not args.name.isidentifier() or keyword.iskeyword(args.name) or is_used or is_module:
        allowed = "the name of a function, which neither a module nor the file has"
        raise ConfigError(bad_value("name", args.name, allowed))
    if not args.to.is_dir():
        raise ConfigError(bad_value("to", args.to, "a folder that is there"))
    path = args.to / f"{args.name}.py"
    check_out(path)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(template.replace("NAME", args.name))
    except FileExistsError as error:
        raise ConfigError(f"{path} is there already; give another name") from error
    say(f"written: {path}")
    say(f"its tests: pytest --doctest-modules {path}")
    return 0
