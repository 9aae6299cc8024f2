"""Measuring anything that draws samples: `jaxgan.evaluate(sampler, data)`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jax.sharding import Mesh

from jaxgan import distributed
from jaxgan.core.errors import EvaluationError, InputError, bad_value
from jaxgan.core.ranges import Count, checked
from jaxgan.data import DeviceSource, Source, columns, open_source
from jaxgan.distributed.processes import is_first
from jaxgan.evaluation import table
from jaxgan.evaluation.evaluator import Evaluation, Options, make_sampler_evaluator
from jaxgan.evaluation.extractor import Features, open_extractor
from jaxgan.evaluation.programs import HostSampler
from jaxgan.evaluation.progress import ProgressCallback, make_progress, silent
from jaxgan.evaluation.table import Metric


@checked
def evaluate(
    sampler: HostSampler | Source | Mapping[str, Any] | str,
    data: str | Mapping[str, Any] | Source | DeviceSource,
    *,
    metrics: Sequence[str | Metric] = (),
    features: Features = "auto",
    num_samples: int = 5000,
    num_real: int | None = None,
    num_classes: Count | None = None,
    seed: int = 0,
    cache_dir: Path | None = None,
    mesh: Mesh | None = None,
    progress: ProgressCallback | None = None,
) -> Evaluation:
    """Measures anything that draws samples: a function, or another framework's generator.

    Args:
      sampler: (key, num) -> samples [num, ...] like the data's: images in [-1, 1] as [num, H, W, C]
        or points [num, D], of any array type that NumPy reads. It is called for a few hundred at a
        time, each time with another JAX key. With `num_classes` it is (key, num, labels [num]).
        Or samples that are there already, given as `data` is: `"folder:PATH"`.
      data: what they are compared with: a name that configs know, such as `"digits"` or
        `"folder:PATH"`; `{"image": array}`; or a source.
      metrics: names of docs/evaluation.md, or metrics, see `make_metric`; those that fit the data
        by default.
      features: the name of a feature network, see `jaxgan.features.open_features`, or one itself.
      num_samples: how many samples are drawn, or taken of those that are there.
      num_real: how many real examples; all by default.
      num_classes: of the data, whose classes the samples then follow.
      seed: of the keys.
      cache_dir: where features of real examples are kept; nowhere by default.
      mesh: the devices; all of them by default.
      progress: called with how far it is; lines on stderr by default.

    Returns:
      The scores, with how each was measured.

    Raises:
      EvaluationError, DataError: naming the option and what is allowed.

    Example:
      >>> import jax
      >>> from jaxgan.data import ring
      >>> real = ring()
      >>> found = evaluate(lambda key, num: real.sample(key, num)["image"], real,
      ...                  metrics=["modes"], num_samples=512)
      >>> found["num_modes"]
      8.0
    """
    data = _opened(data, "data")
    drawn = sampler if callable(sampler) else _samples(sampler, data)
    if isinstance(drawn, Source):
        num_samples = min(num_samples, drawn.num_examples)
        if num_classes is not None:
            words = bad_value("num_classes", num_classes, "left out, of samples that are there")
            raise EvaluationError(words)
    if num_classes is not None and num_classes != data.num_classes:
        raise EvaluationError(bad_value("num_classes", num_classes, f"{data.num_classes}"))
    needs = table.Provided(is_conditional=num_classes is not None, has_latents=False)
    table.check_metrics(metrics, data, needs)
    features_dir = None if cache_dir is None else cache_dir / "features"
    evaluator = make_sampler_evaluator(
        drawn,
        data,
        open_extractor(features, metrics, data, cache_dir),
        distributed.make_mesh() if mesh is None else mesh,
        Options(tuple(metrics), num_samples, num_real, seed, cache_dir=features_dir),
        num_classes=num_classes,
    )
    return evaluator.evaluate(None, progress or (make_progress() if is_first() else silent))


def _opened(
    data: str | Mapping[str, Any] | Source | DeviceSource, name: str
) -> Source | DeviceSource:
    if isinstance(data, str):
        data = open_source(data)
    elif isinstance(data, Mapping):
        data = columns(data)
    if not isinstance(data, Source | DeviceSource):
        allowed = "a name such as 'digits', {'image': array}, or a source"
        raise InputError(bad_value(name, data, allowed))
    if "image" not in data.element_spec:
        names = list(data.element_spec)
        raise EvaluationError(bad_value(name, names, "examples with an 'image' to compare with"))
    return data


def _samples(given: str | Mapping[str, Any] | Source, data: Source | DeviceSource) -> Source:
    """Samples that are there already."""
    source = _opened(given, "sampler")
    if isinstance(source, DeviceSource):
        raise InputError(bad_value("sampler", source.name, "a function, or samples in files"))
    found, real = (list(one.element_spec["image"].shape) for one in (source, data))
    if found != real:
        words = f"sampler: {source.name} has images of {found}, {data.name} of {real}"
        raise EvaluationError(words)
    return source
