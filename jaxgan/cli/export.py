"""`jaxgan export`: a trained generator in a file that runs without jaxgan."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from jaxgan.cli.program import add_trust, check_out
from jaxgan.cli.terminal import say
from jaxgan.core.errors import ConfigError

_DESCRIPTION = """\
Writes the generator as StableHLO, for any batch size, on CPU, GPU and TPU; jax.export.deserialize
reads it without jaxgan. What is written was run and compared with the generator."""


def add_parser(commands: Any) -> None:
    """Adds the command to the parser.

    Args:
      commands: argparse's sub-parsers.

    Example:
      >>> parser = argparse.ArgumentParser()
      >>> add_parser(parser.add_subparsers())
      >>> parser.parse_args(["export", "--workdir", "a"]).to
      'stablehlo'
    """
    parser = commands.add_parser(
        "export",
        help="write the generator for other programs",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--workdir", required=True, type=Path, metavar="DIR", help="a run's folder")
    parser.add_argument("--to", choices=("stablehlo",), default="stablehlo", help="(stablehlo)")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="what to write (DIR/generator.stablehlo)"
    )
    parser.add_argument(
        "--step", default="last", metavar="N", help="which checkpoint: a step, best or last (last)"
    )
    parser.add_argument("--member", type=int, metavar="I", help="which of several seeds (0)")
    parser.add_argument("--no-ema", action="store_true", help="the live generator, not its average")
    add_trust(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Exports; see `jaxgan export --help`.

    Args:
      args: as parsed.

    Returns:
      The exit code.

    Raises:
      ConfigError, CheckpointError: for bad input.
    """
    from jaxgan.export import generator_inputs, to_stablehlo
    from jaxgan.files.atomic import replacing
    from jaxgan.run.load import load
    from jaxgan.run.saved import read_run

    out = args.out or args.workdir / "generator.stablehlo"
    saved = read_run(args.workdir, trust_code=args.trust_code)
    if saved.row.from_real:
        name = saved.config["game"]["name"]
        raise ConfigError(
            f"game is {name!r}, which makes its images of real ones; it must be of latents"
        )
    check_out(out)
    try:
        loaded = load(saved, step=args.step, member=args.member, ema=not args.no_ema)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    shapes = {"latent_dim": saved.config["latent_dim"], "num_classes": saved.num_classes}
    try:
        data = to_stablehlo(saved.game, loaded.state, saved.spec, **shapes)
    except ImportError as error:
        raise ConfigError(f"{error}: pip install jaxgan[export]") from error
    with replacing(out) as temporary:
        temporary.write_bytes(data)
    inputs = generator_inputs(saved.game, saved.spec, **shapes)
    said = ", ".join(f"{name} {dtype}[{shape}]" for name, (shape, dtype) in inputs.items())
    say(f"{out}: step {loaded.step}; inputs: {said}")
    return 0
