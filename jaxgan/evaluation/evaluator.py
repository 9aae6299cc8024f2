"""Measures states of a run: the same programs for every state, the same numbers on any devices."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh

from jaxgan.core.errors import EvaluationError, FeatureError, bad_value
from jaxgan.core.game import Game
from jaxgan.core.show import rows
from jaxgan.core.state import TrainState, stream
from jaxgan.core.typing import Array
from jaxgan.data import DeviceSource, Source
from jaxgan.evaluation import collect, measures, reference, table
from jaxgan.evaluation.collect import Side
from jaxgan.evaluation.measures import Found, PathDistance, Task, Walk
from jaxgan.evaluation.programs import (
    HostSampler,
    Programs,
    Sampling,
    make_distance,
    make_host_programs,
    make_programs,
)
from jaxgan.evaluation.progress import ProgressCallback
from jaxgan.evaluation.protocol import Score, make_protocol
from jaxgan.evaluation.real_side import real_side
from jaxgan.evaluation.sanity import warn
from jaxgan.evaluation.table import COLLECTED, Metric
from jaxgan.features import Distance, Extractor, lpips, squared_distance
from jaxgan.sampling.draw import CHUNK

logger = logging.getLogger("jaxgan.evaluation")


class Options(NamedTuple):
    """How an evaluation goes.

    Attributes:
      metrics: keys of `table.METRICS`, or metrics themselves; () for the default ones.
      num_samples: how many samples are drawn.
      num_real: how many real examples; None for all, see `make_reference`.
      seed: of the latents: sample i depends on it and i alone, and is that of `jaxgan sample`.
      member: which of several seeds; None of a run of one, and for the first.
      truncation: latents beyond it are redrawn, or styles moved towards their mean by it where
        the generator has styles; None for none.
      standing_batches: over which the state's batch statistics were recomputed; 0 for none.
      split: of the data, as the protocol names it.
      cache_dir: where features of real examples are kept; None for nowhere.
    """

    metrics: Sequence[str | Metric] = ()
    num_samples: int = 5000
    num_real: int | None = None
    seed: int = 0
    member: int | None = None
    truncation: float | None = None
    standing_batches: int = 0
    split: str | None = None
    cache_dir: Path | None = None


@dataclass(frozen=True)
class Evaluation:
    """What was found of one state.

    Attributes:
      scores: the numbers, each with how it was measured.
      pictures: uint8 [height, width, C] by name: `nearest`.
    """

    scores: list[Score]
    pictures: dict[str, np.ndarray]

    @property
    def values(self) -> dict[str, float]:
        """The numbers by name."""
        return {score.name: score.value for score in self.scores}

    def __getitem__(self, name: str) -> float:
        return self.values[name]

    def __repr__(self) -> str:
        about = {
            score.name: f"{score.value:.6g}" + ("" if score.std is None else f" ± {score.std:.2g}")
            for score in self.scores
        }
        return rows("evaluation", about)


class Evaluator(NamedTuple):
    """Measures states.

    Attributes:
      names: of the scores that it gives.
      evaluate: (state, progress, changes) -> what was found; every process calls it, and all get
        the same. The state of what has none is None. `progress` is called with how far it is.
        `changes`, by keyword, are the `seed` and the `member` of this state, where they are not
        the options'.
    """

    names: tuple[str, ...]
    evaluate: Callable[..., Evaluation]


DEFAULT = Options()


def make_evaluator(
    game: Game,
    source: Source | DeviceSource,
    extractor: Extractor | None,
    mesh: Mesh,
    options: Options = DEFAULT,
    *,
    num_classes: int | None = None,
    latent_dim: int | None = None,
) -> Evaluator:
    """Makes an evaluator; programs are compiled, and real examples read, when it is first used.

    Args:
      game: whose generator is measured.
      source: the data that it is measured against.
      extractor: of the features; None if no metric needs any.
      mesh: the devices.
      options: what is measured, and how.
      num_classes: of a conditional game, whose samples follow the classes of the data.
      latent_dim: of standard normal latents; None where they are none, and cannot be truncated.

    Returns:
      An `Evaluator`.

    Raises:
      EvaluationError: naming the option and what is allowed.

    Example:
      >>> from jaxgan import distributed, gan
      >>> from jaxgan.data import ring
      >>> from jaxgan.core.network import Network
      >>> still = Network(init=lambda key: ((), {}), apply=lambda w, state, x, **_: (x, state))
      >>> evaluator = make_evaluator(
      ...     gan(still, still, latent=2), ring(), None, distributed.make_mesh(1),
      ...     Options(metrics=["modes"], num_samples=100))
      >>> evaluator.names
      ('num_modes', 'high_quality', 'reverse_kl')
    """
    sampling = Sampling(options.member or 0, options.truncation, latent_dim)

    def make(extractor: Extractor | None) -> Programs:
        _check_options(options)
        return make_programs(game, source.element_spec, extractor, mesh, sampling)

    return _make_evaluator(make, source, extractor, mesh, options, num_classes, latent_dim)


def make_sampler_evaluator(
    sampler: HostSampler | Source,
    source: Source | DeviceSource,
    extractor: Extractor | None,
    mesh: Mesh,
    options: Options = DEFAULT,
    *,
    num_classes: int | None = None,
) -> Evaluator:
    """Makes an evaluator of anything that draws samples.

    Args:
      sampler: (key, num) -> samples [num, ...]; (key, num, labels [num]) with `num_classes`.
      source: the data that it is measured against.
      extractor: of the features; None if no metric needs any.
      mesh: the devices.
      options: what is measured, and how; those of states do not count.
      num_classes: of samples that follow the classes of the data.

    Returns:
      An `Evaluator`, of the state None.

    Raises:
      EvaluationError: naming the option and what is allowed.

    Example:
      See `jaxgan.evaluate`.
    """

    def make(extractor: Extractor | None) -> Programs:
        _check_options(options)
        if options.truncation is not None:
            words = f"truncation is {options.truncation}; it is for a game's samples"
            raise EvaluationError(words)
        conditional = num_classes is not None
        return make_host_programs(sampler, source.element_spec, extractor, mesh, conditional)

    return _make_evaluator(make, source, extractor, mesh, options, num_classes, None)


def _make_evaluator(
    make: Callable[[Extractor | None], Programs],
    source: Source | DeviceSource,
    extractor: Extractor | None,
    mesh: Mesh,
    options: Options,
    num_classes: int | None,
    latent_dim: int | None,
) -> Evaluator:
    asked = options.metrics
    if not asked:
        if extractor is None:
            raise EvaluationError("metrics: none; give at least one")
        asked = table.default_metrics(source, extractor)
    chosen = table.check_metrics(
        asked,
        source,
        table.Provided(is_conditional=bool(num_classes), has_latents=latent_dim is not None),
    )
    table.check_features(chosen, source, extractor)
    wants = frozenset().union(*(metric.needs for metric in chosen.values())) & COLLECTED
    num_images = max((m.num_images for m in chosen.values() if "images" in m.needs), default=0)
    if not table.needs_features(list(chosen)):
        extractor = None
    examples = reference.make_reference(source, options.num_real, options.num_samples)
    programs = make(extractor)
    distances = {
        name: PathDistance(make_distance(distance, mesh, programs.size), distance.protocol)
        for name, distance in _distances(chosen, extractor, source).items()
    }

    known: list[tuple[Side, str]] = []
    said: set[str] = set()

    def evaluate(
        state: TrainState | None, progress: ProgressCallback, **changes: Any
    ) -> Evaluation:
        now = options._replace(**changes)
        if not known:
            known.append(real_side(programs, examples, extractor, options.cache_dir, progress))
        side, digest = known[0]
        labels = _fake_labels(side, source, num_classes, options.num_samples)
        latents = jax.random.key(now.seed)
        fake = collect.collect_fake(programs, state, latents, labels, wants, progress, num_images)
        fake = fake._replace(labels=labels if num_classes else None)
        walk = _make_walk(programs, state, now.seed, latent_dim, labels, distances)
        task = Task(side, fake, source, examples, extractor, now.seed, walk, {})
        if {table.METRICS["kd"], table.METRICS["prdc"]} <= set(chosen.values()):
            task = measures.share_pairs(task)
        names = [table.score_name(m.scores[0], m, extractor) for m in chosen.values()]
        warn(task, names, said)
        given = _protocol(task, now, state, digest)
        return Evaluation(_scores(chosen, task, given), task.pictures)

    names = [
        table.score_name(name, metric, extractor)
        for metric in chosen.values()
        for name in metric.scores
    ]
    return Evaluator(tuple(names), evaluate)


def _scores(chosen: Mapping[str, Metric], task: Task, given: Mapping[str, Any]) -> list[Score]:
    """What every metric finds, with how it was measured."""
    scores, extractor = [], task.extractor
    for key, metric in chosen.items():
        of_features = extractor.protocol if extractor and metric.on_features else {}
        for found in _compute(key, metric, task):
            name = table.score_name(found.name, metric, extractor)
            std = None if found.std is None else float(found.std)
            protocol = make_protocol(**{**of_features, **given, **found.options})
            scores.append(Score(name, float(found.value), std, protocol))
    return scores


def _compute(name: str, metric: Metric, task: Task) -> list[Found]:
    """What the metric finds; errors and warnings have its name."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", UserWarning)
        try:
            found = metric.compute(task)
        except ValueError as error:
            raise EvaluationError(f"{name}: {error}") from error
    names = tuple(one.name for one in found)
    if names != metric.scores:
        raise EvaluationError(bad_value(f"{name}: what it finds", names, str(metric.scores)))
    for warning in said:
        logger.warning("%s: %s", name, warning.message)
    return found


