"""`jaxgan futures`: what becomes of a run's checkpoints, and what would rescue it."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxgan.cli.program import add_trust, check_folder, whole
from jaxgan.cli.terminal import print_table, say
from jaxgan.core.errors import ConfigError

if TYPE_CHECKING:
    from jaxgan.run.futures import Futures, FuturesRun
    from jaxgan.training.collapse import NoReturn

_DESCRIPTION = """\
Plays many futures of a run's checkpoints side by side, each with other latents and other batches
from there on, and says what becomes of them: healthy, collapsed or diverged, as a share with its
95 % interval. Over several checkpoints that shows the step after which the run was lost, and
--intervention what would still rescue it. Writes futures.json and futures.png."""


def add_parser(commands: Any) -> None:
    """Adds the command to the parser.

    Args:
      commands: argparse's sub-parsers.

    Example:
      >>> parser = argparse.ArgumentParser()
      >>> add_parser(parser.add_subparsers())
      >>> args = parser.parse_args(["futures", "--workdir", "a", "--intervention", "loss=hinge"])
      >>> args.num, args.steps, args.intervention
      (32, 2000, ['loss=hinge'])
    """
    parser = commands.add_parser(
        "futures",
        help="what becomes of a checkpoint, as a distribution",
        description=_DESCRIPTION,
        allow_abbrev=False,
    )
    parser.add_argument("--workdir", required=True, type=Path, metavar="DIR", help="a run's folder")
    parser.add_argument(
        "--step",
        default="last",
        metavar="N",
        help="which checkpoints: a step, some with commas between, last or all (last)",
    )
    parser.add_argument(
        "--bisect",
        action="store_true",
        help="of all checkpoints take those that it needs to find the step after which the run was "
        "lost",
    )
    parser.add_argument(
        "--num", type=whole(1), default=32, metavar="N", help="futures of each checkpoint (32)"
    )
    parser.add_argument(
        "--steps", type=whole(1), default=2000, metavar="N", help="that each is played (2000)"
    )
    parser.add_argument(
        "--intervention",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="also play them with another config, such as optimizer.gen.learning_rate=1e-4; may be "
        "given several times, for one at a time",
    )
    parser.add_argument("--member", type=int, metavar="I", help="which, of a run of several seeds")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="the folder to write to (DIR/futures of the run)"
    )
    add_trust(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Plays the futures; see `jaxgan futures --help`.

    Args:
      args: as parsed.

    Returns:
      The exit code.

    Raises:
      ConfigError, DataError, CheckpointError: for bad input.
    """
    from jaxgan.run import futures_report
    from jaxgan.run.futures import FuturesRun
    from jaxgan.run.make import keep_compiled
    from jaxgan.run.members import num_modes_of
    from jaxgan.run.saved import read_run
    from jaxgan.training.collapse import NoReturn
    from jaxgan.writers import futures_png

    if args.bisect and args.step not in ("last", "all"):
        raise ConfigError(f"step is {args.step!r}; it must be left out, as --bisect is given")
    saved = read_run(args.workdir, trust_code=args.trust_code)
    out = args.out or args.workdir / futures_report.FOLDER
    check_folder("out", out, out)
    keep_compiled()
    played = FuturesRun(
        saved,
        num=args.num,
        num_steps=args.steps,
        interventions=args.intervention,
        member=args.member,
    )
    steps = played.steps("all" if args.bisect else args.step)
    played.check(steps)
    report: dict[str, Any] = {}

    def write(found: Sequence[Futures]) -> None:
        found_report = futures_report.as_report(found, num_modes_of(played.source))
        report.update({"num": args.num, "steps": args.steps, **found_report})
        futures_report.write_report(out / "futures.json", report)

    found = _play(played, steps, write, is_bisected=args.bisect)
    title = f"{args.num} futures of {args.steps} steps from each checkpoint"
    futures_png(out / "futures.png", report, title)
    _show(found, NoReturn(**report["no_return"]))
    say(f"written: {out / 'futures.json'}, {out / 'futures.png'}")
    return 0


def _play(
    played: FuturesRun,
    steps: Sequence[int],
    write: Callable[[Sequence[Futures]], None],
    *,
    is_bisected: bool,
) -> list[Futures]:
    """Those of all steps, or of those that a bisection looks at, in the order of the steps.

    What there is is written after each of them.
    """
    from jaxgan.training.collapse import Share, bisect

    found: list[Futures] = []

    def healthy(step: int) -> Share:
        several = played.futures(step)
        found.extend(several)
        found.sort(key=lambda one: one.step)
        write(found)
        return several[0].healthy

    if is_bisected:
        bisect(steps, healthy)
    else:
        for step in steps:
            healthy(step)
    return found


def _show(found: Sequence[Futures], lost: NoReturn) -> None:
    """Prints the table and the point of no return."""
    from rich import box
    from rich.table import Table

    names = ("step", "futures", "healthy", "P(healthy)", "95 % interval", "collapsed", "diverged")
    table = Table(*names, "such as", box=box.SIMPLE)
    for one in found:
        words = [outcome.word for outcome in one.outcomes]
        share = one.healthy
        usual = max(set(words), key=words.count)
        reason = next(outcome.reason for outcome in one.outcomes if outcome.word == usual)
        table.add_row(
            str(one.step),
            one.variant,
            f"{share.num} of {share.total}",
            f"{share.value:.2f}",
            f"{share.low:.2f} to {share.high:.2f}",
            str(words.count("collapsed")),
            str(words.count("diverged")),
            f"{usual}: {reason}",
        )
    print_table(table)
    for line in sentences(found, lost):
        say(line)


def sentences(found: Sequence[Futures], lost: NoReturn) -> list[str]:
    """What follows of some futures, in words.

    Args:
      found: the futures.
      lost: the point of no return of the untouched ones.

    Returns:
      Lines.

    Example:
      >>> from jaxgan.training.collapse import NoReturn
      >>> sentences([], NoReturn(after=100, by=200, is_sure=True))
      ['lost between step 100 and 200']
    """
    if lost.by is None:
        first = f"not lost: from step {lost.after} at least half of the futures are healthy"
    elif lost.after is None:
        first = f"at step {lost.by}, the first that was looked at, most futures are not healthy"
    else:
        first = f"lost between step {lost.after} and {lost.by}"
    lines = [first if lost.is_sure else f"{first}; more futures would make it sure"]
    untouched = {one.step: one for one in found if one.healthy.value < 0.5}
    names = dict.fromkeys(one.variant for one in found)
    for name in list(names)[1:]:
        steps = [
            one.step
            for one in found
            if one.variant == name and one.healthy.value >= 0.5 and one.step in untouched
        ]
        rescues = f"rescues it from step {', '.join(map(str, steps))}" if steps else "rescues none"
        lines.append(f"{name}: {rescues}")
    return lines
