"""What becomes of a run's checkpoint: many futures of it, and what an intervention does to them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np

from jaxgan.checkpoint.checkpointer import Checkpoints
from jaxgan.config import grid
from jaxgan.config.base import Config, with_flags
from jaxgan.config.data import open_data
from jaxgan.config.games import named
from jaxgan.config.resolve import FREE_KEYS, make_section, resolve
from jaxgan.core.algorithm import Algorithm
from jaxgan.core.checks import first_difference
from jaxgan.core.errors import ConfigError, bad_value
from jaxgan.core.state import TrainState
from jaxgan.data import DeviceSource, Source, record_of
from jaxgan.run import directory
from jaxgan.run.evaluation import open_reference
from jaxgan.run.members import (
    check_playable,
    check_room,
    make_batches,
    make_look,
    make_one,
    make_scores,
    num_modes_of,
)
from jaxgan.run.saved import SavedRun
from jaxgan.training.collapse import Outcome, Share, outcome, share_of
from jaxgan.training.members import Line, Look, Player, make_player
from jaxgan.transforms import branch, member, vectorized
from jaxgan.writers import Progress

logger = logging.getLogger(__name__)

UNTOUCHED = "untouched"
"""The name of futures without an intervention."""

NUM_LINES, NUM_LOOKS = 40, 10
"""That a future has, or a few more where the steps are no multiple."""

_OF_A_RUN = (
    *("data", "deterministic", "mesh", "num_seeds", "reproducible", "seed", "substeps", "sweep"),
)
"""Keys that make another run of it, not another future."""


class Futures(NamedTuple):
    """The futures of one checkpoint.

    Attributes:
      step: of the checkpoint.
      variant: the intervention, `KEY=VALUE`, or `UNTOUCHED`.
      outcomes: what became of each.
      lines: that each has logged, from the checkpoint on; its scores are in the last one.
    """

    step: int
    variant: str
    outcomes: list[Outcome]
    lines: list[list[Line]]

    @property
    def healthy(self) -> Share:
        """The share of healthy ones."""
        words = [one.word for one in self.outcomes]
        return share_of(words.count("healthy"), len(words))


class _Variant(NamedTuple):
    """How futures are played: as the run was, or with an intervention."""

    name: str
    config: Config
    algorithm: Algorithm
    player: Player
    look: Look
    scores: Look


class FuturesRun:
    """Plays futures of a run's checkpoints; programs are compiled once for all of them.

    Future i has the key `fold_in(stream(key, "branch"), i)` of the checkpoint's own: latents, and
    data that are drawn on the device, follow it. Data from the host come to each in an order of its
    own, from where the run was in them. So the same checkpoint has the same futures.

    Args:
      saved: the run.
      num: of futures of a checkpoint.
      num_steps: how far each is played.
      interventions: `KEY=VALUE`, as `--config.KEY=VALUE` is; each is played beside the untouched.
      member: of a run of several seeds, which one.

    Raises:
      ConfigError: naming what does not fit, before anything is compiled.
      DataError: if the run's data are gone.

    Example:
      See `jaxgan.cli.futures`.
    """

    def __init__(
        self,
        saved: SavedRun,
        *,
        num: int,
        num_steps: int,
        interventions: Sequence[str] = (),
        member: int | None = None,
    ) -> None:
        self.saved, self.num, self.num_steps = saved, num, num_steps
        self._member = _check_member(saved, member)
        if make_section(saved.config, "mesh").per_replica:
            allowed = f"{bad_value('mesh.per_replica', True, 'false')}: a future is on one device"
            raise ConfigError(allowed)
        self.source: Source | DeviceSource = open_data(saved.config)
        directory.check_same_data(saved.path, record_of(self.source))
        self._checkpoints = Checkpoints(saved.path / "checkpoints")
        self._saved_like = jax.eval_shape(saved.algorithm.init, jax.random.key(0))
        numbers = grid.member_numbers(saved.config, self._member or 0)
        config = grid.at_point(saved.config, numbers)
        self._like = jax.eval_shape(make_one(config, self.source).init, jax.random.key(0))
        configs = {UNTOUCHED: config}
        for text in interventions:
            configs[text] = changed_config(config, text)
        self._configs = configs
        self._variants: dict[tuple[str, int], _Variant] = {}
        check_room(self._like, num, "num")

    def steps(self, asked: str) -> list[int]:
        """The steps of the checkpoints that are asked for.

        Args:
          asked: a step, several with commas between, `all` or `last`.

        Returns:
          Them, in order.

        Raises:
          ConfigError: if one is not there, naming those that are.
        """
        there = self._checkpoints.steps()
        if not there:
            raise ConfigError(f"workdir: {self.saved.path} has no checkpoint")
        if asked in ("all", "last"):
            return there if asked == "all" else there[-1:]
        words = asked.split(",")
        if not all(word.isdecimal() for word in words):
            raise ConfigError(bad_value("step", asked, "a step, some with commas, last or all"))
        found = sorted({int(word) for word in words})
        if missing := [step for step in found if step not in there]:
            raise ConfigError(f"step is {missing[0]}; {self.saved.path} has {_listed(there)}")
        return found

    def check(self, steps: Sequence[int]) -> None:
        """Raises where an intervention does not fit, or the game changes within a future.

        Args:
          steps: of the checkpoints that will be asked for.

        Raises:
          ConfigError: naming the intervention, or the step.
        """
        firsts = named(self.saved.config).phases(self.saved.config)
        for step in steps:
            if met := [first for first in firsts if step < first < step + self.num_steps]:
                raise ConfigError(
                    f"steps is {self.num_steps}; from step {step} it must be at most "
                    f"{met[0] - step}, as the game changes at step {met[0]}"
                )
        for name in self._configs:
            self._variant(name, 0)

    def futures(self, step: int) -> list[Futures]:
        """Plays the futures of one checkpoint.

        Args:
          step: of the checkpoint.

        Returns:
          The untouched ones, and those of each intervention, with the same keys.

        Raises:
          CheckpointError: if the checkpoint is damaged.
        """
        _, state, data_state = self._checkpoints.restore(self._saved_like, step)
        one = state if self._member is None else member(state, self._member)
        first = int(data_state.get("next", 0))
        return [self._play(name, step, one, first) for name in self._configs]

    def _play(self, name: str, step: int, one: TrainState, first: int) -> Futures:
        firsts = named(self.saved.config).phases(self.saved.config)
        variant = self._variant(name, max(phase for phase in firsts if phase <= step))
        every = _log_every(self.num_steps, variant.algorithm.num_steps)
        batches = make_batches(
            variant.config,
            self.source,
            variant.algorithm,
            num_steps=every,
            first=first,
            orders=self.num,
        )
        logger.info("step %d, %s: %d futures of %d steps", step, name, self.num, self.num_steps)
        futures = branch(one, num_futures=self.num)
        begun = [{"step": step, **found} for found in variant.look(futures)]
        with Progress(self.num_steps) as progress:
            state, lines = variant.player(
                futures,
                batches,
                num_steps=self.num_steps,
                look=variant.look,
                look_every_steps=every * max(1, self.num_steps // every // NUM_LOOKS),
                progress=progress,
            )
        for own, first_line, scores in zip(lines, begun, variant.scores(state), strict=True):
            own[-1].update(scores)
            own.insert(0, first_line)
        num_modes = num_modes_of(self.source)
        return Futures(step, name, [outcome(own, num_modes=num_modes) for own in lines], lines)

    def _variant(self, name: str, phase: int) -> _Variant:
        """Compiled once for each phase of the game."""
        if (name, phase) not in self._variants:
            config = self._configs[name]
            try:
                one = make_one(config, self.source, phase)
                _check_fits(one, config, self.source, self._like)
                many = vectorized(lambda: one, seeds=np.arange(self.num), own_batches=self._is_fed)
                every = _log_every(self.num_steps, one.num_steps)
                player = make_player(many, log_every_steps=every)
            except ConfigError as error:
                words = f"{error}" if name == UNTOUCHED else f"intervention {name}: {error}"
                raise ConfigError(words) from error
            look = make_look(config, one.field.game, self.source)
            real = open_reference(config) if config["data"].get("num_labels") else self.source
            scores = make_scores(config, one.field.game, real)
            self._variants[name, phase] = _Variant(name, config, one, player, look, scores)
        return self._variants[name, phase]

    @property
    def _is_fed(self) -> bool:
        return not isinstance(self.source, DeviceSource)


def _check_member(saved: SavedRun, asked: int | None) -> int | None:
    num = grid.num_members(saved.config)
    if num == 1 and asked is not None:
        raise ConfigError(bad_value("member", asked, "left out, as the run has a single one"))
    if num > 1 and (asked is None or not 0 <= asked < num):
        allowed = f"given, from 0 to {num - 1}: {saved.path} has {num} members"
        raise ConfigError(bad_value("member", asked, allowed))
    return asked


def changed_config(config: Config, text: str) -> Config:
    """The config of a run with an intervention.

    Args:
      config: of the run, resolved.
      text: `KEY=VALUE`.

    Returns:
      Another one, resolved.

    Raises:
      ConfigError: if there is no such key, its value is none, or it changes no step of a future.

    Example:
      >>> changed_config({"seed": 0}, "seed=1")
      Traceback (most recent call last):
      ...
      jaxgan.core.errors.ConfigError: intervention seed=1: seed makes another run, not another \
