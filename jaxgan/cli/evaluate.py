"""`jaxgan evaluate`: measures a trained run against its data."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxgan.cli import job
from jaxgan.cli.program import NONFINITE, add_trust, check_out, check_seed
from jaxgan.cli.terminal import print_table, say, warn
from jaxgan.core.errors import bad_value

if TYPE_CHECKING:
    from jaxgan.evaluation import Evaluation

_DESCRIPTION = """\
Draws samples, compares them with the data, prints a table and writes DIR/evaluation.json, in which
every number says all that it depends on. Names are those of the features: fd_digits-cnn; only the
published Inception weights give fid and kid."""


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
        help="measure a trained run",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--workdir", required=True, type=Path, metavar="DIR", help="a run's folder")
    parser.add_argument(
        "--step", default="last", metavar="N", help="which checkpoint: a step, best or last (last)"
    )
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
    from jaxgan.core.errors import ConfigError
    from jaxgan.distributed import processes
    from jaxgan.evaluation import report
    from jaxgan.run.load import load
    from jaxgan.run.make import keep_compiled
    from jaxgan.run.saved import read_run

    check_seed(args.seed)
    if args.standing_statistics < 0:
        num = args.standing_statistics
        raise ConfigError(bad_value("standing_statistics", num, "at least 0"))
    saved = read_run(args.workdir, trust_code=args.trust_code)
    metrics = [] if args.metrics is None else args.metrics.split(",")
    asked = asked_for(metrics, args.features, Path.cwd())
    out = args.out or args.workdir / report.NAME
    check_out(out)
    keep_compiled()
    job.connect(args, saved.config["stall_timeout_seconds"])
    try:
        loaded = load(
            saved,
            step=args.step,
            member=args.member,
            ema=args.ema is not False,
            standing_batches=args.standing_statistics,
        )
    except ValueError as error:
        raise ConfigError(str(error)) from error
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
        truncation=args.truncation,
        cache_dir=args.cache_dir,
    )
    if not processes.is_first():
        return 0
    report.write_report(out, found.scores)
    return _show(args, found, out)


def _show(args: argparse.Namespace, found: Evaluation, out: Path) -> int:
    """Pictures beside the run, and scores on the terminal; the exit code."""
    from jaxgan import writers
    from jaxgan.evaluation import report

    scores = found.scores
    for name, pixels in found.pictures.items():
        writers.save_png(args.workdir / "evaluation" / f"{name}.png", pixels)
    if args.json:
        print(json.dumps(report.as_json(scores)))
    else:
        print_table(report.as_table(scores))
        for name in found.pictures:
            say(f"picture: {args.workdir / 'evaluation' / name}.png")
        say(f"written, with their protocols: {out}")
    if lost := [score.name for score in scores if math.isnan(score.value)]:
        warn(f"jaxgan: not a number: {', '.join(lost)}")
        return NONFINITE
    return 0
