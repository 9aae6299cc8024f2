"""The data of a config: by a name that jaxgan knows, or by a function of people's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from jaxgan.config.algorithms import IN_PYTHON
from jaxgan.config.base import Config, name_of
from jaxgan.config.portable import is_own_source
from jaxgan.config.references import in_one_line
from jaxgan.config.sections import Choice
from jaxgan.core.checks import first_difference
from jaxgan.core.errors import ConfigError, bad_value
from jaxgan.data import DeviceSource, Source, columns, open_source
from jaxgan.data import options_of as known_options
from jaxgan.data.source import ElementSpec

OWN = Choice({}, key="source")


def resolve_data(data: Any) -> Config:
    """Checks what a config says of its data; options of people's own source get their defaults.

    Args:
      data: as written.

    Returns:
      `{"source": ..., option: value}`.

    Raises:
      ConfigError: naming the key, its value and what is allowed.

    Example:
      >>> resolve_data("digits")
      {'source': 'digits'}
    """
    data = {"source": data} if isinstance(data, str) else data
    if not isinstance(data, dict) or not isinstance(data.get("source"), str):
        raise ConfigError(bad_value("data", data, "a source or {'source': ..., ...}"))
    if is_own_source(data["source"]):
        own: Config = OWN.resolve(data, "data")
        return own
    options = {key: None if value == "none" else value for key, value in data.items()}
    return {**options, "source": data["source"]}


def options_of(source: str) -> tuple[str, ...] | None:
    """The options that data take.

    Args:
      source: a kind that jaxgan knows, or a reference.

    Returns:
      Their names; None of an unknown kind.

    Raises:
      ConfigError: if there is no such file or function.

    Example:
      >>> options_of("ring"), options_of("rings:8")
      (('num_modes', 'radius', 'std'), None)
    """
    if is_own_source(source):
        return tuple(OWN.options(source, "data").parameters)
    return known_options(source)


def open_data(config: Config) -> Source | DeviceSource:
    """Opens the data of a resolved config.

    Args:
      config: as `resolve` returns it.

    Returns:
      The source.

    Raises:
      DataError: if it cannot be used.
      ConfigError: if reading it needs an extra that is not installed, or people's own function
        makes something else.

    Example:
      >>> open_data({"data": {"source": "digits"}}).num_examples
      1797
    """
    section = config["data"]
    if section["source"] == IN_PYTHON:
        raise ConfigError("data.source was given in Python and has no name; give the data again")
    if is_own_source(section["source"]):
        return _checked(OWN.make(section, "data"), name_of(section["source"]))
    options = {key: value for key, value in section.items() if key != "source"}
    try:
        return open_source(section["source"], **options)
    except ImportError as error:
        raise ConfigError(f"data.source: {error}") from error


def _checked(made: Any, name: str) -> Source | DeviceSource:
    """What people's own function makes as a source, if its examples are what it says."""
    source = columns(made, name=name) if isinstance(made, Mapping) else made
    if not isinstance(source, Source | DeviceSource):
        allowed = "a Source, a DeviceSource or {column: array}"
        raise ConfigError(bad_value("data: what it returns", made, allowed))
    if isinstance(source, DeviceSource):
        sample = _checking(source.sample, source.element_spec, lambda key, num: num)
        jax.eval_shape(lambda: sample(jax.random.key(0), 2))
        return source
    source = source._replace(read=_checking(source.read, source.element_spec, len))
    source.read(np.zeros(2, int))
    if source.read_elements is not None:
        read = _checking(
            source.read_elements, source.element_spec, lambda numbers, seed: len(numbers)
        )
        source = source._replace(read_elements=read)
        read(np.arange(2), 0)
    return source


def _checking(
    read: Callable[..., Any], spec: ElementSpec, num: Callable[..., int]
) -> Callable[..., Any]:
    """The same where it returns what the spec says; else, or where it raises, one line says so."""

    def checking(*args: Any) -> Any:
        with in_one_line("data"):
            batch = read(*args)
        lead = num(*args)
        said = jax.tree.map(lambda one: jax.ShapeDtypeStruct((lead, *one.shape), one.dtype), spec)
        if difference := first_difference(said, batch):
            words = f"data: {lead} examples are not as its element_spec says: {difference}"
            raise ConfigError(words)
        return batch

    return checking
