"""Configs as plain nested dicts: read from a file, overridden by flags, completed, compared."""

from __future__ import annotations

import ast
import logging
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import NoneType
from typing import Any

from jaxgan.config.portable import located
from jaxgan.config.references import read_file, reference_to
from jaxgan.config.shipped import shipped
from jaxgan.core.errors import ConfigError, bad_value
from jaxgan.core.text import did_you_mean, one_line, shown

logger = logging.getLogger(__name__)

Config = dict[str, Any]

MAX_DEPTH = 32
"""So many names a dotted path has at most."""


def load_config(spec: str, flags: Sequence[str] = ()) -> Config:
    """Reads a config file.

    Args:
      spec: `FILE` or `FILE:ARG`; the file defines `get_config(arg)`, which returns an
        `ml_collections.ConfigDict`. Or the name of one that comes with jaxgan, see `shipped`.
      flags: what to change, each `--config.KEY=VALUE`.

    Returns:
      The config as a plain nested dict.

    Raises:
      ConfigError: if there is no such file, it defines no `get_config`, or that fails.

    Example:
      >>> load_config("no_such_file.py:smoke")
      Traceback (most recent call last):
      ...
      jaxgan.core.errors.ConfigError: config: 'no_such_file.py' is not a file
    """
    file, _, arg = spec.partition(":")
    return with_flags(_returned(os.path.expanduser(file), arg), flags)


def with_flags(config: Config, flags: Sequence[str]) -> Config:
    """A config with what flags change.

    Args:
      config: a nested dict.
      flags: each `--config.KEY=VALUE`.

    Returns:
      Another config.

    Raises:
      ConfigError: if there is no such key.

    Example:
      >>> with_flags({"seed": 0}, ["--config.seed=1"])
      {'seed': 1}
    """
    if isinstance(config.get("data"), str):
        config["data"] = {"source": config["data"]}
    asked = dict.fromkeys(flag.removeprefix("--config.").partition("=")[0] for flag in flags)
    changed = config
    for flag in flags:
        key, _, value = flag.removeprefix("--config.").partition("=")
        changed = located(override(changed, key, value), Path.cwd())
    return _without_foreign_options(config, changed, asked)


def _returned(file: str, arg: str) -> Config:
    """What the function `get_config` of a file returns."""
    import ml_collections  # here, as the networks need of this module the names of entries alone

    path = _file_of(file)
    try:
        get_config = getattr(read_file(path), "get_config", None)
    except ConfigError as error:
        raise ConfigError(f"config: {error}") from error
    if get_config is None:
        raise ConfigError(f"config: {file} defines no get_config(arg)")
    try:
        config = get_config(arg)
        config = config.to_dict() if isinstance(config, ml_collections.ConfigDict) else config
    except ConfigError:
        raise
    except (Exception, SystemExit) as error:
        kind = "" if isinstance(error, ValueError) else f" fails: {type(error).__name__}"
        raise ConfigError(f"config: {file}{kind}: {one_line(error)}") from error
    if not isinstance(config, Mapping):
        raise ConfigError(bad_value(f"config: {file}: get_config's value", config, "a ConfigDict"))
    made: Config = located(plain(config), path.parent)
    return made


def _file_of(spec: str) -> Path:
    """A config's file, by its path or by its name among those that come with jaxgan."""
    path, known = Path(spec), shipped()
    if path.is_file():
        return path.resolve()
    if spec in known:
        return known[spec].resolve()
    if path.is_dir():
        raise ConfigError(f"config: {spec!r} is not a file, nor the folder of a run")
    if spec.isidentifier():
        words = bad_value("config", spec, "a file, or a name that jaxgan configs lists")
        hint = did_you_mean(spec, known)
        raise ConfigError(f"{words}{hint and ';'}{hint}")
    raise ConfigError(f"config: {spec!r} is not a file")


def _without_foreign_options(config: Config, changed: Config, asked: Collection[str]) -> Config:
    """Leaves out options that the file gives to its own data, where a flag names other data.

    What was asked for by a flag stays: whoever reads the section says whether it is known.
    """
    from jaxgan.config.data import options_of  # here, as that brings Grain and Pillow

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


