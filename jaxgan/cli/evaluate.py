"""`jaxgan evaluate`: measures a trained run against its data."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from jaxgan.cli import job
from jaxgan.cli.program import NONFINITE, add_trust, check_out, check_seed, whole
from jaxgan.cli.terminal import print_table, say, warn
from jaxgan.cli.trained import add_step, load_run
from jaxgan.core.errors import ConfigError, bad_value

if TYPE_CHECKING:
    from jaxgan.data import Source
    from jaxgan.evaluation import Evaluation

_DESCRIPTION = """\
Draws samples, compares them with the data, prints a table and writes DIR/evaluation.json, in which
every number says all that it depends on. Or measures samples that any program has made: --fake PATH
--real PATH. Names are those of the features: fd_digits-cnn; only the published Inception weights
give fid and kid."""


def add_parser(commands: Any) -> None:
    """Adds the command to the parser.

    Args:
      commands: argparse's sub-parsers.

    Example:
      >>> parser = argparse.ArgumentParser()
      >>> add_parser(parser.add_subparsers())
      >>> parser.parse_args(["evaluate", "--workdir", "a", "--metrics", "fd,kd"]).metrics
      'fd,kd'
    """
    parser = commands.add_parser(
        "evaluate",
        help="measure a trained run, or samples in files",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_what(parser)
    add_step(parser)
    parser.add_argument(
        "--metrics",
        metavar="A,B",
        help="which ones, or FILE.py:NAME (those that make sense for the data)",
    )
    parser.add_argument(
        "--features",
        default="auto",
        metavar="SPEC",
        help="auto, pixels, random-conv, classifier, inception[:FILE][,CONVENTION] or FILE.py:NAME "
        "(auto)",
    )
    parser.add_argument("--num-samples", type=int, default=5000, metavar="N", help="(5000)")
    parser.add_argument(
        "--num-real", type=int, metavar="N", help="real examples (all, at most 50,000)"
    )
    parser.add_argument(
        "--ema",
        action=argparse.BooleanOptionalAction,
        help="the generator's average, or the live one (the average where there is one)",
    )
    _add_draws(parser)
    parser.add_argument("--data-dir", metavar="DIR", help="where the data are now")
    parser.add_argument("--split", help="of the data, of tfds:NAME (that of the training)")
    parser.add_argument(
        "--cache-dir", type=Path, metavar="DIR", help="of features (~/.cache/jaxgan)"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="what to write (DIR/evaluation.json)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON rather than a table")
    job.add_flags(parser)
    add_trust(parser)
    parser.set_defaults(run=run)


def _add_what(parser: argparse.ArgumentParser) -> None:
    """What is measured: a run, or files."""
    parser.add_argument("--workdir", type=Path, metavar="DIR", help="a run's folder")
    parser.add_argument(
        "--fake",
        "--samples",
        metavar="PATH",
        help="samples of any program, instead of a run's: a folder, an archive or arrays, or "
        "KIND:PATH as data.source has it",
    )
    parser.add_argument(
        "--real", "--data", metavar="PATH", help="what these are compared with, likewise"
    )
    parser.add_argument(
        "--image-size", type=whole(1), metavar="N", help="of --fake and --real, both resized to it"
    )


def _add_draws(parser: argparse.ArgumentParser) -> None:
    """How samples are drawn, of which members, and how often."""
    parser.add_argument(
        "--truncation", type=float, metavar="T", help="redraw latents beyond T (none)"
    )
    parser.add_argument(
        "--standing-statistics",
        type=int,
        default=0,
        metavar="N",
        help="recompute batch statistics over N batches (0: as they were trained)",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of the latents (0)")
    parser.add_argument("--member", type=int, metavar="I", help="which of several seeds (0)")
    parser.add_argument(
        "--members",
        metavar="I,J",
        help="several of them, or all: means, standard deviations and the worst",
    )
    parser.add_argument(
        "--repeats",
        type=whole(1),
        default=1,
        metavar="N",
        help="measure with N seeds of the latents, from S on: means and standard deviations (1)",
    )


IN_FILES = ("fake", "real", "image_size")
DEFAULTS = {"step": "last", "standing_statistics": 0, "repeats": 1}
OF_RUNS = (
    *("step", "ema", "truncation", "standing_statistics", "member", "members", "repeats"),
    *("data_dir", "split"),
)


def run(args: argparse.Namespace) -> int:
    """Measures; see `jaxgan evaluate --help`.

    Args:
      args: as parsed.

    Returns:
      The exit code.

    Raises:
      ConfigError, DataError, EvaluationError, CheckpointError, ProcessError: for bad input.
    """
    from jaxgan.config.evaluation import asked_for
    from jaxgan.distributed import processes
    from jaxgan.evaluation import report
    from jaxgan.run.make import keep_compiled
    from jaxgan.run.saved import read_run

    check_seed(args.seed)
    if args.workdir is None:
        return _run_on_files(args)
    _check_left_out(args, IN_FILES, "as --workdir is given")
    if args.standing_statistics < 0:
        num = args.standing_statistics
        raise ConfigError(bad_value("standing_statistics", num, "at least 0"))
    saved = read_run(args.workdir, trust_code=args.trust_code)
    members = _parse_members(args)
    metrics = [] if args.metrics is None else args.metrics.split(",")
    asked = asked_for(metrics, args.features, Path.cwd())
    out = args.out or args.workdir / report.NAME
    check_out(out)
    keep_compiled()
    job.connect(args, saved.config["stall_timeout_seconds"])
    standing = args.standing_statistics
    loaded = load_run(saved, args, ema=args.ema is not False, standing_batches=standing)
    if args.ema and not loaded.state.ema:
        raise ConfigError(f"ema: {args.workdir} kept no average of the generator; leave --ema out")
    found = loaded.evaluate(
        metrics=asked.metrics,
        features=asked.features,
        data_dir=args.data_dir,
        split=args.split,
        num_samples=args.num_samples,
        num_real=args.num_real,
        seed=args.seed,
        repeats=args.repeats,
        members=members,
        truncation=args.truncation,
        cache_dir=args.cache_dir,
    )
    if not processes.is_first():
        return 0
    return _show(args, found, out, args.workdir / "evaluation")


def _parse_members(args: argparse.Namespace) -> list[int] | Literal["all"] | None:
    if args.members is not None and args.member is not None:
        raise ConfigError(f"{bad_value('member', args.member, 'left out')}, as --members is given")
    if args.members is None or args.members == "all":
        members: Literal["all"] | None = args.members
    elif all(one.isdecimal() for one in args.members.split(",")):
        return [int(one) for one in args.members.split(",")]
    else:
        raise ConfigError(bad_value("members", args.members, "all, or numbers with commas between"))
    return members


def _check_left_out(args: argparse.Namespace, names: Sequence[str], reason: str) -> None:
    for name in names:
        if (given := getattr(args, name)) != DEFAULTS.get(name):
            raise ConfigError(f"{bad_value(name, given, 'left out')}, {reason}")


def _run_on_files(args: argparse.Namespace) -> int:
    """Measures samples that are there already."""
    from jaxgan.config.evaluation import asked_for
    from jaxgan.distributed import processes
    from jaxgan.evaluation.samples import evaluate
    from jaxgan.features import weights
    from jaxgan.run.make import keep_compiled

    for name in ("fake", "real"):
        if getattr(args, name) is None:
            raise ConfigError(f"{name} is missing; give --workdir DIR, or --fake PATH --real PATH")
    _check_left_out(args, OF_RUNS, "as there is no --workdir")
    metrics = [] if args.metrics is None else args.metrics.split(",")
    asked = asked_for(metrics, args.features, Path.cwd())
    if args.out is not None:
        check_out(args.out)
    fake, real = (_open(name, getattr(args, name), args.image_size) for name in ("fake", "real"))
    keep_compiled()
    job.connect(args, 0)
    found = evaluate(
        fake,
        real,
        metrics=asked.metrics,
        features=asked.features,
        num_samples=args.num_samples,
        num_real=args.num_real,
        seed=args.seed,
        cache_dir=args.cache_dir or weights.cache_dir(),
    )
    if not processes.is_first():
        return 0
    out = args.out
    return _show(args, found, out, out and out.with_name(f"{out.stem}_pictures"))


def _open(name: str, path: str, image_size: int | None) -> Source:
    from jaxgan.data import Source, open_source, spec_of

    options = {} if image_size is None else {"image_size": image_size}
    try:
        source = open_source(spec_of(path), **options)
    except ImportError as error:
        raise ConfigError(f"{name}: {error}") from error
    if not isinstance(source, Source):
        raise ConfigError(bad_value(name, path, "data in files"))
    return source


def _show(
    args: argparse.Namespace, found: Evaluation, out: Path | None, pictures: Path | None
) -> int:
    """Writes pictures and scores, and prints the scores; the exit code."""
    from jaxgan import writers
    from jaxgan.evaluation import report

    scores = found.scores
    if out is not None:
        report.write_report(out, scores)
    paths = {} if pictures is None else {n: pictures / f"{n}.png" for n in found.pictures}
    for name, path in paths.items():
        writers.save_png(path, found.pictures[name])
    if args.json:
        print(json.dumps(report.as_json(scores)))
    else:
        print_table(report.as_table(scores))
        for path in paths.values():
            say(f"picture: {path}")
        if out is not None:
            say(f"written, with their protocols: {out}")
    if lost := [score.name for score in scores if math.isnan(score.value)]:
        warn(f"jaxgan: not a number: {', '.join(lost)}")
        return NONFINITE
    return 0
