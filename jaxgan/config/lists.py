"""Sections of several entries, each by its name: terms that are added, maps that are applied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jaxgan.config.base import Config, name_of
from jaxgan.config.references import is_reference
from jaxgan.config.sections import Choice, Table, check_keys, checked_value, join, value_of
from jaxgan.core.errors import ConfigError, bad_value
from jaxgan.core.ranges import NonNegativeSchedule


@dataclass(frozen=True)
class Terms:
    """`{NAME: {option: value}, ...}`: functions of a table; none by default.

    An entry may have a name of its own: `{"mine": {"name": "mine.py:smooth", option: value}}`. What
    it makes is a `Penalty`, of that name.

    Attributes:
      table: the functions by name.
      given: see `Options`, and so `makes`.

    Example:
      >>> from jaxgan.penalties import drift
      >>> Terms({"drift": drift}).resolve({"drift": {"weight": 0.01}}, "penalties")
      {'drift': {'weight': 0.01, 'every': 1}}
    """

    table: Table
    given: Sequence[str] = ()
    makes: Any = Any

    @property
    def _choice(self) -> Choice:
        return Choice(self.table, given=self.given, makes=self.makes)

    def resolve(self, section: Any, path: str) -> Config:
        """See `Section`; an entry of None is left out."""
        section = {} if section is None or section == "none" else section
        if not isinstance(section, Mapping):
            raise ConfigError(bad_value(path, section, "{name: {option: value}}"))
        said = {k: v for k, v in section.items() if v is not None and v != "none"}
        own = [k for k, v in said.items() if name_of(v)]
        check_keys(said, [*self.table, *own], path)
        return {
            name: self._choice.resolve(options, join(path, name))
            if name in own
            else self._choice.options(name, path).resolve(options, join(path, name))
            for name, options in said.items()
        }

    def make(self, section: Config, path: str, **given: Any) -> list[Any]:
        """See `Section`; a list, in the order of the config."""
        found = []
        for name, options in section.items():
            made = self._choice.make({"name": name, **options}, join(path, name), **given)
            found.append(made.named(name) if "name" in options else made)
        return found


WEIGHT = "weight"
"""Of an entry of a `Sum`; a function that has an option of that name gets it instead."""


@dataclass(frozen=True)
class Sum(Choice):
    """A `Choice`, or `{NAME: {"weight": w, option: value, ...}, ...}`: the weighted sum of several.

    An entry may have a name of its own, `{"mine": {"name": "mine.py:soft", "weight": 0.5}}`, and
    one alone a weight: `{"name": "hinge", "weight": 0.5}`. Entries are logged under their names.

    Example:
      >>> from jaxgan.losses import hinge, wasserstein
      >>> loss = Sum({"hinge": hinge, "wasserstein": wasserstein}, "hinge")
      >>> loss.resolve({"name": "hinge"}, "loss")
      {'name': 'hinge', 'margin': 1.0}
      >>> loss.resolve({"hinge": {}, "wasserstein": {"weight": 0.5}}, "loss")
      {'hinge': {'margin': 1.0, 'weight': 1.0}, 'wasserstein': {'weight': 0.5}}
    """

    def resolve(self, section: Any, path: str) -> Any:
        """See `Section`; an entry of None is left out."""
        if not isinstance(section, Mapping):
            return super().resolve(section, path)
        if self.key in section:
            if WEIGHT not in section or self._has_weight(section[self.key], path):
                return super().resolve(section, path)
            name = name_of(section)
            entry = section if is_reference(section[self.key]) else _without(section, self.key)
            return self.resolve({name: entry}, path)
        said = {k: v for k, v in section.items() if v is not None and v != "none"}
        own = [k for k, v in said.items() if name_of(v)]
        check_keys(said, [*self.table, *own], path)
        if not said:
            allowed = f"a name, {{{self.key!r}: ..., ...}} or {{name: {{{WEIGHT!r}: ..., ...}}}}"
            raise ConfigError(bad_value(path, dict(section), allowed))
        return {name: self._entry(entry, name, join(path, name)) for name, entry in said.items()}

    def make(self, section: Config, path: str, **given: Any) -> Any:
        """See `Section`; a sum, in the order of the config."""
        if self.key in section:
            return super().make(section, path, **given)
        found = []
        for name, entry in section.items():
            here, entry = join(path, name), {self.key: name, **entry}
            weight = None if self._has_weight(entry[self.key], here) else entry.pop(WEIGHT)
            made = super().make(entry, here, **given).named(name)
            found.append(made if weight is None else value_of(weight, join(here, WEIGHT)) * made)
        return sum(found[1:], found[0])

    def _entry(self, entry: Any, name: str, path: str) -> Config:
        entry = {self.key: entry} if isinstance(entry, str) else _mapping(entry, path)
        named = {self.key: name, **entry}
        if self._has_weight(named[self.key], path):
            full: Config = super().resolve(named, path)
        else:
            weight = checked_value(named.pop(WEIGHT, 1.0), NonNegativeSchedule, join(path, WEIGHT))
            full = {**super().resolve(named, path), WEIGHT: weight}
        return full if self.key in entry else _without(full, self.key)

    def _has_weight(self, name: Any, path: str) -> bool:
        return WEIGHT in self.options(name, path).parameters


def _without(section: Mapping[str, Any], key: str) -> Config:
    return {k: v for k, v in section.items() if k != key}


@dataclass(frozen=True)
class Chain:
    """`[{"name": NAME, option: value, ...}, ...]`: maps that are applied in order; none by default.

    One entry may stand for the list, and `{NAME: {option: value}, ...}` for entries in order, which
    is what `--config.KEY.NAME.OPTION=VALUE` writes where there was nothing.

    Attributes:
      table: the maps by name.
      takes: see `Options`, and so `makes`.
      identity: a name for the map that changes nothing.

    Example:
      >>> from jaxgan.fields import lola
      >>> chain = Chain({"lola": lola}, takes="field", identity="gradient")
      >>> chain.resolve({"lola": {"alpha": 0.5}}, "field")
      [{'name': 'lola', 'alpha': 0.5, 'mode': 'taylor'}]
      >>> chain.resolve("gradient", "field"), chain.resolve(None, "field")
      ([], [])
    """

    table: Table
    takes: str
    identity: str = "none"
    makes: Any = Any

    @property
    def _choice(self) -> Choice:
        table = {**self.table, self.identity: lambda _: None}
        return Choice(table, takes=self.takes, makes=self.makes)

    def resolve(self, section: Any, path: str) -> list[Config]:
        """See `Section`."""
        if isinstance(section, Mapping) and "name" not in section:
            said = {k: v for k, v in section.items() if v is not None and v != "none"}
            check_keys(said, [*self.table, self.identity], path)
            section = [{"name": k, **_mapping(v, join(path, k))} for k, v in said.items()]
        entries = _entries(section)
        found = [self._choice.resolve(entry, _path_of(entry, path)) for entry in entries]
        return [entry for entry in found if entry["name"] != self.identity]

    def make(self, section: Sequence[Config], path: str, **given: Any) -> Any:
        """See `Section`; what the last map makes of the first one's argument."""
        for entry in section:
            given = {self.takes: self._choice.make(entry, _path_of(entry, path), **given)}
        return given[self.takes]


