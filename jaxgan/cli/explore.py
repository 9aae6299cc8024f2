"""`jaxgan explore`: pictures of what a generator's latents do."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from jaxgan.cli.program import check_out, check_seed
from jaxgan.cli.terminal import say
from jaxgan.cli.trained import add_run, load_run
from jaxgan.core.errors import bad_value

if TYPE_CHECKING:
    import numpy as np

    from jaxgan.core.state import TrainState
    from jaxgan.run.saved import SavedRun
    from jaxgan.sampling.explore import Explorer

_DESCRIPTION = """\
Writes DIR/explore/WHAT.png, and more; or serves a page:
  interpolate  from sample to sample; also interpolate.gif (or .mp4, see --out)
  arithmetic   a - b + c of mean latents, and the picture of the sum
  truncation   the same samples under stronger truncation, with a table of quality and diversity
  traverse     one code, or element of the latent, at a time
  mixing       styles of one sample in some layers, of another in the rest
  serve        a local page with sliders, of this machine alone; ends with Ctrl-C"""

# Of each: its own options and their defaults.
OPTIONS: dict[str, dict[str, Any]] = {
    "interpolate": {"frames": 9, "path": "spherical", "space": "z"},
    "arithmetic": {"a": None, "b": None, "c": None},
    "truncation": {
        "values": "0.25,0.5,0.75,1,1.5,2",
        "metrics": "prdc",
        "num_samples": 1000,
        "data_dir": None,
    },
    "traverse": {"codes": None, "frames": 10},
    "mixing": {"layers": None},
    "serve": {"port": 0, "no_browser": False},
}


class Asked(NamedTuple):
    """What is to be shown, of what."""

    explorer: Explorer
    num: int
    seed: int
    label: int
    own: dict[str, Any]
    out: Path
    saved: SavedRun
    state: TrainState
    member: int | None

    @property
    def of(self) -> str:
        """What all of a picture has in common."""
        parts = [f"step {int(self.state.step)}", f"seed {self.seed}"]
        if self.saved.num_classes:
            names = self.saved.class_names
            parts.append(f"class {names[self.label] if names else self.label}")
        return ", ".join(parts)


def add_parser(commands: Any) -> None:
    """Adds the command to the parser.

    Args:
      commands: argparse's sub-parsers.

    Example:
      >>> parser = argparse.ArgumentParser()
      >>> add_parser(parser.add_subparsers())
      >>> parser.parse_args(["explore", "traverse", "--workdir", "a", "--codes", "0,1"]).codes
      '0,1'
    """
    parser = commands.add_parser(
        "explore",
        help="look around in a run's latent space",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("what", choices=sorted(OPTIONS), metavar="WHAT", help="one of the above")
    add_run(parser)
    parser.add_argument("--num", type=int, default=8, metavar="N", help="samples in it (8)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of the latents (0)")
    parser.add_argument(
        "--label", type=int, metavar="L", help="of a conditional run: its class (0)"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help=".png, .gif or .mp4")
    way = parser.add_argument_group("interpolate; --frames of traverse too")
    way.add_argument("--frames", type=int, metavar="N", help="images in a row (9)")
    way.add_argument("--path", metavar="P", help="spherical or linear (spherical)")
    way.add_argument("--space", metavar="X", help="z, or w for styles (z)")
    sums = parser.add_argument_group("arithmetic")
    for name in "abc":
        sums.add_argument(
            f"--{name}", metavar="WHICH", help="samples by number (1,4,7), or all of class:K"
        )
    cut = parser.add_argument_group("truncation")
    cut.add_argument("--values", metavar="A,B", help=f"({OPTIONS['truncation']['values']})")
    cut.add_argument("--metrics", metavar="A,B", help="of the table, or none (prdc)")
    cut.add_argument("--num-samples", type=int, metavar="N", help="measured for each value (1000)")
    cut.add_argument("--data-dir", metavar="DIR", help="where the data are now")
    parser.add_argument("--codes", metavar="A,B", help="traverse: which, by name or number")
    parser.add_argument("--layers", metavar="A-B", help="mixing: of the rows (the first half)")
    page = parser.add_argument_group("serve")
    page.add_argument("--port", type=int, metavar="N", help="of 127.0.0.1 (0: a free one)")
    page.add_argument("--no-browser", action="store_true", default=None, help="open none")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Explores; see `jaxgan explore --help`.

    Args:
      args: as parsed.

    Returns:
      The exit code.

    Raises:
      ConfigError, CheckpointError, ExploreError: for bad input.
    """
    from jaxgan.cli import explore_serve
    from jaxgan.config.games import has_normal_latents
    from jaxgan.run.make import keep_compiled
    from jaxgan.run.saved import read_run
    from jaxgan.sampling.explore import ExploreError, make_explorer

    own = _own_options(args)
    saved = read_run(args.workdir, trust_code=args.trust_code)
    if saved.row.from_real:
        raise ExploreError(
            f"explore: game {saved.config['game']['name']!r} makes images of images; it has no "
            "latents"
        )
    label = _label(args.label, saved.num_classes)
    keep_compiled()
    loaded = load_run(saved, args, ema=not args.no_ema)
    explorer = make_explorer(
        loaded.game,
        loaded.state,
        saved.spec,
        num_classes=saved.num_classes,
        codes=saved.row.codes(saved.config),
        is_normal=has_normal_latents(saved.config),
    )
    out = args.out or args.workdir / "explore" / f"{args.what}.png"
    draw = {
        "interpolate": _interpolate,
        "arithmetic": _arithmetic,
        "truncation": _truncation,
        "traverse": _traverse,
        "mixing": _mixing,
        "serve": explore_serve.serve,
    }[args.what]
    given = explorer, args.num, args.seed, label, own, out, saved, loaded.state, args.member
    draw(Asked(*given))
    return 0


