"""The features that some metrics need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from jaxgan.core.errors import EvaluationError, FeatureError
from jaxgan.data import DeviceSource, Source
from jaxgan.evaluation import table
from jaxgan.evaluation.table import Metric
from jaxgan.features import Extractor, open_features

Features = str | Extractor | Callable[[Source | DeviceSource], Extractor]
"""Features by name, themselves, or by a function of the data that opens them."""


def open_extractor(
    features: Features,
    metrics: Sequence[str | Metric],
    source: Source | DeviceSource,
    cache_dir: Path | None = None,
) -> Extractor | None:
    """The features that some metrics need.

    Args:
      features: themselves, a function of the data that opens them, or a name, see
        `open_features`; with `auto`, `fid` and `kid` take `inception`.
      metrics: keys of `table.METRICS`, or metrics; () for the default ones.
      source: the data.
      cache_dir: where a trained classifier is kept; None for the usual place.

    Returns:
      An extractor; None if no metric needs one.

    Raises:
      EvaluationError: if the features cannot be had; one line.

    Example:
      >>> from jaxgan.data import ring
      >>> open_extractor("auto", ["modes"], ring()) is None
      True
      >>> open_extractor("pixels", ["fid"], ring())
      Traceback (most recent call last):
      ...
      jaxgan.core.errors.EvaluationError: metrics: fid is a score of the published \
Inception weights; features are 'pixels', which give fd_pixels: ask for fd, or for --features \
inception
    """
    if metrics and not table.needs_features(metrics):
        return None
    if not isinstance(features, str):
        return features if isinstance(features, Extractor) else features(source)
    asked = [name for name in metrics if isinstance(name, str) and name in table.ALIASES]
    if asked and features == "auto":
        features = "inception"
    if asked and not features.startswith("inception"):
        plain = table.ALIASES[asked[0]]
        raise EvaluationError(
            f"metrics: {asked[0]} is a score of the published Inception weights; features are "
            f"{features!r}, which give {plain}_{features}: ask for {plain}, or for --features "
            "inception"
        )
    try:
        return open_features(features, source=source, cache_dir=cache_dir)
    except FeatureError as error:
        reason = f"{asked[0]}: " if asked else ""
        raise EvaluationError(f"{reason}{error}") from error
