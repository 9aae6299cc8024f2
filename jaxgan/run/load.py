"""A trained run, back from its folder: `jg.load(workdir)`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import ml_collections
import numpy as np

from jaxgan.checkpoint.checkpointer import Checkpoints
from jaxgan.config.base import Config, name_of
from jaxgan.core.errors import ConfigError
from jaxgan.core.game import Game
from jaxgan.core.state import TrainState, stream
from jaxgan.data.source import NumpyBatch
from jaxgan.run.saved import SavedRun, read_run
from jaxgan.sampling.sampler import make_chunks, make_panels
from jaxgan.sampling.standing_statistics import standing_statistics
from jaxgan.transforms import member as take_member


class Loaded(NamedTuple):
    """A run that can be sampled.

    Attributes:
      config: what it was trained with; entries of a list by their names.
      game: the game it plays.
      state: its state at `step`.
      step: how many steps it has done.
      sample: (num, seed=0, labels=None) -> images float32 [num, H, W, C] in [-1, 1], or points
        [num, D]; of the classes `labels` [num] in a conditional game, in turn by default.
      chunks: the same samples as they come, a few at a time: however many there are, they take no
        more memory.
      show: (batch of real examples, seed=0) -> images by name: what the game makes of them, and
        what its pictures show beside that; `{"fake": ...}` at least.
    """

    config: ml_collections.FrozenConfigDict
    game: Game
    state: TrainState
    step: int
    sample: Callable[..., np.ndarray]
    chunks: Callable[..., Iterator[np.ndarray]]
    show: Callable[..., dict[str, np.ndarray]]


def load(
    workdir: str | Path | SavedRun,
    *,
    step: int | None = None,
    member: int | None = None,
    ema: bool = True,
    standing_batches: int = 0,
    trust_code: bool = False,
) -> Loaded:
    """Loads a run from its folder.

    Args:
      workdir: where `jaxgan train` wrote, or what `read_run` read there.
      step: which checkpoint; the last by default.
      member: which member of a run of several seeds; the first by default.
      ema: whether to sample from the averaged generator, where one was kept.
      standing_batches: where positive, the generator's batch statistics are recomputed over so
        many batches; see `standing_statistics`.
      trust_code: whether to run the folder's own code though the user has not trained with it.

    Returns:
      A `Loaded`; sample i depends on the seed and i alone.

    Raises:
      ConfigError: if the folder is no run's, or has no checkpoint.
      CheckpointError: if its checkpoint does not fit its config.
      ValueError: if there is no such member, or there are no batch statistics to take.

    Example:
      >>> load("no/such/folder")
      Traceback (most recent call last):
      ...
      jaxgan.core.errors.ConfigError: workdir: no/such/folder holds no run: there is no config.json
    """
    saved = workdir if isinstance(workdir, SavedRun) else read_run(workdir, trust_code=trust_code)
    config, game = saved.config, saved.game
    checkpoints = Checkpoints(saved.path / "checkpoints")
    steps = checkpoints.steps()
    if not steps or (step is not None and step not in steps):
        asked = f" {step}" if step else ""
        raise ConfigError(f"workdir: {saved.path} has no checkpoint{asked}: {steps}")
    template = jax.eval_shape(saved.algorithm.init, jax.random.key(0))
    step, state, _ = checkpoints.restore(template, step)
    if state.key.ndim or member is not None:
        state = take_member(state, member or 0)
    if not ema:
        state = state._replace(ema={})
    if standing_batches:
        state = standing_statistics(
            stream(jax.random.key(config["seed"]), "standing"),
            game,
            state,
            saved.spec,
            num_batches=standing_batches,
            num_classes=saved.num_classes,
        )
    draw = make_chunks(game, saved.spec, num_classes=saved.num_classes)
    panels = make_panels(game, saved.row.panels or ("fake",))

    def chunks(num: int, seed: int = 0, labels: np.ndarray | None = None) -> Iterator[np.ndarray]:
        if saved.row.from_real:
            name = config["game"]["name"]
            raise ValueError(f"game {name!r} makes its images of real examples: use show(batch)")
        return draw(state, jax.random.key(seed), num, labels)

    def sample(num: int, seed: int = 0, labels: np.ndarray | None = None) -> np.ndarray:
        return np.concatenate(list(chunks(num, seed, labels)))

    def show(batch: NumpyBatch, seed: int = 0) -> dict[str, np.ndarray]:
        return panels(state, jax.random.key(seed), batch)

    return Loaded(_frozen(config), game, state, step, sample, chunks, show)


def _frozen(config: Config) -> ml_collections.FrozenConfigDict:
    """Lists of sections as dicts by their names, since no list in it may hold a dict."""

    def keyed(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: keyed(entry) for key, entry in value.items()}
        if isinstance(value, list) and any(isinstance(entry, dict) for entry in value):
            return {name_of(entry): keyed(entry) for entry in value}
        return value

    return ml_collections.FrozenConfigDict(keyed(config))
