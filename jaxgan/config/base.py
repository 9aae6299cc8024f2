"""Configs as plain nested dicts: read from a file, overridden by flags, completed, compared."""

from __future__ import annotations

import ast
import inspect
import logging
import os
import runpy
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxgan.core import schedules
from jaxgan.core.errors import InputError
from jaxgan.core.text import did_you_mean
from jaxgan.core.typing import ScalarOrSchedule

logger = logging.getLogger(__name__)

Config = dict[str, Any]
Table = Mapping[str, Callable[..., Any]]

SCHEDULES: Table = {
    "cosine": schedules.cosine,
    "exponential": schedules.exponential,
    "half_life": schedules.half_life,
    "linear": schedules.linear,
    "piecewise": schedules.piecewise,
}


class ConfigError(InputError):
    """A config that cannot be used; the message is one line: key, value, what is allowed."""


def load_config(spec: str, flags: Sequence[str] = ()) -> Config:
    """Reads a config file.

    Args:
      spec: `FILE` or `FILE:ARG`; the file defines `get_config(arg)`, which returns an
        `ml_collections.ConfigDict`.
      flags: what to change, each `--config.KEY=VALUE`.

    Returns:
      The config as a plain nested dict.

    Raises:
      ConfigError: if there is no such file, it defines no `get_config`, or that fails.

    Example:
      >>> load_config("no_such_file.py:smoke")
      Traceback (most recent call last):
      ...
      jaxgan.config.base.ConfigError: config: 'no_such_file.py' is not a file
    """
    import ml_collections  # here, as the networks need of this module its ConfigError alone

    file, _, arg = spec.partition(":")
    file = os.path.expanduser(file)
    if not Path(file).is_file():
        raise ConfigError(f"config: {file!r} is not a file")
    try:
        get_config = runpy.run_path(file).get("get_config")
    except Exception as error:
        raise ConfigError(f"config: {file} fails: {type(error).__name__}: {error}") from error
    if get_config is None:
        raise ConfigError(f"config: {file} defines no get_config(arg)")
    try:
        config = get_config(arg)
    except ValueError as error:
        raise ConfigError(f"config: {file}: {error}") from error
    except Exception as error:
        raise ConfigError(f"config: {file} fails: {type(error).__name__}: {error}") from error
    if isinstance(config, ml_collections.ConfigDict):
        config = config.to_dict()
    if not isinstance(config, Mapping):
        kind = type(config).__name__
        raise ConfigError(f"config: {file}: get_config returned {kind}; it must be a ConfigDict")
    config = plain(config)
    if isinstance(config.get("data"), str):
        config["data"] = {"source": config["data"]}
    asked = dict.fromkeys(flag.removeprefix("--config.").partition("=")[0] for flag in flags)
    changed = config
    for flag in flags:
        key, _, value = flag.removeprefix("--config.").partition("=")
        changed = override(changed, key, value)
    return _without_foreign_options(config, changed, asked)


def _without_foreign_options(config: Config, changed: Config, asked: Collection[str]) -> Config:
    """Leaves out options that the file gives to its own data, where a flag names other data.

    What was asked for by a flag stays: whoever reads the section says whether it is known.
    """
    from jaxgan.data import options_of  # here, as that brings Grain and Pillow

    data, own = changed.get("data"), config.get("data")
    if "data.source" not in asked or not isinstance(data, dict) or not isinstance(own, dict):
        return changed
    known = options_of(str(data.get("source")))
    if known is None or options_of(str(own.get("source"))) == known:
        return changed
    foreign = [k for k in own if k not in (*known, "source") and f"data.{k}" not in asked]
    if foreign:
        listed = ", ".join(f"data.{key}" for key in foreign)
        logger.info("config: %s of %s left out for %s", listed, own.get("source"), data["source"])
    return {**changed, "data": {k: v for k, v in data.items() if k not in foreign}}


