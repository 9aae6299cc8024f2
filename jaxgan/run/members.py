"""Members of one config, or of many, played side by side: their data, looks and scores."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from jaxgan import distributed
from jaxgan.config.base import Config
from jaxgan.config.build import build_algorithm
from jaxgan.config.build_grid import ROOM
from jaxgan.config.build_step import build_arguments, check_step
from jaxgan.config.games import named
from jaxgan.config.resolve import make_section
from jaxgan.core.algorithm import Algorithm
from jaxgan.core.errors import ConfigError, EvaluationError, bad_value
from jaxgan.core.game import Game
from jaxgan.core.state import TrainState, stream
from jaxgan.core.typing import Batch
from jaxgan.data import DeviceSource, Source, pipeline
from jaxgan.evaluation import Options
from jaxgan.evaluation.progress import silent
from jaxgan.metrics import mixture_score
from jaxgan.run.evaluation import make_run_evaluator, split_of
from jaxgan.run.evaluation_hook import PREFIX
from jaxgan.run.previews import examples
from jaxgan.sampling.draw import makes_images
from jaxgan.sampling.sampler import make_sampler
from jaxgan.training.collapse.diversity import MAX_EXAMPLES, diversity
from jaxgan.training.members import Line, Look, forever
from jaxgan.transforms import member

NUM_SAMPLES = 1000
"""Drawn of a member at each look at a mixture; of other data as many as `diversity` compares."""


def of_one(config: Config) -> Config:
    """A config of one member, and of one step a call.

    Args:
      config: as `resolve` returns it.

    Returns:
      The same with one seed, without `sweep` and `substeps`.

    Example:
      >>> of_one({"num_seeds": 8, "substeps": 100, "seed": 3})
      {'num_seeds': 1, 'substeps': 1, 'seed': 3, 'sweep': {}}
    """
    return {**config, "num_seeds": 1, "substeps": 1, "sweep": {}}


def make_one(config: Config, source: Source | DeviceSource, step: int = 0) -> Algorithm:
    """The algorithm of one member of a config, with data that are drawn on the device inside.

    Args:
      config: as `resolve` returns it; numbers in it may be traced.
      source: its data.
      step: when it is played, of a game that has phases.

    Returns:
      What `transforms.vectorized` takes.

    Raises:
      ConfigError: if the parts do not fit.

    Example:
      See `jaxgan.run.futures`.
    """
    on_device = source if isinstance(source, DeviceSource) else None
    return build_algorithm(of_one(config), source.element_spec, on_device, step=step)


def check_playable(one: Algorithm, config: Config, source: Source | DeviceSource) -> None:
    """Raises unless a member's step can be taken; nothing is compiled.

    Args:
      one: the algorithm of one member.
      config: as `resolve` returns it.
      source: its data.

    Raises:
      ConfigError: in one line, naming what does not fit.

    Example:
      See `jaxgan.run.futures`.
    """
    mesh, is_fed = distributed.make_mesh(1), not isinstance(source, DeviceSource)
    plain = {**of_one(config), "mesh": {**config["mesh"], "rules": {}}}
    check_step(one, build_arguments(one, plain, source.element_spec, is_fed, mesh))


def check_room(template: TrainState, num: int, name: str) -> None:
    """Raises if so many members, and as much again for their step, are more than there is memory.

    Args:
      template: of one member, ShapeDtypeStructs.
      num: how many are played side by side.
      name: of that number, for the message.

    Raises:
      ConfigError: with the largest number that fits, as estimated.

    Example:
      See `jaxgan.run.futures`.
    """
    leaves = jax.tree.leaves(template._replace(key=template.step))
    size = ROOM * sum(math.prod(x.shape) * x.dtype.itemsize for x in leaves)
    mesh = distributed.members_mesh(num)
    available = distributed.available_bytes(mesh)
    if available is not None and num * size > (memory := available * mesh.size):
        words = f"one takes about {size / 1e6:.3g} MB while it is played, of {memory / 1e9:.3g} GB"
        raise ConfigError(bad_value(name, num, f"at most {memory // size}: {words}"))


def make_batches(
    config: Config,
    source: Source | DeviceSource,
    algorithm: Algorithm,
    *,
    num_steps: int,
    first: int = 0,
    orders: int | None = None,
) -> Iterator[Any]:
    """What members take from the host, as `training.members.play` wants it.

    Args:
      config: as `resolve` returns it.
      source: its data.
      algorithm: of one member, as `make_one` gives it.
      num_steps: in one item.
      first: how many batches were taken before.
      orders: how many members there are, each of which sees the examples in an order of its own;
        None for the run's order, the same for all.

    Returns:
      Batches [num_steps, ...], or [num_steps, members, ...]; empty ones of data that are drawn on
      the device.

    Example:
      See `jaxgan.run.futures`.
    """
    if isinstance(source, DeviceSource):
        return forever()
    lead = (num_steps // algorithm.num_steps, *algorithm.num_batches)

    def stream_of(seed: int, threads: int | None) -> Iterator[Batch]:
        batches = pipeline(
            source,
            batch_size=config["batch_size"],
            seed=seed,
            num_batches=lead,
            num_threads=threads,
        )
        batches.set_state({"next": first})
        return batches

    if orders is None:
        return stream_of(config["seed"], None)
    # Any other number than the run's would do: orders of near seeds have nothing in common.
    streams = [stream_of((config["seed"] << 32) + 1 + index, 0) for index in range(orders)]
    return (
        jax.tree.map(lambda *leaves: np.stack(leaves, axis=1), *items)
        for items in zip(*streams, strict=True)
    )


def make_look(
    config: Config, game: Game, source: Source | DeviceSource, num_samples: int = NUM_SAMPLES
) -> Look:
    """What is measured now and then of the samples of each member, from the same latents.

    Args:
      config: as `resolve` returns it.
      game: that all play.
      source: its data.
      num_samples: drawn of each where the data are a mixture.

    Returns:
      A state of many -> for each member `samples/spread` and `samples/nearest`, see `diversity`,
      and where the data are a mixture `eval/num_modes`, `eval/high_quality` and `eval/reverse_kl`,
      see `mixture_score`; nothing of games that make no examples.

    Example:
      See `jaxgan.run.futures`.
    """
    if named(config).from_real or not makes_images(game, source.element_spec):
        return lambda state: [{}] * state.key.shape[0]
    key = stream(jax.random.key(config["seed"]), "pictures")
    num_classes = config["num_classes"] or None
    is_mixture = isinstance(source, DeviceSource) and len(source.modes) > 0
    num = max(num_samples, MAX_EXAMPLES) if is_mixture else MAX_EXAMPLES
    num_real = source.num_examples if isinstance(source, Source) else MAX_EXAMPLES
    others = examples(stream(key, "others"), source, min(num_real, MAX_EXAMPLES))
    labels = (np.arange(num) % num_classes, others["label"]) if num_classes else None
    sample = make_sampler(game, source.element_spec, None, num_classes)

    def look(state: TrainState) -> list[Line]:
        return [
            {**diversity(one, others["image"], labels), **(modes_of(one) if is_mixture else {})}
            for one in sample(state, key, num)
        ]

    def modes_of(samples: np.ndarray) -> Line:
        assert isinstance(source, DeviceSource)
        score = mixture_score(samples, source.modes, source.std)
        return {f"{PREFIX}{name}": float(value) for name, value in score._asdict().items()}

    return look


def num_modes_of(source: Source | DeviceSource) -> int | None:
    """How many modes, or classes, the data have, for `training.collapse.outcome`.

    Args:
      source: the data.

    Returns:
      Their number; None where there are none, or one.

    Example:
      >>> from jaxgan.data import ring
      >>> num_modes_of(ring())
      8
    """
    found = source.num_classes
    return found if found is not None and found > 1 else None


def make_scores(config: Config, game: Game, source: Source | DeviceSource) -> Look:
    """The scores that the config's `evaluation` names, of each member; programs are compiled once.

    Args:
      config: as `resolve` returns it.
      game: that all play.
      source: the data, with all the labels that they have.

    Returns:
      A state of many -> `eval/NAME` for each member; nothing where the config names no metrics, or
      of a member that cannot be measured, as its samples are not finite.

    Raises:
      EvaluationError: if a metric does not fit the data.

    Example:
      See `jaxgan.run.futures`.
    """
    said = make_section(config, "evaluation")
    if not said.metrics:
        return lambda state: [{}] * state.key.shape[0]
    options = Options(
        metrics=said.metrics,
        num_samples=said.num_samples,
        seed=config["seed"],
        split=split_of(config, None),
    )
    spec, mesh = source.element_spec, distributed.make_mesh(1)
    evaluator = make_run_evaluator(
        config, game, spec, source, mesh, options, features=said.features
    )

    def scores(state: TrainState, index: int) -> Line:
        try:
            found = evaluator.evaluate(member(state, index), silent, member=index)
        except EvaluationError:
            return {}
        return {f"{PREFIX}{score.name}": score.value for score in found.scores}

    return lambda state: [scores(state, index) for index in range(state.key.shape[0])]
