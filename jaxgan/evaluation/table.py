"""The metrics by name: what each needs, what its scores are called, how they are computed."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from jaxgan.core.errors import EvaluationError, bad_value
from jaxgan.data import DeviceSource, Source
from jaxgan.evaluation import measures
from jaxgan.evaluation.collect import MAX_IMAGES
from jaxgan.evaluation.measures import Found, Task
from jaxgan.evaluation.nearest import NUM_QUERIES
from jaxgan.features import Extractor

PUBLISHED = {"fd": "fid", "kd": "kid", "is": "is"}
"""Names that only the published Inception network gives to scores on its features."""

ALIASES = {alias: key for key, alias in PUBLISHED.items() if alias != key}
"""Names to ask by for the scores of that network."""


class Metric(NamedTuple):
    """One entry of the table.

    Attributes:
      scores: their names, without that of the features.
      needs: of `features`, `logits`, `moments`, `images`: what is collected of the samples; of
        `classes`, `labels`, `mixture`, `pictures`, `stored`: what the data must be; of
        `conditional`, `walk`: what the game must be; `extractor`: features of other samples.
      compute: gives one number for each of the names.
      on_features: whether the features are part of its scores' names.
      num_images: how many samples it looks at where it needs `images`, so many are kept.
    """

    scores: tuple[str, ...]
    needs: frozenset[str]
    compute: Callable[[Task], list[Found]]
    on_features: bool = True
    num_images: int = MAX_IMAGES


def of(*needs: str) -> frozenset[str]:
    """What a metric needs.

    Example:
      >>> sorted(of("features", "moments"))
      ['features', 'moments']
    """
    return frozenset(needs)


LABELLED = of("images", "pictures", "labels", "conditional", "stored")

METRICS: Mapping[str, Metric] = {
    "fd": Metric(("fd",), of("moments"), measures.frechet_),
    "kd": Metric(("kd",), of("features"), measures.kernel),
    "is": Metric(("is",), of("logits"), measures.inception),
    "prdc": Metric(
        ("precision", "recall", "density", "coverage"), of("features"), measures.neighbours
    ),
    "classes": Metric(
        ("classes_covered", "class_kl", "confidence"),
        of("logits", "classes", "labels"),
        measures.coverage,
    ),
    "intra": Metric(
        ("intra_fd",), of("features", "labels", "conditional"), measures.within_classes
    ),
    "ppl": Metric(("ppl",), of("walk", "extractor"), functools.partial(measures.path, "ppl")),
    "ppl_lpips": Metric(
        ("ppl_lpips",), of("walk", "pictures"), functools.partial(measures.path, "ppl_lpips"), False
    ),
    "nearest": Metric(
        ("nearest", "nearest_of_real"),
        of("images", "stored"),
        measures.memorised,
        False,
        NUM_QUERIES,
    ),
    "swd": Metric(("swd",), of("images", "pictures"), measures.sliced, False, measures.SWD_IMAGES),
    "ms_ssim": Metric(
        ("ms_ssim", "ms_ssim_of_real"), of("images", "pictures"), measures.similarity, False
    ),
    "gan_train": Metric(("gan_train",), LABELLED, measures.learned_from_samples, False),
    "gan_test": Metric(("gan_test",), LABELLED, measures.accuracy_on_samples, False),
    "modes": Metric(
        ("num_modes", "high_quality", "reverse_kl"),
        of("images", "mixture"),
        measures.mixture,
        False,
    ),
}

NAMES = tuple(dict.fromkeys([*METRICS, *ALIASES]))
"""All names to ask by."""

KNOWN_NEEDS = frozenset().union(*(metric.needs for metric in METRICS.values()))

COLLECTED = frozenset(("features", "logits", "moments", "images"))
"""Needs that are met by going through the samples."""


def needs_features(names: Sequence[str | Metric]) -> bool:
    """Whether any of some metrics looks at features.

    Args:
      names: of metrics, or metrics; unknown ones count as one that does.

    Returns:
      Whether an extractor is needed.

    Example:
      >>> needs_features(["modes"]), needs_features(["modes", "fd"])
      (False, True)
    """
    looks = frozenset(("features", "logits", "moments", "extractor"))
    metrics = [METRICS.get(one) if isinstance(one, str) else one for one in names]
    return any(metric is None or metric.needs & looks for metric in metrics)


def default_metrics(source: Source | DeviceSource, extractor: Extractor) -> tuple[str, ...]:
    """What is measured unless something else is asked for.

    Args:
      source: the data.
      extractor: of the features.

    Returns:
      `fd`, `kd` and `prdc`; `classes` where the extractor names the data's classes; `modes` of a
      mixture.

    Example:
      >>> from jaxgan.data import ring
      >>> from jaxgan.features import function
      >>> default_metrics(ring(), function("points", lambda points: points))
      ('fd', 'kd', 'prdc', 'modes')
    """
    names = ["fd", "kd", "prdc"]
    if source.num_classes is not None and extractor.num_classes == source.num_classes:
        names.append("classes")
    if _is_mixture(source):
        names.append("modes")
    return tuple(names)


def _is_mixture(source: Source | DeviceSource) -> bool:
    return isinstance(source, DeviceSource) and len(source.modes) > 0


class Provided(NamedTuple):
    """What a game provides that metrics may need.

    Attributes:
      is_conditional: whether samples are asked for by class.
      has_latents: whether its latents are standard normal.
    """

    is_conditional: bool = False
    has_latents: bool = False


def check_metrics(
    names: Sequence[str | Metric], source: Source | DeviceSource, game: Provided
) -> dict[str, Metric]:
    """The metrics that are asked for, if these data and this game can give them.

    Args:
      names: keys of `METRICS`; `fid` and `kid` ask for `fd` and `kd` of the published network. Or
        metrics themselves, which go by the names of their first scores.
      source: the data.
      game: that is played.

    Returns:
      The metrics by the names given.

    Raises:
      EvaluationError: naming the metric and what it lacks.

    Example:
      >>> from jaxgan.data import digits
      >>> check_metrics(["modes"], digits(), Provided())
      Traceback (most recent call last):
      ...
      jaxgan.core.errors.EvaluationError: metrics: modes counts the modes of a mixture \
