"""`jaxgan export`: a trained generator in a file that runs without jaxgan."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxgan.cli.program import check_out
from jaxgan.cli.terminal import say
from jaxgan.cli.trained import add_run, load_run
from jaxgan.core.errors import ConfigError

if TYPE_CHECKING:
    from jaxgan.export import Exported
    from jaxgan.run.loaded import Loaded

EXTRAS = {"onnx": "onnx", "safetensors": "weights", "stablehlo": "export"}
"""What each format needs of pip; a file's ending is the format's name."""

_DESCRIPTION = """\
Writes the generator for other programs: as StableHLO, which JAX reads without jaxgan, or as ONNX,
which onnxruntime runs, for any batch size; or its weights as safetensors, under the names of jaxgan
or of the authors' code. What is written was run or read again, and compared with the generator."""


def add_parser(commands: Any) -> None:
    """Adds the command to the parser.

    Args:
      commands: argparse's sub-parsers.

    Example:
      >>> parser = argparse.ArgumentParser()
      >>> add_parser(parser.add_subparsers())
      >>> parser.parse_args(["export", "--workdir", "a", "--to", "onnx"]).to
      'onnx'
    """
    parser = commands.add_parser(
        "export",
        help="write the generator for other programs",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_run(parser)
    parser.add_argument(
        "--to",
        choices=("stablehlo", "onnx", "safetensors"),
        default="stablehlo",
        help="the format (stablehlo)",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="what to write (DIR/generator.FORMAT)"
    )
    parser.add_argument(
        "--names",
        choices=("ours", "reference"),
        help="of safetensors: jaxgan's names and layouts, or those that jaxgan import reads (ours)",
    )
    parser.add_argument(
        "--direction",
        choices=("forward", "backward"),
        default="forward",
        help="of a game of two generators: images of sources, or sources of images (forward)",
    )
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
    from jaxgan.files.atomic import replacing
    from jaxgan.run.saved import read_run

    out = args.out or args.workdir / f"generator.{args.to}"
    _check_flags(args, out)
    saved = read_run(args.workdir, trust_code=args.trust_code)
    if saved.row.from_real and "source" not in saved.spec:
        name = saved.config["game"]["name"]
        raise ConfigError(
            f"game is {name!r}, which makes its images of real ones; it must be of latents or of "
            "sources"
        )
    check_out(out)
    loaded = load_run(saved, args, ema=not args.no_ema)
    try:
        made = _made(args, loaded)
    except ImportError as error:
        raise ConfigError(f"{error}: pip install jaxgan[{EXTRAS[args.to]}]") from error
    with replacing(out) as temporary:
        temporary.write_bytes(made.data)
    given = ", ".join(f"{name} {dtype}[{shape}]" for name, (shape, dtype) in made.inputs.items())
    said = f"; inputs: {given}" if given else ""
    say(f"{out}: step {loaded.step}{said}; it differs from ours by {made.difference:.2g} at most")
    return 0


def _check_flags(args: argparse.Namespace, out: Path) -> None:
    format_of_out = out.suffix.lower().removeprefix(".")
    if format_of_out in EXTRAS and format_of_out != args.to:
        raise ConfigError(f"out is {str(out)!r}; it must end with .{args.to}, or --to is another")
    if args.names is not None and args.to != "safetensors":
        raise ConfigError(f"names is {args.names!r}; it is of --to safetensors alone")


def _made(args: argparse.Namespace, loaded: Loaded) -> Exported:
    from jaxgan import export

    saved = loaded.saved
    if args.to == "safetensors":
        return _weights(args, loaded)
    generator = export.make_generator(
        saved.game,
        loaded.state,
        saved.spec,
        latent_dim=None if saved.row.from_real else saved.config["latent_dim"],
        num_classes=saved.num_classes,
        direction=args.direction,
    )
    write = export.to_onnx if args.to == "onnx" else export.to_stablehlo
    return write(generator)


def _weights(args: argparse.Namespace, loaded: Loaded) -> Exported:
    from jaxgan import export
    from jaxgan.run.pretrained import published_rules
    from jaxgan.version import __version__

    saved, config = loaded.saved, loaded.saved.config
    about = {
        "jaxgan": __version__,
        "step": str(loaded.step),
        "names": args.names or "ours",
        "game": json.dumps(config["game"]),
        "generator": json.dumps(config["generator"]),
        "latent_dim": json.dumps(None if saved.row.from_real else config.get("latent_dim")),
        "num_classes": json.dumps(saved.num_classes),
        "image_shape": json.dumps(list(saved.spec["image"].shape) if saved.is_images else None),
    }
    published = published_rules(config, saved.spec) if args.names == "reference" else None
    return export.to_safetensors(
        loaded.state, direction=args.direction, published=published, about=about
    )
