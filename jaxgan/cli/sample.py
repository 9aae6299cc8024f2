"""`jaxgan sample`: draws from a trained run."""

from __future__ import annotations

import argparse
import difflib
import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxgan.cli.program import check_new_folder, check_out, check_seed
from jaxgan.cli.terminal import say
from jaxgan.cli.trained import add_run, load_run
from jaxgan.core.errors import bad_value

if TYPE_CHECKING:
    from jaxgan.config.base import Config
    from jaxgan.run.loaded import Loaded

MANIFEST = "samples.json"


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
    add_run(parser)
    parser.add_argument("--num", type=int, default=64, metavar="N", help="how many (64)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of the latents (0)")
    parser.add_argument(
        "--label",
        metavar="L",
        help="of a conditional run: a class by name or number, several (3,5), or all in turn, one "
        "a column (all)",
    )
    parser.add_argument(
        "--truncation",
        type=float,
        metavar="T",
        help="redraw latents beyond T; of styles, move them to their mean by T (none)",
    )
    parser.add_argument(
        "--standing-statistics",
        type=int,
        default=0,
        metavar="N",
        help="recompute batch statistics over N batches (0: as they were trained)",
    )
    parser.add_argument(
        "--data-dir", metavar="DIR", help="of a run that makes images of images: where they are now"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help=".png: a grid; .npz: `images` uint8 [N,H,W,C] or `points` float32 [N,D], and `labels` "
        "of a conditional run, or what a run that makes images of images shows; a new folder: a "
        "file for each, by class (DIR/samples/seed_S.png)",
    )
    parser.add_argument(
        "--format", choices=("png", "webp"), help="of the files in a folder, both lossless (png)"
    )
    parser.add_argument(
        "--flat", action="store_true", help="all files in one folder, as pytorch-fid reads them"
    )
    parser.set_defaults(run=run)


def parse_label(text: str | None, num_classes: int, names: Sequence[str] = ()) -> tuple[int, ...]:
    """The classes that are to be sampled in turn.

    Args:
      text: `all`, a class, or several with commas between, each by name or number; None for the
        default. What is a name and a number is the class of that name.
      num_classes: of the run; 0 if it is unconditional.
      names: of the classes, if they have any.

    Returns:
      The classes; none of an unconditional run.

    Raises:
      ConfigError: if the run knows no such class.

    Example:
      >>> parse_label(None, 3), parse_label("2,0", 3), parse_label(None, 0)
      ((0, 1, 2), (2, 0), ())
      >>> parse_label("dog", 2, ("cat", "dog"))
      (1,)
    """
    from jaxgan.core.errors import ConfigError

    if num_classes == 0 and text is not None:
        raise ConfigError(f"label is {text!r}; the run is unconditional, so it has none")
    if text in names:  # before commas are looked at: a name may have some
        return (names.index(str(text)),)
    if text in (None, "all"):
        return tuple(range(num_classes))
    numbers = {str(number): number for number in range(num_classes)}
    known = {**numbers, **{name: number for number, name in enumerate(names)}}
    asked = [one if one in known else one.strip() for one in str(text).split(",")]
    unknown = [one for one in asked if one not in known]
    if unknown:
        near = [name for one in unknown for name in difflib.get_close_matches(one, names)]
        words = [name for name in near if name not in numbers]
        hint = f" did you mean {' or '.join(words)}?" if words else ""
        by_name = "" if set(names) <= set(numbers) else f", or names ({_few(names)}),"
        raise ConfigError(
            f"label is {text!r};{hint} it must be all, or classes from 0 to {num_classes - 1}"
            f"{by_name} with commas between"
        )
    return tuple(known[one] for one in asked)


def _few(names: Sequence[str]) -> str:
    return f"{', '.join(names[:20])}{', ...' if len(names) > 20 else ''}"