def _own_options(args: argparse.Namespace) -> dict[str, Any]:
    """The options of what is asked for; those of another are refused."""
    from jaxgan.sampling.explore import ExploreError

    known = OPTIONS[args.what]
    others = {name for options in OPTIONS.values() for name in options} - set(known)
    for name in sorted(others):
        if (value := getattr(args, name)) is not None:
            flag = name.replace("_", "-")
            raise ExploreError(f"{flag} is {value!r}; {args.what} has no such option")
    check_seed(args.seed)
    if args.num < 1:
        raise ExploreError(bad_value("num", args.num, "at least 1"))
    suffixes = (".png", ".gif", ".mp4") if args.what == "interpolate" else (".png",)
    if args.out is not None and args.out.suffix.lower() not in suffixes:
        raise ExploreError(bad_value("out", args.out, f"a {' or '.join(suffixes)} file"))
    if args.out is not None:
        if args.what == "serve":
            raise ExploreError(f"out is {str(args.out)!r}; serve has no such option")
        check_out(args.out)
    return {
        name: default if getattr(args, name) is None else getattr(args, name)
        for name, default in known.items()
    }


def _label(asked: int | None, num_classes: int | None) -> int:
    from jaxgan.sampling.explore import ExploreError

    if asked is not None and num_classes is None:
        raise ExploreError(f"label is {asked}; the run is unconditional")
    if asked is not None and not 0 <= asked < (num_classes or 0):
        raise ExploreError(bad_value("label", asked, f"from 0 to {(num_classes or 0) - 1}"))
    return asked or 0


def _save(
    asked: Asked,
    images: np.ndarray,
    title: str,
    *,
    columns: Sequence[str] = (),
    rows: Sequence[str] = (),
) -> None:
    """A grid with a row for each row, and what it shows around it."""
    from jaxgan import writers

    flat = images.reshape(-1, *images.shape[2:])
    grid = writers.image_grid(flat, columns=images.shape[1])
    title = f"{title}; {asked.of}"
    writers.save_png(asked.out, writers.lettered(grid, title=title, columns=columns, rows=rows))
    say(f"picture: {asked.out}")


def _interpolate(asked: Asked) -> None:
    import numpy as np

    from jaxgan import writers
    from jaxgan.sampling.explore import ExploreError, interpolate

    latents, labels = asked.explorer.draw(asked.seed, asked.num), np.full(asked.num, asked.label)
    how = {"path": asked.own["path"], "space": asked.own["space"]}
    rows = interpolate(asked.explorer, latents, labels, num_frames=asked.own["frames"], **how)
    is_still = asked.out.suffix.lower() == ".png"
    if is_still:
        num, frames, space = asked.num, asked.own["frames"], asked.own["space"]
        title = f"{how['path']} interpolation of {'styles' if space == 'w' else 'latents'}"
        names = [f"{i} to {(i + 1) % num}" for i in range(num)]
        shares = [f"{i / frames:.2f}" for i in range(frames)]
        _save(asked, rows, title, columns=shares, rows=names)
    moving = asked.out.with_suffix(".gif") if is_still else asked.out
    # One image that walks through all samples, and comes back to the first.
    walk = rows.reshape(-1, *rows.shape[2:])
    try:
        writers.save_animation(moving, [writers.image_grid(frame[None]) for frame in walk])
    except ImportError as error:
        raise ExploreError(f"out is {str(moving)!r}; {error}") from error
    say(f"animation: {moving}")


def _arithmetic(asked: Asked) -> None:
    import numpy as np

    from jaxgan.sampling.explore import ExploreError, arithmetic

    terms = []
    for name in "abc":
        if asked.own[name] is None:
            raise ExploreError(f"{name}: missing; give samples by number (1,4,7), or class:K")
        terms.append(_chosen(asked, name))
    images, _ = arithmetic(asked.explorer, terms, np.full(1, asked.label), asked.num)
    names = [f"{name} = {asked.own[name]}" for name in "abc"]
    title = "a - b + c of mean latents: each mean, then its samples; at last the sum and neighbors"
    columns = ["mean", *("" for _ in range(asked.num))]
    _save(asked, images, title, columns=columns, rows=[*names, "a - b + c"])


