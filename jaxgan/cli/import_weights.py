"""`jaxgan import`: begins a run with published weights."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from jaxgan.cli.program import check_folder
from jaxgan.cli.terminal import say

_DESCRIPTION = """\
Writes DIR as a run at step 0 whose networks have the weights of FILE: it can be sampled, explored,
measured, and trained further. The config has to describe the same networks; the first array that
does not fit is named. Files are .safetensors, .npz or PyTorch state files (.pt, .pth) of tensors
alone: nothing in them is ever run."""


def add_parser(commands: Any) -> None:
    """Adds the command to the parser.

    Args:
      commands: argparse's sub-parsers.

    Example:
      >>> parser = argparse.ArgumentParser()
      >>> add_parser(parser.add_subparsers())
      >>> flags = ["--from", "g.npz", "--config", "a.py", "--workdir", "b"]
      >>> parser.parse_args(["import", *flags]).source
      PosixPath('g.npz')
    """
    parser = commands.add_parser(
        "import",
        help="begin a run with published weights",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--config", required=True, metavar="FILE[:ARG]", help="config file")
    parser.add_argument("--workdir", required=True, type=Path, metavar="DIR", help="where to write")
    parser.add_argument(
        "--from", dest="source", type=Path, metavar="FILE", help="weights of the generator"
    )
    parser.add_argument("--prefix", default="", metavar="P", help="of the names in it: G_ema.")
    parser.add_argument("--disc-from", type=Path, metavar="FILE", help="of the discriminator")
    parser.add_argument("--disc-prefix", default="", metavar="P", help="of the names in it: D.")
    parser.add_argument("--model", metavar="NAME", help="checks that the config has this generator")
    parser.add_argument(
        "--example-shape", metavar="H,W,C", help="of one example, where the data are not there"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Imports; see `jaxgan import --help`.

    Args:
      args: as parsed.

    Returns:
      The exit code.

    Raises:
      ConfigError, DataError, PublishedError: for bad input.
    """
    from jaxgan.checkpoint.checkpointer import Checkpoints
    from jaxgan.config.base import load_config
    from jaxgan.config.example import example_of
    from jaxgan.config.resolve import resolve
    from jaxgan.core.errors import ConfigError, PublishedError
    from jaxgan.pretrained import read_state
    from jaxgan.run import directory
    from jaxgan.run.pretrained import pretrained_state

    if args.source is None and args.disc_from is None:
        raise PublishedError("from: none; give --from FILE, --disc-from FILE, or both")
    check_folder("workdir", args.workdir, args.workdir)
    if (args.workdir / directory.CONFIG).exists() or (args.workdir / "checkpoints").exists():
        raise ConfigError(f"workdir: {args.workdir} holds a run already; give another folder")
    config = resolve(load_config(args.config, args.overrides))
    found = (config["generator"] or {}).get("name")
    if args.model is not None and args.model != found:
        raise ConfigError(f"model is {args.model!r}; the generator of {args.config} is {found!r}")
    spec, _ = example_of(config, args.example_shape)
    published = {
        player: read_state(path, prefix)
        for player, path, prefix in (
            ("gen", args.source, args.prefix),
            ("disc", args.disc_from, args.disc_prefix),
        )
        if path is not None
    }
    state = pretrained_state(config, spec, published)
    directory.write(args.workdir, config, spec)
    checkpoints = Checkpoints(args.workdir / "checkpoints", config=config)
    checkpoints.save(0, state, {"next": 0})
    checkpoints.wait()
    for player, arrays in published.items():
        say(f"{player}: {sum(a.size for a in arrays.values()):,} numbers in {len(arrays)} arrays")
    say(f"written: {args.workdir}")
    return 0