def plain(value: Any) -> Any:
    """A config as JSON knows it: dicts, lists, strings, numbers, None.

    Args:
      value: a nested config.

    Returns:
      The same with tuples as lists, so that a config equals itself read back.

    Example:
      >>> plain({"features": (128, 128)})
      {'features': [128, 128]}
    """
    if isinstance(value, Mapping):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    return value


def override(config: Config, key: str, value: str) -> Config:
    """Sets one entry, as `--config.KEY=VALUE` does.

    Args:
      config: a nested dict, which is left as it is.
      key: dotted path, `optimizer.gen.learning_rate`.
      value: a Python literal that JSON can hold, or else a string.

    Returns:
      The changed config, with new sections where there were none. Whether a key is known is for
      whoever reads its section to say.

    Raises:
      ConfigError: if a part of the path before the last holds a number.

    Example:
      >>> override({"loss": {"name": "hinge"}}, "loss.name", "minimax")
      {'loss': {'name': 'minimax'}}
    """
    head, _, rest = key.partition(".")
    if not rest:
        return {**config, head: _literal(value)}
    section = config.get(head)
    if isinstance(section, str):
        section = {"name": section}
    if section is None:
        section = {}
    if not isinstance(section, dict):
        raise ConfigError(f"{head}: {section!r} has no keys, so {rest!r} cannot be set in it")
    return {**config, head: override(section, rest, value)}


def _literal(text: str) -> Any:
    named = {"true": True, "false": False, "null": None}
    if text.lower() in named:
        return named[text.lower()]
    try:
        value = plain(ast.literal_eval(text))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text
    return value if _is_json(value) else text


def _is_json(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_json(entry) for key, entry in value.items())
    if isinstance(value, list):
        return all(_is_json(entry) for entry in value)
    return value is None or isinstance(value, str | int | float)


def flatten(config: Config, prefix: str = "") -> Config:
    """A config by dotted keys.

    Args:
      config: a nested dict.
      prefix: of the keys.

    Returns:
      A dict without dicts in it, but for empty ones.

    Example:
      >>> flatten({"loss": {"name": "hinge"}, "seed": 0})
      {'loss.name': 'hinge', 'seed': 0}
    """
    flat: Config = {}
    for key, value in config.items():
        if isinstance(value, dict) and value:
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def differences(old: Config, new: Config, prefix: str = "") -> dict[str, tuple[Any, Any]]:
    """What differs between two configs.

    Args:
      old: a nested dict.
      new: another.
      prefix: of the keys.

    Returns:
      (old value, new value) by dotted key; None where one has no such key.

    Example:
      >>> differences({"seed": 0, "loss": {"name": "hinge"}}, {"seed": 0, "loss": {}})
      {'loss.name': ('hinge', None)}
    """
    found: dict[str, tuple[Any, Any]] = {}
    for key in sorted({*old, *new}):
        a, b = old.get(key), new.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            found |= differences(a, b, f"{prefix}{key}.")
        elif a != b:
            found[prefix + key] = (a, b)
    return found


def check_keys(section: Mapping[str, Any], allowed: Sequence[str], path: str = "") -> None:
    """Raises if a section has a key that it may not have.

    Args:
      section: a nested dict.
      allowed: its known keys.
      path: the section's own dotted key.

    Raises:
      ConfigError: naming the key and the nearest known ones.

    Example:
      >>> check_keys({"sede": 0}, ["seed", "data"])
      Traceback (most recent call last):
      ...
      jaxgan.config.base.ConfigError: sede: unknown key; did you mean seed? Allowed: data, seed
    """
    for key in section:
        if key not in allowed:
            known = ", ".join(sorted(allowed)) or "none"
            raise ConfigError(
                f"{path}{'.' if path else ''}{key}: unknown key;{did_you_mean(key, allowed)} "
                f"Allowed: {known}"
            )


