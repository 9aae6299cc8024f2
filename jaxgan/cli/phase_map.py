"""`jaxgan map`: a phase diagram over a grid of a config's numbers, in one program."""

from __future__ import annotations

import argparse
import itertools
import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxgan.cli.program import add_trust, check_folder, whole
from jaxgan.core.errors import ConfigError, InputError, bad_value
from jaxgan.core.text import escaped

if TYPE_CHECKING:
    from jaxgan.run.map_axes import Split
    from jaxgan.run.map_search import Edge
    from jaxgan.run.phase_map import Cell, Player, Point

logger = logging.getLogger(__name__)

_DESCRIPTION = """\
Trains a config at every point of a grid, and says of each how many of its seeds converge, cycle,
collapse or diverge. DIR gets map.png, map.json, and played/ with what was played, so that the same
command goes on after an interruption.

  jaxgan map --config FILE --axis optimizer.gen.learning_rate=log:1e-4:1e-1:16 \\
      --axis field.consensus.gamma=log:1e-3:1e1:16 --seeds 4 --steps 2000 --out DIR

Numbers that a step takes as arrays are one compiled program; an axis of anything else, such as
unrolled.num_steps=list:0,1,5 or loss.name=list:hinge,minimax, is a program for each value, one
after the other. Any key of the config can be changed: --config.KEY=VALUE."""


MIN_STEPS = 4
"""Of a training, to say where it goes."""


def add_parser(commands: Any) -> None:
    """Adds the command to the parser.

    Args:
      commands: argparse's sub-parsers.

    Example:
      >>> parser = argparse.ArgumentParser()
      >>> add_parser(parser.add_subparsers())
      >>> flags = ["--config", "a.py", "--axis", "b=list:1,2", "--steps", "10", "--out", "c"]
      >>> parser.parse_args(["map", *flags]).axis
      ['b=list:1,2']
    """
    parser = commands.add_parser(
        "map",
        help="a phase diagram over a grid of hyper-parameters",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        usage="jaxgan map --config FILE[:ARG] --axis KEY=log:LOW:HIGH:NUM [--axis ...] "
        "--steps N --out DIR [--config.KEY=VALUE ...]",
    )
    parser.add_argument(
        "--config", required=True, metavar="FILE[:ARG]", help="config file, or a run's folder"
    )
    add_trust(parser)
    parser.add_argument(
        "--axis",
        required=True,
        action="append",
        metavar="AXIS",
        help="KEY=log:LOW:HIGH:NUM, KEY=linear:LOW:HIGH:NUM or KEY=list:A,B,C; several span a grid",
    )
    parser.add_argument("--seeds", type=whole(1), default=1, metavar="N", help="at each point (1)")
    parser.add_argument("--steps", type=whole(1), required=True, metavar="N", help="of training")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to write")
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--refine",
        type=whole(1),
        metavar="N",
        help="bisect the boundary between neighbors of different phases, so often",
    )
    how.add_argument(
        "--halving",
        metavar="METRIC:max|min",
        help="successive halving: the better half of the points goes on, for twice as many steps",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Maps; see `jaxgan map --help`.

    Args:
      args: as parsed.

    Returns:
      0.

    Raises:
      ConfigError, DataError, InputError: for bad input.
    """
    from jaxgan.config.base import plain
    from jaxgan.config.data import open_data
    from jaxgan.config.portable import portable
    from jaxgan.config.resolve import resolve
    from jaxgan.run.make import keep_compiled
    from jaxgan.run.map_axes import parse_axis, programs_of, split_axes
    from jaxgan.run.map_report import check_panels, write_map
    from jaxgan.run.phase_map import Player, check_program
    from jaxgan.run.saved import load_any_config
    from jaxgan.training.collapse.phases import PHASES

    axes = [parse_axis(text) for text in args.axis]
    check_panels(axes)
    score = _score_of(args.halving)
    check_folder("out", args.out, args.out)
    config = plain(load_any_config(args.config, args.overrides, trust_code=args.trust_code))
    if config.get("sweep"):
        raise ConfigError(bad_value("sweep", config["sweep"], "none: --axis says what is mapped"))
    about = {"name": Path(args.config).name, "seeds": args.seeds, "steps": args.steps}
    about["config"] = portable(resolve(config))[0]
    keep_compiled()
    split = split_axes(config, axes)
    programs = programs_of(split, config)
    if args.steps < MIN_STEPS:
        raise InputError(bad_value("steps", args.steps, f"at least {MIN_STEPS}"))
    players = [
        Player(full, open_data(full), args.seeds, args.out / "played") for _, full in programs
    ]
    for player in players:
        check_program(player, _points_of(split))
    cells: list[Cell] = []
    boundary: list[Edge] = []
    for number, ((named, _), player) in enumerate(zip(programs, players, strict=True)):
        said = ", ".join(f"{key}={value}" for key, value in named.items())
        logger.info("program %d of %d%s", number + 1, len(programs), said and f": {escaped(said)}")
        found, edges = _mapped(player, split, args, score)
        cells += [cell._replace(point={**cell.point, **named}) for cell in found]
        boundary += [edge._replace(point={**edge.point, **named}) for edge in edges]
    write_map(args.out, about, axes, cells, boundary)
    shares = {word: sum(cell.phase == word for cell in cells) for word in PHASES}
    logger.info("cells: %s", ", ".join(f"{num} {word}" for word, num in shares.items() if num))
    logger.info("map: %s", escaped(str(args.out / "map.png")))
    return 0


def _score_of(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    metric, _, best = text.rpartition(":")
    if not metric or best not in ("max", "min"):
        raise InputError(bad_value("halving", text, "METRIC:max or METRIC:min"))
    return metric, best


def _points_of(split: Split) -> list[Point]:
    keys = [axis.key for axis in split.numbers]
    values = itertools.product(*(axis.values for axis in split.numbers))
    return [dict(zip(keys, chosen, strict=True)) for chosen in values]


def _mapped(
    player: Player, split: Split, args: argparse.Namespace, score: tuple[str, str] | None
) -> tuple[list[Cell], list[Edge]]:
    """The cells of one program, and its boundary where that is asked for."""
    from jaxgan.run.map_search import edges, halve, refine
    from jaxgan.run.phase_map import kept, play_points

    points = _points_of(split)
    if score is not None:
        metric, best = score
        halved = partial(halve, player, points, args.steps, score=metric, best=best)
        return kept(player, points, args.steps, halved, halving=args.halving), []
    cells = play_points(player, points, args.steps)
    if not args.refine:
        return cells, []

    def phases_at(points: Sequence[Point]) -> list[str]:
        return [cell.phase for cell in play_points(player, points, args.steps)]

    found = edges(cells, split.numbers)
    logger.info("%d pairs of neighbors are of different phases", len(found))
    return cells, refine(found, split.numbers, phases_at, num_rounds=args.refine)