(ring, grid); digits is none
    """
    found = dict(map(_named, names))
    is_stored = isinstance(source, Source)
    has_pictures = len(source.element_spec["image"].shape) == 3
    for need, is_met, problem in (
        ("labels", source.num_classes is not None, f"needs labels; {source.name} has none"),
        (
            "mixture",
            _is_mixture(source),
            f"counts the modes of a mixture (ring, grid); {source.name} is none",
        ),
        (
            "stored",
            is_stored,
            f"looks for stored examples; {source.name} is sampled again every time",
        ),
        ("pictures", has_pictures, f"looks at images; {source.name} has points"),
        ("conditional", game.is_conditional, "needs a class-conditional game; num_classes is 0"),
        ("walk", game.has_latents, "needs standard normal latents, which this game has not"),
    ):
        _check_need(found, need, is_met, problem)
    return found


def _named(asked: str | Metric) -> tuple[str, Metric]:
    if isinstance(asked, str):
        if asked not in NAMES:
            raise EvaluationError(bad_value("metrics", asked, NAMES))
        return asked, METRICS[ALIASES.get(asked, asked)]
    known = {*NAMES, *(score for metric in METRICS.values() for score in metric.scores)}
    if not asked.scores or known & set(asked.scores):
        raise EvaluationError(
            bad_value("metrics: scores", asked.scores, "names that are not taken")
        )
    for need in sorted(asked.needs - KNOWN_NEEDS):
        name = f"metrics: {asked.scores[0]}.needs"
        raise EvaluationError(bad_value(name, need, sorted(KNOWN_NEEDS)))
    return asked.scores[0], asked


def check_features(
    chosen: Mapping[str, Metric], source: Source | DeviceSource, extractor: Extractor | None
) -> None:
    """Raises unless these features are what the metrics need.

    Args:
      chosen: as `check_metrics` gives them.
      source: the data.
      extractor: of the features; None if none of the metrics needs them.

    Raises:
      EvaluationError: naming the metric and what it lacks.

    Example:
      >>> from jaxgan.data import digits
      >>> check_features({"fid": METRICS["fd"]}, digits(), None)
      Traceback (most recent call last):
      ...
      jaxgan.core.errors.EvaluationError: metrics: fid is a score of the published \
Inception weights alone; `jaxgan weights inception` says how to get them; or ask for fd, which is \
named by its features
    """
    num_classes = None if extractor is None else extractor.num_classes
    name = None if extractor is None else extractor.name
    for asked in chosen:
        if asked in ALIASES and not is_published(extractor):
            raise EvaluationError(
                f"metrics: {asked} is a score of the published Inception weights alone; `jaxgan "
                f"weights inception` says how to get them; or ask for {ALIASES[asked]}, which is "
                "named by its features"
            )
    advice = "give --features classifier"
    for need, is_met, problem in (
        (
            "logits",
            num_classes is not None,
            f"needs a classifier; {name} gives features only: {advice}",
        ),
        (
            "classes",
            num_classes == source.num_classes,
            f"needs a classifier of the {source.num_classes} classes of {source.name}; {name} "
            f"knows {num_classes}: {advice}",
        ),
    ):
        _check_need(chosen, need, is_met, problem)


def _check_need(chosen: Mapping[str, Metric], need: str, is_met: bool, problem: str) -> None:
    for name, metric in chosen.items():
        if need in metric.needs and not is_met:
            raise EvaluationError(f"metrics: {name} {problem}")


def is_published(extractor: Extractor | None) -> bool:
    """Whether scores on these features may be called FID, KID and IS.

    Args:
      extractor: of the features.

    Returns:
      Whether its weights are the published ones.

    Example:
      >>> is_published(None)
      False
    """
    return extractor is not None and extractor.protocol.get("published") == 1


def score_name(name: str, metric: Metric, extractor: Extractor | None) -> str:
    """What a score is called.

    Args:
      name: one of the metric's `scores`.
      metric: the metric.
      extractor: of the features.

    Returns:
      The name with that of the features; `fid`, `kid` or `is` of the published ones.

    Example:
      >>> from jaxgan.features import function
      >>> score_name("fd", METRICS["fd"], function("mean", lambda images: images))
      'fd_mean'
    """
    if not metric.on_features or extractor is None:
        return name
    if is_published(extractor) and name in PUBLISHED:
        return PUBLISHED[name]
    return f"{name}_{extractor.name}"
