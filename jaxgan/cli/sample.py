"""`jaxgan sample`: draws from a trained run."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add_parser(commands: Any) -> None:
    """Adds the command to the parser.

    Args:
      commands: argparse's sub-parsers.

    Example:
      >>> parser = argparse.ArgumentParser()
      >>> add_parser(parser.add_subparsers())
      >>> parser.parse_args(["sample", "--workdir", "a", "--num", "4"]).num
      4
    """
    parser = commands.add_parser(
        "sample", help="draw samples from a trained run", allow_abbrev=False
    )
    parser.add_argument("--workdir", required=True, type=Path, metavar="DIR", help="a run's folder")
    parser.add_argument("--num", type=int, default=64, metavar="N", help="how many (64)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of the latents (0)")
    parser.add_argument("--step", type=int, metavar="N", help="which checkpoint (the last)")
    parser.add_argument("--member", type=int, metavar="I", help="which of several seeds (0)")
    parser.add_argument("--no-ema", action="store_true", help="the live generator, not its average")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help=".png: a grid; .npz: `images` uint8 [N,H,W,C] or `points` float32 [N,D], and `labels` "
        "(-1: none) (DIR/samples/seed_S.png)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Samples; see `jaxgan sample --help`.

    Args:
      args: as parsed.

    Returns:
      The exit code.

    Raises:
      ConfigError, CheckpointError: for bad input.
    """
    import numpy as np

    from jaxgan import writers
    from jaxgan.config import ConfigError
    from jaxgan.data import to_uint8
    from jaxgan.load import load
    from jaxgan.sampling import picture
    from jaxgan.writers.atomic import replacing

    out = args.out or args.workdir / "samples" / f"seed_{args.seed}.png"
    if out.suffix not in (".png", ".npz"):
        raise ConfigError(f"out: {out}; it must end in .png or .npz")
    for name in ("num", "seed"):
        least = 1 if name == "num" else 0
        if getattr(args, name) < least:
            raise ConfigError(f"{name}: {getattr(args, name)}; it must be at least {least}")
    try:
        run = load(args.workdir, step=args.step, member=args.member, ema=not args.no_ema)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    samples = run.sample(args.num, args.seed)
    if out.suffix == ".png":
        writers.save_png(out, picture(samples, samples))
    else:
        arrays: dict[str, Any] = {"labels": np.full(args.num, -1, np.int32)}
        if samples.ndim == 4:
            arrays["images"] = to_uint8(samples)
        else:
            arrays["points"] = samples
        with replacing(out) as temporary, temporary.open("wb") as file:
            np.savez(file, **arrays)
    print(f"{args.num} samples of step {run.step}: {out}")
    return 0