def _chosen(asked: Asked, name: str) -> np.ndarray:
    """Latents of samples, by number or by what a classifier takes them for."""
    import numpy as np

    from jaxgan.sampling.explore import ExploreError

    text, seed = asked.own[name], asked.seed
    kind, _, number = text.partition(":")
    try:
        numbers = [int(number)] if kind == "class" else [int(one) for one in text.split(",")]
    except ValueError as error:
        raise ExploreError(bad_value(name, text, "1,4,7 or class:K")) from error
    if min(numbers) < 0 or max(numbers) >= 4096:
        raise ExploreError(bad_value(name, text, "numbers from 0 to 4095"))
    if kind != "class":
        return asked.explorer.draw(seed, max(numbers) + 1)[numbers]
    if asked.explorer.num_classes is not None:
        raise ExploreError(
            f"{name} is {text!r}; latents of a conditional run say nothing of classes"
        )
    import jax.numpy as jnp

    from jaxgan.features import open_features
    from jaxgan.run.evaluation import open_reference

    source = open_reference(asked.saved.config)
    if source.num_classes is None or numbers[0] >= source.num_classes:
        known = source.num_classes
        allowed = f"classes are 0 to {known - 1}" if known else f"{source.name} has no classes"
        raise ExploreError(f"{name} is {text!r}; {allowed}")
    features = open_features("classifier", source=source)
    latents: np.ndarray = asked.explorer.draw(seed, 256)
    images = asked.explorer.render({"latent": latents}, np.full(256, asked.label))
    logits = features.apply(features.params, jnp.asarray(images))["logits"]
    latents = latents[np.asarray(logits).argmax(axis=1) == numbers[0]]
    if not len(latents):
        raise ExploreError(f"{name} is {text!r}; none of 256 samples is of that class")
    return latents


def _truncation(asked: Asked) -> None:
    import numpy as np

    from jaxgan.files.atomic import replacing
    from jaxgan.sampling.explore import ExploreError, truncation

    try:
        values = [float(one) for one in asked.own["values"].split(",")]
    except ValueError as error:
        raise ExploreError(bad_value("values", asked.own["values"], "numbers, 0.5,1")) from error
    latents, labels = asked.explorer.draw(asked.seed, asked.num), np.full(asked.num, asked.label)
    images = truncation(asked.explorer, latents, labels, values)
    title = "the same samples under truncation ψ of the "
    title += "latents" if asked.explorer.styles is None else "styles"
    _save(asked, images, title, rows=[f"ψ = {value:g}" for value in values])
    if asked.own["metrics"] == "none":
        return
    rows = [{"truncation": value, **_measured(asked, value)} for value in values]
    with replacing(asked.out.with_suffix(".json")) as temporary:
        temporary.write_text(json.dumps(rows, indent=2) + "\n")
    say("  ".join(f"{name:>22}" for name in rows[0]))
    for row in rows:
        say("  ".join(f"{value:22.4f}" for value in row.values()))
    say(f"table: {asked.out.with_suffix('.json')}")


def _measured(asked: Asked, value: float) -> dict[str, float]:
    from jaxgan import distributed
    from jaxgan.evaluation import Options
    from jaxgan.evaluation.progress import make_progress
    from jaxgan.run.evaluation import make_run_evaluator, open_reference

    options = Options(
        metrics=tuple(asked.own["metrics"].split(",")),
        num_samples=asked.own["num_samples"],
        truncation=value,
    )
    saved = asked.saved
    source = open_reference(saved.config, data_dir=asked.own["data_dir"])
    mesh = distributed.make_mesh()
    evaluator = make_run_evaluator(
        saved.config,
        saved.game,
        saved.spec,
        source,
        mesh,
        options,
        class_names=saved.class_names,
    )
    scores = evaluator.evaluate(asked.state, make_progress()).scores
    return {score.name: score.value for score in scores}


def _traverse(asked: Asked) -> None:
    from jaxgan.sampling.explore import traverse

    codes = asked.own["codes"].split(",") if asked.own["codes"] else ()
    latent = asked.explorer.draw(asked.seed, 1)[0]
    images, names = traverse(asked.explorer, latent, asked.label, codes, asked.own["frames"])
    title = "one part of the latent at a time: from -2 to 2, or each of its values"
    _save(asked, images, title, rows=[f"latent {n}" if n.isdecimal() else n for n in names])
    say(f"rows: {', '.join(names)}")


def _mixing(asked: Asked) -> None:
    from jaxgan.sampling.explore import ExploreError, mixing

    layers = None
    if asked.own["layers"] is not None:
        first, _, last = asked.own["layers"].partition("-")
        try:
            layers = (int(first), int(last or first))
        except ValueError as error:
            raise ExploreError(bad_value("layers", asked.own["layers"], "A-B, as 0-3")) from error
    latents = asked.explorer.draw(asked.seed, 2 * asked.num)
    rows, columns = latents[: asked.num], latents[asked.num :]
    images = mixing(asked.explorer, rows, columns, asked.label, layers)
    which = asked.own["layers"] or "of the first half"
    title = f"styles of the left column in layers {which}, of the top row in the others"
    names = [f"sample {number}" for number in range(asked.num)]
    tops = [f"sample {number}" for number in range(asked.num, 2 * asked.num)]
    _save(asked, images, title, columns=["", *tops], rows=["", *names])
