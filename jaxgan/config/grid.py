"""The section `sweep`: a grid of a config's numbers, trained in one program."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from jaxgan import transforms as tf
from jaxgan.config.base import Config, with_value
from jaxgan.core.errors import ConfigError, bad_value
from jaxgan.core.ranges import Finite, Several, fits
from jaxgan.core.text import shown

KEY = "sweep"


class ProgramError(ConfigError):
    """A key whose values are compiled into the program."""


RANGES: Mapping[str, Callable[..., np.ndarray]] = {"linear": np.linspace, "log": np.geomspace}

_ALLOWED = "a list of increasing numbers, {'log': [low, high, num]} or {'linear': [low, high, num]}"

OUTSIDE = ("data", "evaluation", "hooks", "mesh", "sweep", "writers")
"""Sections that no step is made of."""


def resolve_grid(section: Any, config: Config, resolve: Callable[[Config], Config]) -> Config:
    """Checks a grid against its config, and completes that at the grid's first point.

    Args:
      section: `{KEY: [numbers] or {"log": [low, high, num]}}`; keys may be nested instead of
        dotted.
      config: the rest of the config, as written.
      resolve: completes a config without a grid.

    Returns:
      The complete config with the first point's numbers in it, and the grid under `sweep`.

    Raises:
      ConfigError: naming the key, its value and what is allowed.

    Example:
      >>> resolve_grid({"rate": {"log": [0.1, 10, 3]}}, {"rate": 1.0}, dict)
      {'rate': 0.1, 'sweep': {'rate': {'log': [0.1, 10, 3]}}}
    """
    axes = _axes(section, "")
    values = {key: values_of(axis, f"{KEY}.{key}") for key, axis in axes.items()}
    if isinstance(config.get("data"), str):
        config["data"] = {"source": config["data"]}
    for key, numbers in values.items():
        config = with_value(config, key, numbers[0])
    for key, numbers in values.items():
        # Ranges are intervals: what holds at the ends holds between them.
        for number in (numbers[0], numbers[-1]):
            _check_number(key, number, config, resolve)
    tf.points(**values)
    return {**resolve(config), KEY: axes}


def _axes(section: Any, path: str) -> Config:
    """Axes by dotted key, of sections that may be nested."""
    if not isinstance(section, Mapping):
        raise ConfigError(bad_value(KEY, section, "{key of the config: [numbers]}, or none"))
    found: Config = {}
    for key, value in section.items():
        name = f"{path}.{key}".lstrip(".")
        is_axis = not isinstance(value, Mapping) or set(value) <= set(RANGES)
        found |= {name: value} if is_axis else _axes(value, name)
    return found


def values_of(axis: Any, path: str) -> list[float]:
    """The numbers of an axis.

    Args:
      axis: a list, or `{"log": [low, high, num]}`, or `{"linear": [low, high, num]}`.
      path: its name, for messages.

    Returns:
      Increasing numbers.

    Raises:
      ConfigError: if it is none of these, empty, or not increasing.

    Example:
      >>> values_of([1, 2], "a"), values_of({"log": [1e-2, 1, 3]}, "b")
      ([1.0, 2.0], [0.01, 0.1, 1.0])
      >>> values_of([2, 1], "optimizer.gen.learning_rate")  # doctest: +ELLIPSIS
      Traceback (most recent call last):
      ...
      jaxgan.core.errors.ConfigError: optimizer.gen.learning_rate is [2, 1]; it must be a list ...
    """
    numbers = axis
    if isinstance(axis, Mapping) and len(axis) == 1 and set(axis) <= set(RANGES):
        ((kind, numbers),) = axis.items()
        if not isinstance(numbers, Sequence) or len(numbers) != 3 or not _are_numbers(numbers):
            raise ConfigError(bad_value(f"{path}.{kind}", numbers, "[low, high, num]"))
        low, high, num = numbers
        if not fits(num, Several) or low >= high or (kind == "log" and low <= 0):
            bounds = "0 < low < high" if kind == "log" else "low < high"
            allowed = f"[low, high, num] with {bounds} and num of 2 or more"
            raise ConfigError(bad_value(f"{path}.{kind}", numbers, allowed))
        numbers = [float(f"{x:.12g}") for x in RANGES[kind](low, high, num)]
    if not isinstance(numbers, Sequence) or not numbers or not _are_numbers(numbers):
        raise ConfigError(bad_value(path, axis, _ALLOWED))
    if any(a >= b for a, b in itertools.pairwise(numbers)):
        raise ConfigError(bad_value(path, axis, _ALLOWED))
    return [float(x) for x in numbers]


def _are_numbers(values: Sequence[Any]) -> bool:
    return all(fits(x, Finite) for x in values)


def _check_number(
    key: str, number: float, config: Config, resolve: Callable[[Config], Config]
) -> None:
    try:
        resolve(with_value(config, key, number))
    except ConfigError as error:
        if number.is_integer() and _is_allowed(with_value(config, key, int(number)), resolve):
            raise ProgramError(shapes(key)) from error
        raise ConfigError(f"{KEY}: {error}") from error
    if key.partition(".")[0] in OUTSIDE:
        raise ProgramError(shapes(key))


def _is_allowed(config: Config, resolve: Callable[[Config], Config]) -> bool:
    try:
        resolve(config)
    except ConfigError:
        return False
    return True


def shapes(key: str) -> str:
    """What is said of a key whose values are compiled into the program.

    Args:
      key: dotted.

    Returns:
      One line.

    Example:
      >>> shapes("unrolled.num_steps").partition(";")[0]
      'sweep: unrolled.num_steps changes the program, not a number in it'
    """
    return (
        f"{KEY}: {shown(key)[1:-1]} changes the program, not a number in it; jaxgan map --axis "
        "takes it, as one program each"
    )


def axes_of(config: Config) -> dict[str, list[float]]:
    """The axes of a resolved config.

    Args:
      config: as `jaxgan.config.resolve.resolve` returns it.

    Returns:
      Numbers by dotted key; empty where there is no grid.

    Example:
      >>> axes_of({"sweep": {"optimizer.gen.learning_rate": {"linear": [1, 3, 3]}}})
      {'optimizer.gen.learning_rate': [1.0, 2.0, 3.0]}
    """
    return {key: values_of(axis, key) for key, axis in config[KEY].items()}


def at_point(config: Config, numbers: Mapping[str, Any]) -> Config:
    """A config with other numbers.

    Args:
      config: resolved.
      numbers: by dotted key; they may be traced.

    Returns:
      The config of that point, without a grid.

    Example:
      >>> config = {"ema": {"decay": 0.9}, "sweep": {"ema.decay": [0.9, 0.99]}}
      >>> at_point(config, {"ema.decay": 0.99})
      {'ema': {'decay': 0.99}, 'sweep': {}}
    """
    for key, number in numbers.items():
        config = with_value(config, key, number)
    return {**config, KEY: {}}


def member_names(config: Config) -> list[str]:
    """The names of a run's members, as its metrics have them.

    Args:
      config: resolved.

    Returns:
      One a member, in the order of the state; of a run of several seeds alone, `seed=0` and so on;
      of a single one `[""]`.

    Example:
      >>> member_names({"num_seeds": 1, "sweep": {"ema.decay": [0.9, 0.99]}})
      ['ema.decay=0.9', 'ema.decay=0.99']
      >>> member_names({"num_seeds": 2, "sweep": {}})
      ['seed=0', 'seed=1']
    """
    num = config["num_seeds"]
    if not config[KEY]:
        return [""] if num == 1 else [f"seed={seed}" for seed in range(num)]
    return tf.member_names(num_seeds=num, **axes_of(config))


def member_numbers(config: Config, member: int) -> dict[str, float]:
    """The numbers of one member.

    Args:
      config: resolved.
      member: its place in the state.

    Returns:
      Numbers by dotted key.

    Example:
      >>> member_numbers({"num_seeds": 2, "sweep": {"ema.decay": [0.9, 0.99]}}, 2)
      {'ema.decay': 0.99}
    """
    if not config[KEY]:
        return {}
    point = member // int(config["num_seeds"])
    return tf.points(**axes_of(config))[point]


def num_members(config: Config) -> int:
    """How many members a run trains.

    Args:
      config: resolved.

    Returns:
      The points of its grid times its seeds.

    Example:
      >>> num_members({"num_seeds": 4, "sweep": {"ema.decay": {"linear": [0.9, 0.99, 3]}}})
      12
    """
    sizes = [len(values) for values in axes_of(config).values()]
    return math.prod(sizes) * int(config["num_seeds"])