def complete(
    section: Any, table: Table, path: str, *, given: Sequence[str] = (), key: str = "name"
) -> Config:
    """Fills a section that names a function and its options with the options' defaults.

    Args:
      section: `{"name": NAME, option: value, ...}`, or just `NAME`.
      table: the functions by name.
      path: the section's dotted key, for messages.
      given: parameters that the caller supplies, so that they are no options.
      key: what the name is called.

    Returns:
      The section with every option of the function.

    Raises:
      ConfigError: for an unknown name, an unknown or missing option, or a value of a wrong type.

    Example:
      >>> from jaxgan.losses import hinge, minimax
      >>> complete("minimax", {"hinge": hinge, "minimax": minimax}, "loss")
      {'name': 'minimax', 'smoothing': 0.0, 'fake_smoothing': 0.0}
    """
    section = {key: section} if isinstance(section, str) else section
    if not isinstance(section, Mapping) or key not in section:
        raise ConfigError(f"{path}: {section!r}; it must be a name or {{{key!r}: ..., ...}}")
    name = section[key]
    if not isinstance(name, str) or name not in table:
        hint, known = did_you_mean(name, table), ", ".join(sorted(table))
        raise ConfigError(f"{path}.{key}: {name!r};{hint} allowed: {known}")
    options = _options(table[name], given)
    check_keys({k: v for k, v in section.items() if k != key}, list(options), f"{path} ({name})")
    filled = {key: name}
    for option, parameter in options.items():
        where = f"{path}.{option}"
        value = section.get(option, parameter.default)
        if value is inspect.Parameter.empty:
            raise ConfigError(f"{where}: missing; {name} needs it")
        filled[option] = _checked(value, parameter.annotation, where)
    return filled


def make(section: Config, table: Table, path: str, *, key: str = "name", **given: Any) -> Any:
    """Calls the function that a completed section names.

    Args:
      section: as `complete` returns it.
      table: the functions by name.
      path: the section's dotted key, for messages.
      key: what the name is called.
      **given: further keyword arguments.

    Returns:
      What the function returns.

    Raises:
      ConfigError: with the function's own words where it refuses an option.

    Example:
      >>> from jaxgan.losses import minimax
      >>> section = {"name": "minimax", "smoothing": 2.0}
      >>> make(section, {"minimax": minimax}, "loss")  # doctest: +ELLIPSIS
      Traceback (most recent call last):
      ...
      jaxgan.config.base.ConfigError: loss: smoothing is 2.0; it must be at least 0 and below 1...
    """
    options = {name: _value(value) for name, value in section.items() if name != key}
    try:
        return table[section[key]](**options, **given)
    except ConfigError:
        raise
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{path}: {error}") from error


def _value(value: Any) -> Any:
    if isinstance(value, dict) and "schedule" in value:
        return make(value, SCHEDULES, "schedule", key="schedule")
    return tuple(value) if isinstance(value, list) else value


def _options(function: Callable[..., Any], given: Sequence[str]) -> dict[str, inspect.Parameter]:
    return {
        p.name: p
        for p in inspect.signature(function, eval_str=True).parameters.values()
        if p.name not in given and p.kind is not inspect.Parameter.VAR_KEYWORD
    }


def _checked(value: Any, kind: Any, where: str) -> Any:
    if value == "none" and kind in (int | None, ScalarOrSchedule | None):
        value = None
    if kind in (ScalarOrSchedule, ScalarOrSchedule | None) and isinstance(value, Mapping):
        return complete(value, SCHEDULES, where, key="schedule")
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    rules: dict[Any, tuple[bool, str]] = {
        int: (is_number and isinstance(value, int), "an integer"),
        float: (is_number, "a number"),
        bool: (isinstance(value, bool), "true or false"),
        str: (isinstance(value, str), "a string"),
        ScalarOrSchedule: (is_number, "a number or {'schedule': ...}"),
        ScalarOrSchedule | None: (
            is_number or value is None,
            "a number, {'schedule': ...} or none",
        ),
        int | None: (value is None or (is_number and isinstance(value, int)), "an integer or none"),
    }
    is_right, allowed = rules.get(kind, (True, ""))
    if not is_right:
        raise ConfigError(f"{where}: {value!r}; it must be {allowed}")
    return plain(value)
