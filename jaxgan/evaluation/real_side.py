"""The real examples of an evaluation: their features, made once and kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from jaxgan.distributed.agreement import check_same, in_all
from jaxgan.evaluation import collect, reference
from jaxgan.evaluation.collect import Side
from jaxgan.evaluation.programs import Programs
from jaxgan.evaluation.progress import ProgressCallback
from jaxgan.evaluation.reference import Arrays, Reference
from jaxgan.features import Extractor
from jaxgan.metrics import Moments


def real_side(
    programs: Programs,
    examples: Reference,
    extractor: Extractor | None,
    cache_dir: Path | None,
    progress: ProgressCallback,
) -> tuple[Side, str]:
    """What is known of the real examples; features come from the cache where it has them.

    Args:
      programs: as `make_programs` makes them.
      examples: the real ones.
      extractor: of the features; None if no metric needs any.
      cache_dir: where features are kept; None for nowhere.
      progress: called with how far it is.

    Returns:
      (their side, their digest).

    Raises:
      EvaluationError: if features are not finite.

    Example:
      See `make_evaluator`.
    """
    digest = reference.digest_of(examples)
    about = {} if extractor is None else extractor.protocol
    check_same({"data": digest, **{f"features.{k}": v for k, v in about.items()}})
    labels = collect.labels_of(examples)
    if extractor is None:
        return Side(num=examples.num, labels=labels), digest
    path = (
        None if cache_dir is None else reference.cache_path(cache_dir, digest, extractor.protocol)
    )
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
