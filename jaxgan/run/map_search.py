"""Where to look closer on a map: the boundary between phases, and the better half of the points."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from jaxgan.core.errors import InputError, bad_value
from jaxgan.run.map_axes import Axis
from jaxgan.run.phase_map import LINES, Cell, Members, Player, Point, lines_every
from jaxgan.training.members import Line


def halve(
    player: Player, points: Sequence[Point], num_steps: int, *, score: str, best: str
) -> list[Cell]:
    """Successive halving: the better half of the points goes on, for twice as many steps.

    Args:
      player: the program.
      points: values of its numbers.
      num_steps: of those that stay to the end.
      score: the metric of a line by which points are compared, as the mean over their seeds.
      best: `"max"` or `"min"`.

    Returns:
      A cell for each point, as it was when it was left.

    Raises:
      InputError: if there is no such metric, or nothing to halve.

    Example:
      See `jaxgan.cli.phase_map`.

    References:
      Jamieson & Talwalkar, 2016 (arXiv:1502.07943), algorithm 1.
    """
    rounds = min(math.ceil(math.log2(len(points))), int(math.log2(max(1, num_steps // LINES))))
    if rounds < 1:
        raise InputError(
            f"halving: {len(points)} points of {num_steps} steps have no half to leave; it takes 2 "
            f"points or more, and {2 * LINES} steps"
        )
    first = num_steps // 2**rounds
    ends = [*(first * 2**r for r in range(rounds)), num_steps]
    every = lines_every(math.gcd(first, ends[-1] - ends[-2]))
    members, done = Members(player, points), 0
    at = list(range(len(points)))
    lines: list[list[Line]] = [[] for _ in range(len(points) * player.num_seeds)]
    found: dict[int, Cell] = {}
    for end in ends:
        new = members.advance(end - done, every)
        lines, done = [[*old, *more] for old, more in zip(lines, new, strict=True)], end
        cells = members.cells(lines, done)
        found |= dict(zip(at, cells, strict=True))
        if done == num_steps or len(at) == 1:
            break
        order = sorted(range(len(at)), key=lambda i: _rank(cells[i], score, best))
        chosen = sorted(order[: math.ceil(len(at) / 2)])
        num = player.num_seeds
        lines = [line for i in chosen for line in lines[i * num : (i + 1) * num]]
        members, at = members.keep(chosen), [at[i] for i in chosen]
    return [found[index] for index in range(len(points))]


def _rank(cell: Cell, score: str, best: str) -> float:
    if score not in cell.scores and cell.phase != "diverges":
        raise InputError(bad_value("halving", score, sorted(cell.scores)))
    value = cell.scores.get(score, math.nan)
    if math.isnan(value) or cell.phase == "diverges":
        return math.inf
    return -value if best == "max" else value


class Edge(NamedTuple):
    """A piece of a boundary: between two points that differ in one number, and in their phase.

    Attributes:
      point: the other values.
      key: of the number.
      low: the point below.
      high: the point above.
      phases: at both.
    """

    point: Point
    key: str
    low: float
    high: float
    phases: tuple[str, str]


def edges(cells: Iterable[Cell], axes: Sequence[Axis]) -> list[Edge]:
    """Neighbors of a grid that are of different phases.

    Args:
      cells: of the whole grid.
      axes: of numbers.

    Returns:
      An `Edge` for each pair.

    Example:
      >>> cells = [Cell({"a": x}, {p: 1.0}, {}, 1, []) for x, p in
      ...          [(1.0, "converges"), (2.0, "converges"), (3.0, "diverges")]]
      >>> edges(cells, [Axis("a", (1.0, 2.0, 3.0), "linear")])
      [Edge(point={}, key='a', low=2.0, high=3.0, phases=('converges', 'diverges'))]
    """
    by_point = {_named(cell.point): cell for cell in cells}
    found = []
    for cell in by_point.values():
        for axis in axes:
            at = axis.values.index(cell.point[axis.key])
            if at + 1 == len(axis.values):
                continue
            beside = {**cell.point, axis.key: axis.values[at + 1]}
            other = by_point.get(_named(beside))
            if other is not None and other.phase != cell.phase:
                rest = {key: value for key, value in cell.point.items() if key != axis.key}
                low, high = float(axis.values[at]), float(axis.values[at + 1])
                found.append(Edge(rest, axis.key, low, high, (cell.phase, other.phase)))
    return found


def _named(point: Mapping[str, Any]) -> str:
    return json.dumps(point, sort_keys=True)


def refine(
    found: Sequence[Edge],
    axes: Sequence[Axis],
    phases_at: Callable[[Sequence[Point]], Sequence[str]],
    *,
    num_rounds: int,
) -> list[Edge]:
    """Bisects edges: their middles are played side by side, round after round.

    Args:
      found: as `edges` gives them.
      axes: of numbers; the middle of two is geometric where an axis is logarithmic.
      phases_at: points -> the phase of each.
      num_rounds: how often.

    Returns:
      The edges, each 2^num_rounds times as narrow.

    Example:
      >>> axis = Axis("a", (0.0, 1.0), "linear")
      >>> edge = Edge({}, "a", 0.0, 1.0, ("converges", "diverges"))
      >>> rule = lambda points: ["converges" if p["a"] < 0.3 else "diverges" for p in points]
      >>> (found,) = refine([edge], [axis], rule, num_rounds=10)
      >>> found.low < 0.3 <= found.high, round(found.high - found.low, 4)
      (True, 0.001)
    """
    kinds, now = {axis.key: axis.kind for axis in axes}, list(found)
    for _ in range(num_rounds if now else 0):
        middles = [
            math.sqrt(one.low * one.high) if kinds[one.key] == "log" else (one.low + one.high) / 2
            for one in now
        ]
        points = [{**one.point, one.key: at} for one, at in zip(now, middles, strict=True)]
        now = [
            one._replace(low=at)
            if phase == one.phases[0]
            else one._replace(high=at, phases=(one.phases[0], phase))
            for one, at, phase in zip(now, middles, phases_at(points), strict=True)
        ]
    return now
