"""A phase diagram over a grid of a config's numbers, in as few programs as that takes."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgan.config import grid
from jaxgan.config.base import Config
from jaxgan.config.games import named
from jaxgan.config.portable import portable
from jaxgan.core.algorithm import Algorithm
from jaxgan.core.errors import ConfigError
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Batch
from jaxgan.data import DeviceSource, Source, record_of
from jaxgan.files import read_json
from jaxgan.files.atomic import replacing
from jaxgan.run.map_motion import (
    is_a_point,
    multipliers_at_origin,
    rests_at_origin,
    with_motion,
)
from jaxgan.run.members import (
    check_playable,
    check_room,
    make_batches,
    make_look,
    make_one,
    num_modes_of,
)
from jaxgan.training.collapse.phases import PHASES, Phase, phase
from jaxgan.training.members import Line, forever, play
from jaxgan.transforms import vectorized
from jaxgan.version import __version__

LINES = 20
"""So many lines of a training are looked at, at least."""

Point = dict[str, Any]


class Cell(NamedTuple):
    """A point of a map.

    Attributes:
      point: values by key.
      shares: of its seeds, by phase.
      scores: of the last line, means over the seeds that have them.
      steps: that were trained.
      reasons: of each seed.
      multiplier: the largest |μ| of a step at the origin, of a game whose equilibrium that is.
    """

    point: Point
    shares: dict[str, float]
    scores: dict[str, float]
    steps: int
    reasons: list[str]
    multiplier: float | None = None

    @property
    def phase(self) -> Phase:
        """That of most seeds."""
        return max(PHASES, key=lambda one: self.shares.get(one, 0.0))


class Player(NamedTuple):
    """What plays points of one program.

    Attributes:
      config: complete.
      source: the data.
      num_seeds: members at each point.
      folder: where what was played is kept, and found again.
    """

    config: Config
    source: Source | DeviceSource
    num_seeds: int
    folder: Path


def play_points(player: Player, points: Sequence[Point], num_steps: int) -> list[Cell]:
    """Plays points side by side in one program, unless that was done before.

    Args:
      player: the program.
      points: values of its numbers; at least one.
      num_steps: of each.

    Returns:
      What became of each.

    Raises:
      ConfigError: if they are too many for the memory.

    Example:
      See `jaxgan.cli.phase_map`.
    """
    return kept(player, points, num_steps, lambda: _play(player, points, num_steps))


def check_program(player: Player, points: Sequence[Point]) -> None:
    """Raises unless the points of a program can be played; nothing is compiled.

    Args:
      player: the program.
      points: values of its numbers; at least one.

    Raises:
      ConfigError: naming what does not fit.

    Example:
      See `jaxgan.cli.phase_map`.
    """
    config, source = player.config, player.source
    if len(phases := named(config).phases(config)) > 1:
        raise ConfigError(f"game has {len(phases)} phases; a map takes games of one")
    one = make_one(grid.at_point(config, points[0]), source)
    check_playable(one, config, source)
    like = jax.eval_shape(one.init, jax.random.key(0))
    check_room(like, len(points) * player.num_seeds, "the number of members")


def kept(
    player: Player,
    points: Sequence[Point],
    num_steps: int,
    compute: Callable[[], list[Cell]],
    **how: Any,
) -> list[Cell]:
    """What a file says, named by the digest of all that it depends on; it is made if need be.

    Args:
      player: the program.
      points: values of its numbers.
      num_steps: of each.
      compute: plays them.
      **how: what else the cells depend on.

    Returns:
      The cells.

    Example:
      See `jaxgan.cli.phase_map`.
    """
    asked = {
        **how,
        "version": __version__,
        "config": portable(player.config)[0],
        "points": list(points),
        "seeds": player.num_seeds,
        "data": record_of(player.source),
        "steps": num_steps,
    }
    text = json.dumps(asked, sort_keys=True)
    path = player.folder / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"
    if path.is_file():
        return [Cell(**cell) for cell in read_json(path, list[dict[str, Any]])]
    cells = compute()
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_text(json.dumps([cell._asdict() for cell in cells]) + "\n")
    return cells


def _play(player: Player, points: Sequence[Point], num_steps: int) -> list[Cell]:
    members = Members(player, points)
    lines = members.advance(num_steps)
    return members.cells(lines, num_steps)


def lines_every(num_steps: int) -> int:
    """Steps between two lines: as many as divide the steps and give `LINES` lines or more.

    Args:
      num_steps: of the training.

    Returns:
      Their number.

    Example:
      >>> lines_every(500), lines_every(1000), lines_every(7)
      (25, 50, 1)
    """
    most = max(1, num_steps // LINES)
    return max(every for every in range(1, most + 1) if num_steps % every == 0)


class Members:
    """Points with their seeds, side by side in one program, which can be played on in parts.

    Args:
      player: the program.
      points: values of its numbers.
    """

    def __init__(self, player: Player, points: Sequence[Point]) -> None:
        self.player, self.points = player, list(points)
        config, source = player.config, player.source
        self._by_motion = is_a_point(source)

        def make(**numbers: Any) -> Algorithm:
            made = make_one(grid.at_point(config, numbers), source)
            return with_motion(made, from_origin=self._at_origin) if self._by_motion else made

        self._at_origin = False
        self._make, self._one = make, make()
        self._at_origin = self._by_motion and rests_at_origin(self._one, self._batch())
        keys = list(points[0])
        repeated = {k: np.repeat([point[k] for point in points], player.num_seeds) for k in keys}
        seeds = np.tile(np.arange(player.num_seeds), len(points))
        self._many = vectorized(make, seeds=seeds, own_batches=False, **repeated)
        self._init = jax.jit(self._many.init)
        self.state: TrainState = self._init(jax.random.key(config["seed"]))

    def advance(self, num_steps: int, every: int | None = None) -> list[list[Line]]:
        """Plays on.

        Args:
          num_steps: how many steps.
          every: steps between two lines; see `lines_every` for the default.

        Returns:
          The lines of each member.
        """
        config, source = self.player.config, self.player.source
        every = every or lines_every(num_steps)
        first = int(self.state.step) * math.prod(self._one.num_batches)
        look = None
        if not self._by_motion:
            game = self._one.field.game
            look = make_look(config, game, source)
        self.state, lines = play(
            self._many,
            self.state,
            self._batches(every, first),
            num_steps=num_steps,
            log_every_steps=every,
            look=look,
            look_every_steps=max(every, num_steps // (5 * every) * every),
        )
        return lines

    def _multipliers(self) -> np.ndarray | None:
        numbers = {key: np.array([p[key] for p in self.points]) for key in self.points[0]}
        if not numbers:
            numbers = {"": np.zeros(len(self.points))}
            return multipliers_at_origin(lambda **_: self._one, numbers, self._batch())
        return multipliers_at_origin(self._make, numbers, self._batch())

    def _batch(self) -> Batch:
        """One, as a step takes it."""
        batch: Batch = jax.tree.map(lambda x: x[0], next(self._batches(self._one.num_steps)))
        return batch

    def _batches(self, every: int, first: int = 0) -> Iterator[Any]:
        config, source = self.player.config, self.player.source
        if not source.element_spec:
            return forever()
        return make_batches(config, source, self._one, num_steps=every, first=first)

    def keep(self, chosen: Sequence[int]) -> Members:
        """Some of the points, as far as they have come.

        Args:
          chosen: their places.

        Returns:
          Members that go on from there.
        """
        found = Members(self.player, [self.points[index] for index in chosen])
        num = self.player.num_seeds
        at = np.concatenate([np.arange(index * num, (index + 1) * num) for index in chosen])
        fields = self.state._asdict()
        step = fields.pop("step")
        found.state = TrainState(step=step, **jax.tree.map(lambda x: x[at], fields))
        return found

    def cells(self, lines: Sequence[Sequence[Line]], num_steps: int) -> list[Cell]:
        """What became of each point.

        Args:
          lines: of each member, all that it has logged.
          num_steps: trained in all.

        Returns:
          A cell for each.
        """
        num, modes = self.player.num_seeds, num_modes_of(self.player.source)
        radii = self._multipliers() if self._at_origin else None
        cells = []
        for index, point in enumerate(self.points):
            own = lines[index * num : (index + 1) * num]
            radius = None if radii is None else float(radii[index])
            found = [phase(one, num_modes=modes, multiplier=radius) for one in own]
            words = [one.phase for one in found]
            shares: dict[str, float] = {w: words.count(w) / num for w in PHASES if w in words}
            reasons = [one.reason for one in found]
            cells.append(Cell(dict(point), shares, _means(own), num_steps, reasons, radius))
        return cells


def _means(lines: Sequence[Sequence[Line]]) -> dict[str, float]:
    """Of the last value of each metric, over those seeds whose is finite."""
    last: dict[str, list[float]] = {}
    for one in lines:
        newest = dict(itertools.chain.from_iterable(line.items() for line in one))
        for name, value in newest.items():
            if name != "step" and math.isfinite(value):
                last.setdefault(name, []).append(value)
    return {name: sum(values) / len(values) for name, values in last.items()}
