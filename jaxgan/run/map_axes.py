"""The axes of a map: what `--axis` says, and which of them are arrays of one program."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from jaxgan.config import build, build_grid, grid
from jaxgan.config.base import Config, with_flags, with_value
from jaxgan.config.data import open_data
from jaxgan.config.resolve import FREE_KEYS, resolve
from jaxgan.core.errors import ConfigError, InputError, bad_value
from jaxgan.core.text import shown
from jaxgan.data import DeviceSource

FORMS = "KEY=log:LOW:HIGH:NUM, KEY=linear:LOW:HIGH:NUM or KEY=list:A,B,C"


NO_AXES = ("deterministic", "mesh", "num_seeds", "reproducible", "substeps", "sweep")
"""Keys that change how members are played, and not what they do."""


class Axis(NamedTuple):
    """An axis of a map.

    Attributes:
      key: of the config, dotted.
      values: numbers or, of an axis of programs, any values.
      kind: how it is drawn.
    """

    key: str
    values: tuple[Any, ...]
    kind: Literal["log", "linear", "list"]


def parse_axis(text: str) -> Axis:
    """Reads an axis of the command line.

    Args:
      text: `KEY=log:LOW:HIGH:NUM`, `KEY=linear:LOW:HIGH:NUM` or `KEY=list:A,B,C`.

    Returns:
      An `Axis`.

    Raises:
      InputError: if it is none of these, or empty or unsorted.

    Example:
      >>> parse_axis("field.consensus.gamma=log:0.1:10:3")
      Axis(key='field.consensus.gamma', values=(0.1, 1.0, 10.0), kind='log')
      >>> parse_axis("unrolled.num_steps=list:0,5").values
      (0, 5)
    """
    key, _, said = text.partition("=")
    kind, _, rest = said.partition(":")
    parts = rest.split(":")
    if key and kind == "list" and rest:
        section = with_flags({}, [f"--config.{n}={part}" for n, part in _named(rest.split(","))])
        return _checked(Axis(key, tuple(section.values()), "list"))
    if not key or kind not in grid.RANGES or len(parts) != 3:
        raise InputError(bad_value("axis", text, FORMS))
    try:
        low, high, num = float(parts[0]), float(parts[1]), int(parts[2])
    except ValueError:
        raise InputError(bad_value("axis", text, FORMS)) from None
    values = grid.values_of({kind: [low, high, num]}, f"axis {key}")
    return Axis(key, tuple(values), "log" if kind == "log" else "linear")


def _named(parts: Sequence[str]) -> list[tuple[str, str]]:
    return [(f"v{number}", part) for number, part in enumerate(parts)]


def _checked(axis: Axis) -> Axis:
    """Raises unless the values of a list differ, and numbers increase."""
    values = axis.values
    if all(isinstance(x, int | float) and not isinstance(x, bool) for x in values):
        if any(b <= a for a, b in itertools.pairwise(values)):
            raise InputError(bad_value(f"axis {axis.key}", list(values), "in increasing order"))
    elif len({repr(x) for x in values}) < len(values):
        raise InputError(bad_value(f"axis {axis.key}", list(values), "without repetitions"))
    return axis


class Split(NamedTuple):
    """The axes of a map by what they need.

    Attributes:
      numbers: axes that are arrays of one program.
      programs: axes of which each value is a program of its own.
    """

    numbers: tuple[Axis, ...]
    programs: tuple[Axis, ...]


def split_axes(config: Config, axes: Sequence[Axis]) -> Split:
    """Sorts axes by whether a step takes their values as arrays; nothing is compiled.

    Args:
      config: as written, without a grid.
      axes: of the map; at least one.

    Returns:
      A `Split`.

    Raises:
      ConfigError: naming an axis that is nothing of the config.

    Example:
      See `jaxgan.cli.phase_map`.
    """
    keys = [axis.key for axis in axes]
    if twice := [key for key in keys if keys.count(key) > 1]:
        raise InputError(f"axis {twice[0]} is there twice")
    for key in keys:
        if key != "nonfinite" and {key, key.partition(".")[0]} & {*FREE_KEYS, *NO_AXES}:
            raise ConfigError(f"axis {key} changes no step that a map plays")
    base = _at_first(config, axes)
    are_arrays = [_are_arrays(base, axis) for axis in axes]
    of_kind = {
        kind: [a for a, is_one in zip(axes, are_arrays, strict=True) if is_one == kind]
        for kind in (True, False)
    }
    return Split(tuple(of_kind[True]), tuple(of_kind[False]))


def _at_first(config: Config, axes: Sequence[Axis]) -> Config:
    for axis in axes:
        config = with_value(config, axis.key, axis.values[0])
    return config


def _are_arrays(config: Config, axis: Axis) -> bool:
    if not all(isinstance(x, int | float) and not isinstance(x, bool) for x in axis.values):
        return False
    try:
        full = resolve({**config, grid.KEY: {axis.key: list(axis.values)}})
        source = open_data(full)
        on_device = source if isinstance(source, DeviceSource) else None
        make = build.build_make(full, source.element_spec, on_device)
        build_grid.check_axes(make, full, source.element_spec, on_device is None)
    except grid.ProgramError:
        return False
    except ConfigError as error:
        raise ConfigError(str(error).replace(f"{grid.KEY}: ", "axis: ", 1)) from error
    return True


def programs_of(split: Split, config: Config) -> list[tuple[dict[str, Any], Config]]:
    """The programs of a map, one after the other.

    Args:
      split: as `split_axes` gives it.
      config: as written.

    Returns:
      (values of the axes of programs by key, the complete config) of each.

    Raises:
      ConfigError: naming a value that is not allowed.

    Example:
      See `jaxgan.cli.phase_map`.
    """
    found = []
    for values in itertools.product(*(axis.values for axis in split.programs)):
        named = dict(zip((axis.key for axis in split.programs), values, strict=True))
        one = _at_first(config, split.numbers)
        for key, value in named.items():
            one = with_value(one, key, value)
        try:
            found.append((named, resolve(one)))
        except ConfigError as error:
            raise ConfigError(f"axis: {error}") from error
    return found


def label_of(value: Any) -> str:
    """A value of an axis, as pictures and tables have it.

    Args:
      value: a number, or another.

    Returns:
      A few characters.

    Example:
      >>> label_of(0.001), label_of(10000.0), label_of("hinge")
      ('0.001', '1e+04', 'hinge')
    """
    return f"{value:.3g}" if isinstance(value, int | float) else str(shown(value)).strip("'")
