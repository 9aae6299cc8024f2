"""What one example of a config's data looks like, whether the data are there or not."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxgan.config import build
from jaxgan.config.base import Config
from jaxgan.config.data import open_data
from jaxgan.core.errors import ConfigError, DataError, bad_value
from jaxgan.data import DeviceSource
from jaxgan.data.partly_labelled import partly_labelled_spec
from jaxgan.data.source import ElementSpec, element_spec_of
from jaxgan.plan.examples import tfds_spec


def example_of(config: Config, shape: str | None) -> tuple[ElementSpec, DeviceSource | None]:
    """Shape and dtype of one example.

    Args:
      config: as `resolve` returns it.
      shape: `H,W,C` or `D`, where the data are not there; `H,W,C/H,W,C` for an image and the source
        it is made of. None asks the data.

    Returns:
      (the example, the data themselves if they are made on the device).

    Raises:
      ConfigError, DataError: if it cannot be known.

    Example:
      >>> spec, _ = example_of({"num_classes": 0, "data": {"source": "paired:a"}}, "8,8,3/4,4,3")
      >>> spec["image"].shape, spec["source"].shape
      ((8, 8, 3), (4, 4, 3))
    """
    if shape is not None:
        sizes = [_sizes(part, shape) for part in shape.split("/")]
        hidden = bool(config["data"].get("num_labels"))
        spec = element_spec_of(sizes[0], config["num_classes"] > 0 or hidden)
        if len(sizes) == 2:
            spec["source"] = jax.ShapeDtypeStruct(tuple(sizes[1]), jnp.float32)
        return (partly_labelled_spec(spec) if hidden else spec), None
    try:
        source = open_data(config)
    except (DataError, ConfigError) as error:
        kind, _, name = config["data"]["source"].partition(":")
        known = tfds_spec(name, config["data"]) if kind == "tfds" else None
        if known is None:
            raise DataError(f"{error}; --example-shape H,W,C does without data") from error
        return known, None
    build.check_classes(config, source)
    return source.element_spec, source if isinstance(source, DeviceSource) else None


def _sizes(part: str, shape: str) -> list[int]:
    sizes = part.split(",")
    is_known = all(size.isdecimal() and int(size) > 0 for size in sizes)
    if not is_known or shape.count("/") > 1:
        raise ConfigError(bad_value("example-shape", shape, "H,W,C or D, or H,W,C/H,W,C"))
    return [int(size) for size in sizes]
