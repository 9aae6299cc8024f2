"""Hooks and writers, from a config."""

from __future__ import annotations

import importlib.util
import inspect
import logging
import numbers
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from jaxgan.config.base import Config, name_of
from jaxgan.config.lists import Listed
from jaxgan.config.references import in_one_line
from jaxgan.core.errors import ConfigError, bad_value
from jaxgan.core.ranges import Count, check
from jaxgan.core.text import one_line
from jaxgan.training.hooks import Hook, Moment, check_every
from jaxgan.writers import tracking
from jaxgan.writers.writer import METHODS, Writer

logger = logging.getLogger(__name__)

_OFFERED = ("game", "source", "workdir")
"""What a function may ask for, by the names of its parameters."""


class _Hooks(Listed):
    """Entries with `every`, the steps between two calls."""

    def resolve_entry(self, entry: Any, path: str) -> Config:
        said = entry if isinstance(entry, Mapping) else {"name": entry}
        every = said.get("every")
        rest = {key: value for key, value in said.items() if key != "every"}
        resolved = super().resolve_entry(rest, path)
        try:
            check(f"{path}.every", every, Count | None)
        except ValueError as error:
            raise ConfigError(str(error)) from error
        return {**resolved, "every": every}


HOOKS = _Hooks(given=("every", *_OFFERED))
WRITERS = Listed(
    given=("config", "resume_step", "workdir"),
    table={name: getattr(tracking, name) for name in tracking.__all__},
)

_PACKAGES = ("aim", "mlflow", "wandb")
"""Writers that need a package of their own name, and so are extras of that name."""


def make_hooks(
    section: Sequence[Config], *, log_every_steps: int, steps_per_call: int, **offered: Any
) -> list[Hook]:
    """The hooks of a resolved config.

    Args:
      section: its `hooks`.
      log_every_steps: how often one is called that does not say it.
      steps_per_call: steps done by one call of the compiled step.
      **offered: what their functions may ask for.

    Returns:
      Hooks, in order.

    Raises:
      ConfigError: if a function makes something else.

    Example:
      >>> make_hooks([], log_every_steps=100, steps_per_call=1)
      []
    """
    return [_hook(entry, log_every_steps, steps_per_call, offered) for entry in section]


def _hook(
    entry: Config, log_every_steps: int, steps_per_call: int, offered: Mapping[str, Any]
) -> Hook:
    path, said = HOOKS.path_of(entry, "hooks"), entry["every"]
    options = {key: value for key, value in entry.items() if key != "every"}
    every = log_every_steps if said is None else said
    given = {**offered, "every": every}
    asks = inspect.signature(HOOKS.choice.options(entry["name"], path).function).parameters
    asked = {name: value for name, value in given.items() if name in asks}
    made = HOOKS.choice.make(options, path, **asked)
    if isinstance(made, Hook):
        every, call = made.every if said is None else said, made.call
    elif callable(made):
        call = made
    else:
        allowed = "a function of a Moment, or a jaxgan.training.hooks.Hook"
        raise ConfigError(bad_value(f"{path}: what it returns", made, allowed))
    check_every({f"{path}.every": every}, steps_per_call=steps_per_call)
    return Hook(every, path, partial(_called, call, path))


def _called(
    call: Callable[[Moment], Mapping[str, float] | None], path: str, now: Moment
) -> Mapping[str, float] | None:
    with in_one_line(path):
        found = call(now)
    if found is None:
        return None
    is_right = isinstance(found, Mapping) and all(
        isinstance(name, str) and (isinstance(x, numbers.Real) or getattr(x, "shape", None) == ())
        for name, x in found.items()
    )
    if not is_right:
        raise ConfigError(bad_value(f"{path}: what it returns", found, "{name: number}, or none"))
    return found


def make_writers(
    section: Sequence[Config], workdir: Path, config: Config
) -> dict[str, Callable[[int | None], Writer | None]]:
    """The writers of a resolved config.

    Args:
      section: its `writers`.
      workdir: the run's folder.
      config: of the run, as its folder has it.

    Returns:
      By name, functions of the step that a run goes on from, None at its beginning, that open them;
      what cannot be opened is a warning and None.

    Raises:
      ConfigError: if one needs a package that is not there.

    Example:
      >>> make_writers([], Path("a"), {})
      {}
    """
    for entry in section:
        name = entry["name"]
        if name in _PACKAGES and importlib.util.find_spec(name) is None:
            raise ConfigError(f"writers: {name} is not installed; pip install 'jaxgan[{name}]'")
    return {
        f"{number}:{name_of(entry)}": partial(_writer, entry, workdir, config)
        for number, entry in enumerate(section)
    }


def _writer(entry: Config, workdir: Path, config: Config, resume_step: int | None) -> Writer | None:
    path = WRITERS.path_of(entry, "writers")
    asks = inspect.signature(WRITERS.choice.options(entry["name"], path).function).parameters
    given = {"config": config, "resume_step": resume_step, "workdir": workdir}
    asked = {name: value for name, value in given.items() if name in asks}
    try:
        made: Any = WRITERS.choice.make(entry, path, **asked)
    except ConfigError as error:
        logger.warning("%s; it is left out", error)
        return None
    except Exception as error:  # of a service: no network, no account
        logger.warning("%s: %s; it is left out", path, one_line(error))
        return None
    if missing := [name for name in METHODS if not callable(getattr(made, name, None))]:
        allowed = "a writer, with scalars, image and close, see jaxgan.writers.Writer"
        words = bad_value(f"{path}: what it returns", made, allowed)
        raise ConfigError(f"{words}; it has no {missing[0]}")
    writer: Writer = made
    return writer