def _check_options(options: Options) -> None:
    for name, value, least in (
        ("num_samples", options.num_samples, 2),
        ("seed", options.seed, 0),
        ("member", options.member or 0, 0),
    ):
        if value < least:
            raise EvaluationError(bad_value(name, value, f"at least {least}"))


def _distances(
    chosen: Mapping[str, Metric], extractor: Extractor | None, source: Source | DeviceSource
) -> dict[str, Distance]:
    """Those that perceptual path lengths are measured by, by metric."""
    found = {}
    if "ppl" in chosen:
        assert extractor is not None
        found["ppl"] = squared_distance(extractor)
    if "ppl_lpips" in chosen:
        spec = source.element_spec["image"]
        images = jax.ShapeDtypeStruct((CHUNK, *spec.shape), spec.dtype)
        try:
            found["ppl_lpips"] = distance = lpips()
            jax.eval_shape(distance.apply, distance.params, images, images)
        except FeatureError as error:
            raise EvaluationError(f"metrics: ppl_lpips: {error}") from error
    return found


def _make_walk(
    programs: Programs,
    state: TrainState | None,
    seed: int,
    latent_dim: int | None,
    labels: np.ndarray,
    distances: Mapping[str, PathDistance],
) -> Walk | None:
    if latent_dim is None or state is None:
        return None
    chosen = np.resize(labels, CHUNK).astype(np.int32)

    def latents(num: int) -> tuple[np.ndarray, np.ndarray]:
        key = stream(jax.random.key(seed), "paths")
        both = jax.random.normal(key, (2, num, latent_dim))
        return np.asarray(both[0]), np.asarray(both[1])

    def generate(latent: np.ndarray) -> Array:
        return programs.generate_from(state, np.asarray(latent, np.float32), chosen)

    return Walk(latents, generate, distances)


def _protocol(
    task: Task, options: Options, state: TrainState | None, digest: str
) -> dict[str, str | int | float | bool | None]:
    return {
        "reference": task.reference.name,
        "split": options.split,
        "data": digest,
        "n_real": task.real.num,
        "n_fake": task.fake.num,
        "seed": options.seed,
        "step": None if state is None else int(state.step),
        "member": _member(options, state),
        "ema": None if state is None else bool(state.ema),
        "truncation": options.truncation,
        **({"standing_batches": options.standing_batches} if options.standing_batches else {}),
    }


def _member(options: Options, state: TrainState | None) -> int | None:
    is_first = options.member is None and state is not None and state.key.ndim > 0
    return 0 if is_first else options.member


def _fake_labels(
    side: Side, source: Source | DeviceSource, num_classes: int | None, num: int
) -> np.ndarray:
    """As the data have them; the modes of a mixture are equally likely."""
    if not num_classes or side.labels is None:
        return np.zeros(num, np.int32)
    if isinstance(source, DeviceSource):
        return collect.class_sequence([1] * num_classes, num)
    known = side.labels[side.labels >= 0]
    return collect.class_sequence(np.bincount(known, minlength=num_classes).tolist(), num)
