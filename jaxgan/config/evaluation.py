"""What a config says of its evaluation: metrics and features, by name or of people's own."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.config.portable import is_own_extractor, located
from jaxgan.config.references import in_one_line, is_reference
from jaxgan.config.sections import Choice, Options, join
from jaxgan.core.errors import ConfigError, FeatureError, bad_value
from jaxgan.core.ranges import Several
from jaxgan.data import DeviceSource, Source
from jaxgan.evaluation import Metric, table
from jaxgan.evaluation.extractor import Features
from jaxgan.evaluation.measures import Found, Task
from jaxgan.features import Extractor
from jaxgan.features.base import check_name
from jaxgan.features.open import check_spec

OWN_METRIC = Choice({})
OWN_FEATURES = Choice({}, given=("num_classes", "shape", "source"))


@dataclass(frozen=True)
class Evaluation:
    """What is measured in training, see `jaxgan.evaluation`."""

    metrics: tuple[str, ...] = ()
    features: str = "auto"
    num_samples: Several = 5000


class _Metrics:
    """A list of names, and of references or sections of people's own metrics."""

    def resolve(self, section: Any, path: str) -> list[Any]:
        section = [] if section is None or section == "none" else section
        if not isinstance(section, list | tuple):
            raise ConfigError(bad_value(path, section, "a list, each a string"))
        return [self._resolved(entry, path) for entry in section]

    def _resolved(self, entry: Any, path: str) -> Any:
        name = entry["name"] if isinstance(entry, Mapping) and "name" in entry else entry
        if is_reference(name):
            return OWN_METRIC.resolve(entry, path)
        if not isinstance(entry, str):
            raise ConfigError(bad_value(path, [entry], "a list, each a string"))
        if entry not in table.NAMES:
            raise ConfigError(bad_value(path, entry, table.NAMES))
        return entry

    def make(self, section: Sequence[Any], path: str, **given: Any) -> tuple[str | Metric, ...]:
        made = [entry if isinstance(entry, str) else self._own(entry, path) for entry in section]
        return tuple(made)

    def _own(self, entry: Mapping[str, Any], path: str) -> Metric:
        path = join(path, entry["name"].rpartition(":")[2])
        made = OWN_METRIC.make(entry, path)
        if not isinstance(made, Metric):
            allowed = "a Metric, such as jg.evaluation.make_metric(name, compute)"
            raise ConfigError(bad_value(f"{path}: what it returns", made, allowed))

        options = ", ".join(f"{key}={value}" for key, value in entry.items() if key != "name")
        said = {"metric": f"{Path(entry['name']).name}({options})"}

        def compute(task: Task) -> list[Found]:
            with in_one_line("compute"):
                found = made.compute(task)
            return [one._replace(options={**one.options, **said}) for one in found]

        return made._replace(compute=compute)


class _Features:
    """A name, or a reference or section of people's own features."""

    def resolve(self, section: Any, path: str) -> Any:
        section = "auto" if section is None else section
        if section == "":
            raise ConfigError(bad_value(path, section, "a name"))
        name = section["name"] if isinstance(section, Mapping) and "name" in section else section
        if is_own_extractor(name):
            return OWN_FEATURES.resolve(section, path)
        if not isinstance(section, str):
            raise ConfigError(bad_value(path, section, "a string"))
        try:
            check_spec(section, path)
        except FeatureError as error:
            raise ConfigError(str(error)) from error
        return section

    def make(self, section: Any, path: str, **given: Any) -> Features:
        if isinstance(section, str):
            return section
        function = OWN_FEATURES.options(section["name"], path).function
        asks = inspect.signature(function).parameters

        def opened(source: Source | DeviceSource) -> Extractor:
            shape = source.element_spec["image"].shape
            offered = {"num_classes": source.num_classes, "shape": shape, "source": source}
            asked = {name: value for name, value in offered.items() if name in asks}
            return checked_extractor(OWN_FEATURES.make(section, path, **asked), shape, path)

        return opened


EVALUATION = Options(Evaluation, nested={"metrics": _Metrics(), "features": _Features()})


def checked_extractor(made: Any, shape: Sequence[int], path: str) -> Extractor:
    """What people's own function makes, if it turns examples into vectors.

    Args:
      made: what it returned.
      shape: of one example.
      path: dotted key, for messages.

    Returns:
      The extractor.

    Raises:
      ConfigError: if it is none, or gives something else; nothing is computed.

    Example:
      >>> checked_extractor(3, (2,), "features")
      Traceback (most recent call last):
      ...
      jaxgan.core.errors.ConfigError: features: what it returns is 3; it must be an Extractor, \
such as jg.features.function(name, apply)
    """
    if not isinstance(made, Extractor):
        allowed = "an Extractor, such as jg.features.function(name, apply)"
        raise ConfigError(bad_value(f"{path}: what it returns", made, allowed))
    images = jax.ShapeDtypeStruct((2, *shape), jnp.float32)
    with in_one_line(path):
        check_name(made.name)
        found = jax.eval_shape(made.apply, made.params, images)
        shapes = {name: one.shape for name, one in found.items()}
    known, wanted = (2, made.num_classes), {"features": "[2, F]"}
    if made.num_classes is not None:
        wanted["logits"] = f"[2, {made.num_classes}]"
    is_flat = all(len(shape) == 2 and shape[0] == 2 for shape in shapes.values())
    if set(shapes) != set(wanted) or not is_flat or shapes.get("logits", known) != known:
        raise ConfigError(bad_value(f"{path}: of 2 examples it", shapes, str(wanted)))
    return made


class Asked(NamedTuple):
    """What the command line asks for.

    Attributes:
      metrics: names, and metrics themselves.
      features: a name, or what opens them.
    """

    metrics: tuple[str | Metric, ...]
    features: Features


def asked_for(metrics: Sequence[str], features: str, folder: Path) -> Asked:
    """Metrics and features by the words of a command line.

    Args:
      metrics: names, or references.
      features: likewise.
      folder: from which files of references are found.

    Returns:
      What `jaxgan.run.loaded.Loaded.evaluate` takes.

    Raises:
      ConfigError: naming what is not known.

    Example:
      >>> asked_for(["fd"], "pixels", Path())
      Asked(metrics=('fd',), features='pixels')
    """
    section = {"metrics": list(metrics), "features": features}
    found = located({"evaluation": section}, folder)["evaluation"]
    made = EVALUATION.make(EVALUATION.resolve(found, ""), "")
    return Asked(made.metrics, made.features)
