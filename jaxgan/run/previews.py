"""The pictures of a run, from its config."""

from __future__ import annotations

import jax
import numpy as np
from jax.sharding import Sharding

from jaxgan.config.base import Config
from jaxgan.config.games import named
from jaxgan.core.game import Game
from jaxgan.core.state import TrainState, stream
from jaxgan.core.typing import Key
from jaxgan.data import DeviceSource, Source
from jaxgan.data.source import NumpyBatch
from jaxgan.sampling.pictures import picture, side_by_side
from jaxgan.sampling.sampler import make_panels, make_sampler
from jaxgan.training.collapse.diversity import MAX_EXAMPLES, diversity
from jaxgan.training.settings import Draw, Picture


def examples(key: Key, source: Source | DeviceSource, num: int) -> NumpyBatch:
    """A few real examples, spread over the data: always the same.

    Args:
      key: of data that are drawn.
      source: the data.
      num: how many.

    Returns:
      A batch on the host.

    Example:
      >>> from jaxgan.data import digits
      >>> examples(jax.random.key(0), digits(), 3)["label"].shape
      (3,)
    """
    if isinstance(source, DeviceSource):
        drawn: NumpyBatch = jax.device_get(source.sample(key, num))
        return drawn
    return source.read(np.linspace(0, source.num_examples - 1, num).astype(int))


def make_run_draw(
    config: Config, game: Game, source: Source | DeviceSource, sharding: Sharding
) -> Draw:
    """What draws a run's pictures while it is trained.

    Args:
      config: as `resolve` returns it.
      game: that it plays.
      source: its data.
      sharding: where samples go; whole to every process.

    Returns:
      A `Draw`: a grid of samples, one column for each class, under its name, in a conditional game;
      points over real ones; or, of a game with panels, what it makes of a few real examples.

    Example:
      See `jaxgan.run.make`.
    """
    key = stream(jax.random.key(config["seed"]), "pictures")
    num = min(config["num_samples"], MAX_EXAMPLES)
    others = examples(stream(key, "others"), source, num)
    panels = named(config).panels
    if panels:
        show = make_panels(game, panels, sharding)

        def draw_panels(state: TrainState) -> Picture:
            return Picture(side_by_side(show(state, key, others)), {})

        return draw_panels
    num_classes = config["num_classes"] or None
    sampler = make_sampler(game, source.element_spec, sharding, num_classes)
    is_points = len(source.element_spec["image"].shape) == 1
    real = examples(key, source, min(1000, _size(source)))["image"] if is_points else None
    titles = source.class_names if num_classes and isinstance(source, Source) else ()
    labels = (np.arange(num) % num_classes, others["label"]) if num_classes else None

    def draw(state: TrainState) -> Picture:
        samples = sampler(state, key, config["num_samples"])
        return Picture(
            picture(samples, real, num_classes, titles), diversity(samples, others["image"], labels)
        )

    return draw


def _size(source: Source | DeviceSource) -> int:
    return 1000 if isinstance(source, DeviceSource) else source.num_examples