def run(args: argparse.Namespace) -> int:
    """Samples; see `jaxgan sample --help`.

    Args:
      args: as parsed.

    Returns:
      The exit code.

    Raises:
      ConfigError, CheckpointError: for bad input.
    """
    from jaxgan.core.errors import ConfigError
    from jaxgan.run.saved import read_run

    out = args.out or args.workdir / "samples" / f"seed_{args.seed}.png"
    if out.suffix.lower() not in (".png", ".npz", ""):
        raise ConfigError(bad_value("out", out, "a .png or .npz file, or a folder"))
    for name in ("format", "flat"):
        if out.suffix and (given := getattr(args, name)):
            raise ConfigError(bad_value(name, given, f"left out, as --out is {out}"))
    check_seed(args.seed)
    for name in ("num", "standing_statistics"):
        least = 1 if name == "num" else 0
        if getattr(args, name) < least:
            raise ConfigError(bad_value(name, getattr(args, name), f"at least {least}"))
    saved = read_run(args.workdir, trust_code=args.trust_code)
    if not out.suffix and (saved.row.from_real or not saved.is_images):
        kind = "pictures beside one another" if saved.is_images else "points"
        raise ConfigError(
            f"{bad_value('out', out, 'a .png or .npz file')}, as the run makes {kind}"
        )
    check_out(out) if out.suffix else check_new_folder(out)
    names = saved.class_names
    classes = parse_label(args.label, saved.num_classes or 0, names)
    standing = args.standing_statistics
    run = load_run(saved, args, ema=not args.no_ema, standing_batches=standing)
    if saved.row.from_real:
        _show(run, args, saved.config, out)
    else:
        _sample(run, args, classes, [names[one] for one in classes] if names else [], out)
    say(f"{args.num} samples of step {run.step}: {out}")
    return 0


def _sample(
    run: Loaded,
    args: argparse.Namespace,
    classes: tuple[int, ...],
    titles: Sequence[str],
    out: Path,
) -> None:
    import jax
    import numpy as np

    from jaxgan import writers
    from jaxgan.data import to_uint8
    from jaxgan.sampling.pictures import picture
    from jaxgan.writers.stored import Rows, save_folder, save_npz

    labels = np.resize(np.asarray(classes, np.int32), args.num) if classes else None
    chunks = run.chunks(
        args.num, key=jax.random.key(args.seed), labels=labels, truncation=args.truncation
    )
    first = next(chunks)
    shape, is_images = (args.num, *first.shape[1:]), first.ndim == 4
    # Bytes as they come: of many samples there are never all floats in memory.
    parts = (to_uint8(x) if is_images else x for x in itertools.chain([first], chunks))
    if out.suffix.lower() == ".png":
        num_columns = len(classes) if len(classes) > 1 else None
        samples = np.concatenate(list(parts))
        shown = titles if num_columns else titles[:1]
        writers.save_png(out, picture(samples, samples, num_columns, shown))
    elif out.suffix:
        rows = Rows(shape, np.uint8 if is_images else np.float32, parts)
        of_classes = {} if labels is None else {"labels": labels}
        save_npz(out, {"images" if is_images else "points": rows, **of_classes})
    else:
        width = len(str(max(classes, default=0)))
        places = [""] * args.num
        if labels is not None and not args.flat:
            places = [f"{label:0{width}d}" for label in labels]
        save_folder(out, parts, places, suffix=args.format or "png")
        _write_manifest(out / MANIFEST, run, args)


def _write_manifest(path: Path, run: Loaded, args: argparse.Namespace) -> None:
    """What the images depend on: number i is sample i of these, however many are drawn."""
    from jaxgan.files.atomic import replacing
    from jaxgan.version import __version__

    asked = ("num", "seed", "label", "member", "truncation", "standing_statistics")
    said = {
        "run": str(run.saved.path.resolve()),
        "step": run.step,
        **{name: getattr(args, name) for name in asked},
        "ema": bool(run.state.ema),
        "jaxgan": __version__,
    }
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(said, indent=2) + "\n")


def _show(run: Loaded, args: argparse.Namespace, config: Config, out: Path) -> None:
    """What a game makes of real examples, beside them."""
    import jax

    from jaxgan import writers
    from jaxgan.data import to_uint8
    from jaxgan.run.evaluation import open_reference
    from jaxgan.run.previews import examples
    from jaxgan.sampling.pictures import side_by_side
    from jaxgan.writers.stored import save_npz

    source = open_reference(config, data_dir=args.data_dir)
    key = jax.random.key(args.seed)
    shown = run.panels(examples(key, source, args.num), key=key)
    if out.suffix.lower() == ".png":
        writers.save_png(out, side_by_side(shown, args.num))
    else:
        save_npz(out, {name.replace(".", "_"): to_uint8(x) for name, x in shown.items()})
