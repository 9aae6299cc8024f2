"""Whole algorithms of people's own: `"make_algorithm": "mine.py:three_players"`.

Such a config has no game, networks, loss, field or optimizers: the function makes all of them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from jaxgan.config.base import Config
from jaxgan.config.sections import Choice
from jaxgan.core.algorithm import Algorithm
from jaxgan.core.errors import ConfigError, InputError, bad_value
from jaxgan.data.source import ElementSpec

KEY = "make_algorithm"

IN_PYTHON = "python"
"""Stands in a config for what `jaxgan.train` was given as a value, which has no name."""

GIVEN = ("num_classes", "spec")
"""What the function may ask for, by the names of its parameters."""

ALLOWED = "an Algorithm, or a function that makes one"


def in_python(*, step: str) -> Algorithm:
    """An algorithm that only the program that made it can make.

    Args:
      step: digest of what its step computes, see `jaxgan.run.program`.

    Raises:
      ConfigError: always; the value itself is used where there is one.

    Example:
      >>> in_python(step="0a1b")
      Traceback (most recent call last):
      ...
      jaxgan.core.errors.ConfigError: its algorithm was made in Python and has no name; give it \
again: jaxgan.load(workdir, algorithm=...)
    """
    raise ConfigError(
        "its algorithm was made in Python and has no name; give it again: "
        "jaxgan.load(workdir, algorithm=...)"
    )


SECTION = Choice({IN_PYTHON: in_python}, given=GIVEN, makes=Algorithm)


def is_whole(config: Config) -> bool:
    """Whether a config names an algorithm as a whole.

    Args:
      config: as written, or resolved.

    Returns:
      Whether it has `make_algorithm`.

    Example:
      >>> is_whole({"make_algorithm": "mine.py:three_players"}), is_whole({"game": "gan"})
      (True, False)
    """
    return config.get(KEY) is not None


def make_algorithm(config: Config, spec: ElementSpec) -> Algorithm:
    """Makes the algorithm that a config names as a whole.

    Args:
      config: as `resolve` returns it.
      spec: shape and dtype of one example.

    Returns:
      The algorithm, without the transforms of the config.

    Raises:
      ConfigError: with the words of the function, or if it returns something else.

    Example:
      >>> make_algorithm({KEY: {"name": "jaxgan.games:dirac"}, "num_classes": 0}, {})
      Traceback (most recent call last):
      ...
      jaxgan.core.errors.ConfigError: make_algorithm: what it returns is a Game; it must be an \
Algorithm, such as jg.simultaneous(field, optimizers=...)
    """
    section = config[KEY]
    asked = _asked(SECTION.options(section["name"], KEY).function, config, spec)
    made: Algorithm = SECTION.make(section, KEY, **asked)
    return made


def call(make: Callable[..., Any], config: Config, spec: ElementSpec) -> Algorithm:
    """The algorithm that a function without a name makes.

    Args:
      make: the function, or a `functools.partial` with its options.
      config: as `resolve` returns it.
      spec: shape and dtype of one example.

    Returns:
      The algorithm.

    Raises:
      InputError: if it returns something else.

    Example:
      >>> call(lambda spec: spec, {"num_classes": 0}, {})
      Traceback (most recent call last):
      ...
      jaxgan.core.errors.InputError: algorithm is {}; it must be an Algorithm, or a function that \
makes one
    """
    made = make(**_asked(make, config, spec))
    if not isinstance(made, Algorithm):
        raise InputError(bad_value("algorithm", made, ALLOWED))
    return made


def _asked(function: Callable[..., Any], config: Config, spec: ElementSpec) -> dict[str, Any]:
    offered = {"num_classes": config["num_classes"], "spec": spec}
    asked = inspect.signature(function).parameters
    return {name: value for name, value in offered.items() if name in asked}