future
    """
    key, equals, value = text.removeprefix("--config.").partition("=")
    if not key or not equals:
        raise ConfigError(bad_value("intervention", text, "KEY=VALUE"))
    head = key.partition(".")[0]
    if head in _OF_A_RUN:
        raise ConfigError(f"intervention {text}: {head} makes another run, not another future")
    if (key in FREE_KEYS or head in FREE_KEYS) and key != "nonfinite":
        raise ConfigError(f"intervention {text}: {key} changes no step of a future")
    try:
        return resolve(with_flags(config, [f"--config.{key}={value}"]))
    except ConfigError as error:
        raise ConfigError(f"intervention {text}: {error}") from error


def _check_fits(
    one: Algorithm, config: Config, source: Source | DeviceSource, template: TrainState
) -> None:
    """Raises unless the algorithm goes on from the run's states; nothing is compiled."""
    found = jax.eval_shape(one.init, jax.random.key(0))
    if difference := first_difference(template, found):
        raise ConfigError(f"it changes what the state holds, so it is another run: {difference}")
    check_playable(one, config, source)


def _log_every(num_steps: int, steps_per_call: int) -> int:
    """Steps between two lines, of which there are at least `NUM_LINES` where there are steps."""
    if num_steps % steps_per_call:
        raise ConfigError(
            bad_value("steps", num_steps, f"a multiple of {steps_per_call}, those of one call")
        )
    calls = num_steps // steps_per_call
    most = max(1, calls // NUM_LINES)
    return steps_per_call * next(every for every in range(most, 0, -1) if calls % every == 0)


def _listed(steps: Sequence[int]) -> str:
    return f"checkpoints of step {', '.join(map(str, steps))}"
