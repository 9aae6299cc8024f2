"""The pictures of a run, from its config."""

from __future__ import annotations

from pathlib import Path

import jax
import numpy as np
from jax.sharding import Sharding

from jaxgan.config.base import Config
from jaxgan.config.games import named
from jaxgan.config.grid import member_names
from jaxgan.core.game import Game
from jaxgan.core.state import stream
from jaxgan.core.typing import Key
from jaxgan.data import DeviceSource, Source
from jaxgan.data.source import NumpyBatch
from jaxgan.sampling.pictures import picture, side_by_side
from jaxgan.sampling.sampler import make_panels, make_sampler
from jaxgan.training.collapse.diversity import MAX_EXAMPLES, diversity
from jaxgan.training.hooks import Hook, Moment
from jaxgan.writers import save_png

MAX_SHOWN = 16
"""So many members of a grid are in a picture, the first ones."""

_LOOK, _MAX_LOOKS = 64, 32
"""Examples that are read at a time, and how often, to find some of each class."""


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


def real_like_samples(
    key: Key, source: Source | DeviceSource, num: int, num_classes: int | None
) -> np.ndarray:
    """Real images, each of the class of the sample in its place.

    Args:
      key: of data that are drawn.
      source: the data, of images.
      num: how many.
      num_classes: of a conditional game, whose samples have its classes in turn; None of another.

    Returns:
      Images [num, H, W, C]; white where a few looks found none of a class.

    Example:
      >>> from jaxgan.data import digits
      >>> images = real_like_samples(jax.random.key(0), digits(), 20, 10)
      >>> images.shape
      (20, 8, 8, 1)
    """
    if not num_classes:
        return examples(key, source, num)["image"]
    wanted = np.arange(num) % num_classes
    found = np.ones((num, *source.element_spec["image"].shape), np.float32)
    is_open = np.ones(num, bool)
    for look in range(_MAX_LOOKS):
        batch = _some(stream(key, "look", look), source, look)
        for image, label in zip(batch["image"], batch["label"].tolist(), strict=True):
            (places,) = np.nonzero(is_open & (wanted == label))
            if len(places):
                found[places[0]], is_open[places[0]] = image, False
        if not is_open.any():
            break
    return found


def _some(key: Key, source: Source | DeviceSource, look: int) -> NumpyBatch:
    """Examples spread over the data, others at each look."""
    if isinstance(source, DeviceSource):
        return examples(key, source, _LOOK)
    steps = np.arange(_LOOK) * source.num_examples / _LOOK
    at = steps + look * source.num_examples / _LOOK / _MAX_LOOKS
    return source.read(at.astype(int) % source.num_examples)


def make_pictures(
    config: Config,
    game: Game,
    source: Source | DeviceSource,
    *,
    sharding: Sharding,
    workdir: Path,
) -> Hook:
    """Draws a run's pictures while it is trained.

    A picture is a grid of samples, one column for each class, under its name, in a conditional
    game; points over real ones; or, of a game with panels, what it makes of a few real examples.

    Args:
      config: as `resolve` returns it.
      game: that it plays.
      source: its data.
      sharding: where samples go; whole to every process.
      workdir: the run's folder.

    Returns:
      A `Hook`, which writes `samples/step_STEP.png`; numbers on a picture join its step's line.
      Where samples are images it writes `real.png` too, once: real ones, laid out as they are.

    Example:
      See `jaxgan.run.make`.
    """
    key = stream(jax.random.key(config["seed"]), "pictures")
    num = min(config["num_samples"], MAX_EXAMPLES)
    others = examples(stream(key, "others"), source, num)
    panels, num_classes = named(config).panels, config["num_classes"] or None
    sample = make_sampler(game, source.element_spec, sharding, num_classes)
    is_points = len(source.element_spec["image"].shape) == 1
    real = examples(key, source, min(1000, _size(source)))["image"] if is_points else None
    titles = source.class_names if num_classes and isinstance(source, Source) else ()
    names = member_names(config) if config["sweep"] else []
    labels = (np.arange(num) % num_classes, others["label"]) if num_classes else None
    show = make_panels(game, panels, sharding) if panels else None

    def show_real() -> None:
        images = real_like_samples(key, source, config["num_samples"], num_classes)
        save_png(workdir / "real.png", picture(images, None, num_classes, titles))

    def call(now: Moment) -> None:
        if show is not None:
            pixels = side_by_side(show(now.state, key, others))
        else:
            samples = sample(now.state, key, config["num_samples"])
            shown = samples[:MAX_SHOWN] if names else samples
            pixels = picture(shown, real, num_classes, titles)
            found = diversity(samples, others["image"], labels)
            for name, one in zip(names, samples, strict=False):
                alone = diversity(one, others["image"], labels)
                found |= {f"{metric}/{name}": value for metric, value in alone.items()}
            now.log.add(now.step, found)
        if now.log.writer is not None:
            if show is None and not is_points and not (workdir / "real.png").exists():
                show_real()
            save_png(workdir / "samples" / f"step_{now.step:08d}.png", pixels)
            now.log.writer.image(now.step, "samples", pixels)
        if now.log.progress is not None:
            now.log.progress.picture(pixels)

    return Hook(config["sample_every_steps"], "drawing samples", call)


def _size(source: Source | DeviceSource) -> int:
    return 1000 if isinstance(source, DeviceSource) else source.num_examples
