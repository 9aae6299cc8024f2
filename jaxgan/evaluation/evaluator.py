"""Measures states of a run: the same programs for every state, the same numbers on any devices."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh

from jaxgan.core.errors import EvaluationError, FeatureError, bad_value
from jaxgan.core.game import Game
from jaxgan.core.state import TrainState, stream
from jaxgan.core.typing import Array
from jaxgan.data import DeviceSource, Source
from jaxgan.distributed.agreement import check_same, in_all
from jaxgan.evaluation import collect, measures, reference, table
from jaxgan.evaluation.collect import Side
from jaxgan.evaluation.measures import Found, PathDistance, Task, Walk
from jaxgan.evaluation.programs import Programs, Sampling, make_distance, make_programs
from jaxgan.evaluation.progress import ProgressCallback
from jaxgan.evaluation.protocol import Score, make_protocol
from jaxgan.evaluation.reference import Arrays, Reference
from jaxgan.evaluation.sanity import warn
from jaxgan.evaluation.table import COLLECTED, Metric
from jaxgan.features import Distance, Extractor, lpips, squared_distance
from jaxgan.metrics import Moments
from jaxgan.sampling.sampler import CHUNK, has_styles

logger = logging.getLogger("jaxgan.evaluation")


class Options(NamedTuple):
    """How an evaluation goes.

    Attributes:
      metrics: keys of `table.METRICS`; () for the default ones.
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

    metrics: Sequence[str] = ()
    num_samples: int = 5000
    num_real: int | None = None
    seed: int = 0
    member: int | None = None
    truncation: float | None = None
    standing_batches: int = 0
    split: str | None = None
    cache_dir: Path | None = None


class Evaluation(NamedTuple):
    """What was found of one state.

    Attributes:
      scores: the numbers.
      pictures: uint8 [height, width, C] by name: `nearest`.
    """

    scores: list[Score]
    pictures: dict[str, np.ndarray]


class Evaluator(NamedTuple):
    """Measures states.

    Attributes:
      names: of the scores that it gives.
      evaluate: (state, progress) -> what was found; every process calls it, and all get the same.
        `progress` is called with how far it is.
    """

    names: tuple[str, ...]
    evaluate: Callable[[TrainState, ProgressCallback], Evaluation]


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
    _check_options(options, latent_dim, has_styles(game, source.element_spec))
    wants = frozenset().union(*(metric.needs for metric in chosen.values())) & COLLECTED
    num_images = max((m.num_images for m in chosen.values() if "images" in m.needs), default=0)
    if not table.needs_features(list(chosen)):
        extractor = None
    examples = reference.make_reference(source, options.num_real, options.num_samples)
    sampling = Sampling(options.member or 0, options.truncation, latent_dim)
    programs = make_programs(game, source.element_spec, extractor, mesh, sampling)
    distances = {
        name: PathDistance(make_distance(distance, mesh, programs.size), distance.protocol)
        for name, distance in _distances(chosen, extractor, source).items()
    }

    known: list[tuple[Side, str]] = []

    def evaluate(state: TrainState, progress: ProgressCallback) -> Evaluation:
        if not known:
            known.append(_real_side(programs, examples, extractor, options, progress))
        side, digest = known[0]
        labels = _fake_labels(side, source, num_classes, options.num_samples)
        latents = jax.random.key(options.seed)
        fake = collect.collect_fake(programs, state, latents, labels, wants, progress, num_images)
        fake = fake._replace(labels=labels if num_classes else None)
        walk = _make_walk(programs, state, options.seed, latent_dim, labels, distances)
        task = Task(side, fake, source, examples, extractor, options.seed, walk, {})
        if {table.METRICS["kd"], table.METRICS["prdc"]} <= set(chosen.values()):
            task = measures.share_pairs(task)
        warn(task, [table.score_name(m.scores[0], m, extractor) for m in chosen.values()])
        given = _protocol(task, options, state, digest)
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
    for warning in said:
        logger.warning("%s: %s", name, warning.message)
    return found


def _check_options(options: Options, latent_dim: int | None, is_styled: bool) -> None:
    for name, value, least in (
        ("num_samples", options.num_samples, 2),
        ("seed", options.seed, 0),
        ("member", options.member or 0, 0),
    ):
        if value < least:
            raise EvaluationError(bad_value(name, value, f"at least {least}"))
    limit = options.truncation
    if limit is None:
        return
    if not math.isfinite(limit):
        raise EvaluationError(bad_value("truncation", limit, "finite, or left out"))
    if is_styled:
        if not limit >= 0:
            raise EvaluationError(bad_value("truncation", limit, "at least 0"))
        return
    if latent_dim is None:
        raise EvaluationError(
            f"truncation is {limit}; it is for standard normal latents, which this game has not"
        )
    if not limit > 0:
        raise EvaluationError(bad_value("truncation", limit, "above 0"))


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
    state: TrainState,
    seed: int,
    latent_dim: int | None,
    labels: np.ndarray,
    distances: Mapping[str, PathDistance],
) -> Walk | None:
    if latent_dim is None:
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
    task: Task, options: Options, state: TrainState, digest: str
) -> dict[str, str | int | float | bool | None]:
    return {
        "reference": task.reference.name,
        "split": options.split,
        "data": digest,
        "n_real": task.real.num,
        "n_fake": task.fake.num,
        "seed": options.seed,
        "step": int(state.step),
        "member": 0 if state.key.ndim and options.member is None else options.member,
        "ema": bool(state.ema),
        "truncation": options.truncation,
        **({"standing_batches": options.standing_batches} if options.standing_batches else {}),
    }


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


def _real_side(
    programs: Programs,
    examples: Reference,
    extractor: Extractor | None,
    options: Options,
    progress: ProgressCallback,
) -> tuple[Side, str]:
    """The real examples' side and their digest; features from the cache where it has them."""
    digest = reference.digest_of(examples)
    about = {} if extractor is None else extractor.protocol
    check_same({"data": digest, **{f"features.{k}": v for k, v in about.items()}})
    labels = collect.labels_of(examples)
    if extractor is None:
        return Side(num=examples.num, labels=labels), digest
    folder = options.cache_dir
    path = None if folder is None else reference.cache_path(folder, digest, extractor.protocol)
    kept = None if path is None else reference.recall(path)
    if not in_all(kept is not None):
        asked = frozenset(("features", "moments"))
        asked |= {"logits"} if extractor.num_classes is not None else frozenset()
        side = collect.collect_real(programs, examples, asked, progress)
        kept = _as_arrays(side)
        if path is not None:
            reference.store(path, kept)
    assert kept is not None
    return _as_side(kept)._replace(labels=labels), digest


def _as_arrays(side: Side) -> Arrays:
    assert side.features is not None
    assert side.moments is not None
    arrays: Arrays = {"features": side.features, "num_flat": np.asarray(side.num_flat)}
    if side.logits is not None:
        arrays["logits"] = side.logits
    return arrays | {f"moments/{key}": np.asarray(x) for key, x in side.moments._asdict().items()}


def _as_side(arrays: Arrays) -> Side:
    count, *rest = (arrays[f"moments/{key}"] for key in Moments._fields)
    return Side(
        num=len(arrays["features"]),
        features=arrays["features"],
        logits=arrays.get("logits"),
        moments=Moments(int(count), *rest),
        num_flat=int(arrays["num_flat"]),
    )