def plain(value: Any, path: str = "", depth: int = 0) -> Any:
    """A config as JSON knows it: dicts, lists, strings, numbers, None.

    Args:
      value: a nested config.
      path: its dotted key, for messages.
      depth: how many sections it is in.

    Returns:
      The same with tuples as lists, numbers of NumPy as Python's and functions as references, so
      that a config equals itself read back.

    Raises:
      ConfigError: for what JSON has not, and for sections that are in each other without end.

    Example:
      >>> plain({"features": (128, 128)})
      {'features': [128, 128]}
      >>> plain({"loss": {"name": 1j}})  # doctest: +ELLIPSIS
      Traceback (most recent call last):
      ...
      jaxgan.core.errors.ConfigError: loss.name is 1j; it must be a number, a string, ...
    """
    if depth > MAX_DEPTH:
        raise ConfigError(f"{one_line(path)}: more than {MAX_DEPTH} sections are in each other")
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise ConfigError(bad_value(f"{path or 'config'}: a key", key, "a string"))
        return {k: plain(v, f"{path}.{k}".lstrip("."), depth + 1) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry, f"{path}[{n}]", depth + 1) for n, entry in enumerate(value)]
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        return plain(value.item(), path, depth)
    if callable(value):
        return reference_to(value, path)
    if not isinstance(value, str | int | float | NoneType):
        allowed = "a number, a string, true or false, none, a list or a section"
        raise ConfigError(bad_value(path, value, allowed))
    return value


def override(config: Config, key: str, value: str) -> Config:
    """Sets one entry, as `--config.KEY=VALUE` does.

    Args:
      config: a nested dict, which is left as it is.
      key: dotted path, `optimizer.gen.learning_rate`; entries of a list go by their name,
        `field.consensus.gamma`.
      value: a Python literal, or else a string.

    Returns:
      The changed config, with new sections where there were none. Whether a key is known is for
      whoever reads its section to say.

    Raises:
      ConfigError: if a part of the path before the last holds a number, or names two entries.

    Example:
      >>> override({"loss": {"name": "hinge"}}, "loss.name", "minimax")
      {'loss': {'name': 'minimax'}}
      >>> override({"field": [{"name": "consensus"}]}, "field.consensus.gamma", "2")
      {'field': [{'name': 'consensus', 'gamma': 2}]}
    """
    return with_value(config, key, _literal(value, key))


def with_value(config: Config, key: str, value: Any) -> Config:
    """Sets one entry to any value.

    Args:
      config: a nested dict, which is left as it is.
      key: as of `override`.
      value: the value.

    Returns:
      The changed config.

    Raises:
      ConfigError: as `override`.

    Example:
      >>> with_value({"loss": "hinge"}, "loss.margin", 2.0)
      {'loss': {'name': 'hinge', 'margin': 2.0}}
    """
    names = key.split(".")
    if len(names) > MAX_DEPTH or not all(names):
        raise ConfigError(f"config: {shown(key)} is no dotted path of at most {MAX_DEPTH} names")
    changed: Config = _changed(config, names, value, "")
    return changed


def _changed(section: Any, names: Sequence[str], value: Any, path: str) -> Any:
    head, *rest = names
    if isinstance(section, list):
        return _changed_entry(section, names, value, path)
    if isinstance(section, str):
        section = {"name": section}
    if section is None:
        section = {}
    if not isinstance(section, dict):
        raise ConfigError(f"{path}: {shown(section)} has no keys, so {head!r} cannot be set in it")
    if rest and name_of(section) == head:  # `field.consensus.gamma` of the one entry there is
        return _changed(section, rest, value, f"{path}.{head}")
    below = f"{path}.{head}".lstrip(".")
    return {**section, head: _changed(section.get(head), rest, value, below) if rest else value}


def _changed_entry(entries: list[Any], names: Sequence[str], value: Any, path: str) -> list[Any]:
    head, *rest = names
    at = [number for number, entry in enumerate(entries) if name_of(entry) == head]
    if len(at) > 1 or not rest:
        what = f"{len(at)} entries have that name" if at else "an entry's option can be set"
        raise ConfigError(f"{path}.{head}: {what}; write the list")
    where = at[0] if at else len(entries)
    old = entries[where] if at else {"name": head}
    return [*entries[:where], _changed(old, rest, value, f"{path}.{head}"), *entries[where + 1 :]]


def name_of(entry: Any) -> Any:
    """The name of an entry of a list; of a reference, what it names in its file.

    Args:
      entry: a name, or a section that has one.

    Returns:
      The name; None where there is none.

    Example:
      >>> name_of("consensus"), name_of({"name": "mine.py:slowed", "rate": 1.0}), name_of(3)
      ('consensus', 'slowed', None)
    """
    name = entry.get("name") if isinstance(entry, dict) else entry
    return name.rpartition(":")[2] if isinstance(name, str) else None


def _literal(text: str, key: str) -> Any:
    named = {"true": True, "false": False, "null": None}
    if text.lower() in named:
        return named[text.lower()]
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text
    return plain(value, key)


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
        if isinstance(a, list) and isinstance(b, list):
            names = [name_of(entry) for entry in a]
            distinct = None not in names and len({*names}) == len(names)
            if distinct and names == [name_of(entry) for entry in b]:
                a, b = dict(zip(names, a, strict=True)), dict(zip(names, b, strict=True))
        if isinstance(a, dict) and isinstance(b, dict):
            found |= differences(a, b, f"{prefix}{key}.")
        elif a != b:
            found[prefix + key] = (a, b)
    return found