@dataclass(frozen=True)
class Listed:
    """`[{"name": NAME, option: value, ...}, ...]`: what functions make, of people's own perhaps.

    Attributes:
      given: see `Options`.
      table: those that have a name.

    Example:
      >>> Listed().resolve(["jaxgan.losses:hinge"], "writers")
      [{'name': 'jaxgan.losses:hinge', 'margin': 1.0}]
    """

    given: Sequence[str] = ()
    table: Table = field(default_factory=dict)

    @property
    def choice(self) -> Choice:
        """Of one entry."""
        return Choice(self.table, given=self.given)

    def resolve(self, section: Any, path: str) -> list[Config]:
        """See `Section`."""
        return [self.resolve_entry(entry, self.path_of(entry, path)) for entry in _entries(section)]

    def resolve_entry(self, entry: Any, path: str) -> Config:
        """See `Section`, of one entry."""
        resolved: Config = self.choice.resolve(entry, path)
        return resolved

    def path_of(self, entry: Any, path: str) -> str:
        """The dotted key of an entry."""
        return _path_of(entry, path)

    def make(self, section: Sequence[Config], path: str, **given: Any) -> list[Any]:
        """See `Section`; a list, in order."""
        return [self.choice.make(one, _path_of(one, path), **given) for one in section]


def _entries(section: Any) -> list[Any]:
    if section is None or section == "none":
        return []
    return section if isinstance(section, list) else [section]


def _mapping(options: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(options, Mapping):
        raise ConfigError(bad_value(path, options, "{option: value}"))
    return options


def _path_of(entry: Any, path: str) -> str:
    name = name_of(entry)
    return join(path, name) if isinstance(name, str) else path
