"""`jaxgan weights`: converts published PyTorch weights to a file that is checked when read."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from jaxgan.cli.terminal import say

NETWORKS = ("inception", "lpips-alex", "lpips-vgg16")


def add_parser(commands: Any) -> None:
    """Adds the command to the parser.

    Args:
      commands: argparse's sub-parsers.

    Example:
      >>> parser = argparse.ArgumentParser()
      >>> add_parser(parser.add_subparsers())
      >>> parser.parse_args(["weights", "inception", "--from", "a.pth"]).source
      [PosixPath('a.pth')]
    """
    parser = commands.add_parser(
        "weights", help="convert published weights of feature networks", allow_abbrev=False
    )
    parser.add_argument("network", choices=NETWORKS, help="whose weights")
    parser.add_argument(
        "--from",
        dest="source",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="the PyTorch files (none: says which they are, and where they can be had)",
    )
    parser.add_argument(
        "--to",
        type=Path,
        metavar="FILE",
        help=".npz or .safetensors (where the network looks for its weights)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Converts; see `jaxgan weights --help`.

    Args:
      args: as parsed.

    Returns:
      The exit code.

    Raises:
      FeatureError: for a missing file or wrong content.
      OSError: if the file cannot be written.
    """
    from jaxgan.features import weights
    from jaxgan.features.recipes import recipe_of

    recipe = recipe_of(args.network)
    if not args.source:
        say(f"{args.network}: {weights.how_to_get(recipe)}")
        return 0
    to = args.to or weights.weights_path(recipe)
    converted = weights.convert(recipe, args.source, to)
    say(f"{args.network}: {to}, sha256 of its arrays {converted.sha256}")
    if converted.published:
        say("converted from the published files")
    else:
        known = ", ".join(one.sha256 for one in recipe.files)
        say(
            f"not the published files: they have sha256 {', '.join(converted.sources)}, the "
            f"published ones {known}; scores will not be called by the published names"
        )
    return 0
