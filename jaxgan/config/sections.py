"""Sections of a config: what each may say, how it is completed, and the value that it makes.

A section is completed once, to all that it depends on, and made once, by the same object.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, get_args, get_origin, get_type_hints

from jaxgan.config.base import Config, name_of, plain
from jaxgan.core import schedules
from jaxgan.core.errors import ConfigError, bad_value
from jaxgan.core.ranges import allowed, check, fits
from jaxgan.core.text import did_you_mean, escaped

Table = Mapping[str, Callable[..., Any]]

SCHEDULES: Table = {
    "cosine": schedules.cosine,
    "exponential": schedules.exponential,
    "half_life": schedules.half_life,
    "linear": schedules.linear,
    "piecewise": schedules.piecewise,
}


class Section(Protocol):
    """What `Options`, `Choice`, `Terms` and `Chain` have in common."""

    def resolve(self, section: Any, path: str) -> Any:
        """Checks a section and fills in every default.

        Args:
          section: as written; None where the config says nothing.
          path: its dotted key, for messages.

        Returns:
          The complete section, ready for JSON.

        Raises:
          ConfigError: naming the key, its value and what is allowed.
        """

    def make(self, section: Any, path: str, **given: Any) -> Any:
        """Makes what a complete section says.

        Args:
          section: as `resolve` returns it.
          path: its dotted key, for messages.
          **given: what the config does not say.

        Returns:
          The value.

        Raises:
          ConfigError: with the words of the function that refuses an option.
        """


@dataclass(frozen=True)
class Options:
    """`{option: value}`: the arguments of one function or dataclass.

    Attributes:
      function: whose arguments they are; its annotations say what they may be.
      given: parameters that are no options.
      nested: sections of their own, by the name of the parameter.
      optional: whether there may be none, which is then what nothing said means.

    Example:
      >>> from jaxgan.transforms import ema
      >>> Options(ema, given=("algorithm",)).resolve({"decay": 0.9}, "ema")["decay"]
      0.9
      >>> Options(ema, given=("algorithm",)).resolve({"decay": "x"}, "ema")  # doctest: +ELLIPSIS
      Traceback (most recent call last):
      ...
      jaxgan.core.errors.ConfigError: ema.decay is 'x'; it must be ...
    """

    function: Callable[..., Any]
    given: Sequence[str] = ()
    nested: Mapping[str, Section] = field(default_factory=dict)
    optional: bool = False

    @property
    def parameters(self) -> dict[str, inspect.Parameter]:
        """Those of the function that are options."""
        of_class = isinstance(self.function, type)
        kinds = get_type_hints(self.function, include_extras=True) if of_class else {}
        return {
            p.name: p.replace(annotation=kinds.get(p.name, p.annotation))
            for p in inspect.signature(self.function, eval_str=True).parameters.values()
            if p.name not in self.given and p.kind is not inspect.Parameter.VAR_KEYWORD
        }

    def resolve(self, section: Any, path: str, label: str = "") -> Any:
        """See `Section`; `label` is what follows the path where an option is not known."""
        if section is None or section == "none":
            section = None if self.optional else {}
        if section is None:
            return None
        parameters = self.parameters
        if not isinstance(section, Mapping):
            shape = ", ".join(f"{option!r}: ..." for option in parameters)
            none = " or none" if self.optional else ""
            raise ConfigError(bad_value(path, section, f"{{{shape}}}{none}"))
        check_keys(section, list(parameters), f"{path}{label}")
        return {
            name: self._resolved(section, parameter, join(path, name))
            for name, parameter in parameters.items()
        }

    def _resolved(self, section: Any, parameter: inspect.Parameter, path: str) -> Any:
        if parameter.name in self.nested:
            return self.nested[parameter.name].resolve(section.get(parameter.name), path)
        value = section.get(parameter.name, parameter.default)
        if value is inspect.Parameter.empty:
            raise ConfigError(f"{path} is missing; it must be {allowed(parameter.annotation)}")
        return _checked(value, parameter.annotation, path)

    def make(self, section: Any, path: str, **given: Any) -> Any:
        """See `Section`."""
        if section is None:
            return None
        made = {
            name: self.nested[name].make(value, join(path, name))
            if name in self.nested
            else _value(value, join(path, name))
            for name, value in section.items()
        }
        try:
            return self.function(**made, **given)
        except ConfigError:
            raise
        except (ValueError, TypeError) as error:
            of_option = str(error).partition(" is ")[0] in section
            raise ConfigError(f"{path}{'.' if of_option else ': '}{error}") from error


@dataclass(frozen=True)
class Choice:
    """`{"name": NAME, option: value, ...}`, or just `NAME`: one function of a table.

    Attributes:
      table: the functions by name.
      default: a name; None if there may be nothing; `...` if it must be said.
      given: parameters that are no options.
      nested: names of parameters that are sections of the same kind.
      key: what the name is called.

    Example:
      >>> from jaxgan.losses import hinge, minimax
      >>> loss = Choice({"hinge": hinge, "minimax": minimax}, "minimax")
      >>> loss.resolve(None, "loss")
      {'name': 'minimax', 'smoothing': 0.0, 'fake_smoothing': 0.0}
      >>> loss.resolve("hing", "loss")  # doctest: +ELLIPSIS
      Traceback (most recent call last):
      ...
      jaxgan.core.errors.ConfigError: loss.name is 'hing'; it must be 'hinge' or 'minimax'; did ...
    """

    table: Table
    default: Any = ...
    given: Sequence[str] = ()
    nested: Sequence[str] = ()
    key: str = "name"

    def options(self, name: str) -> Options:
        """Those of one function of the table."""
        return Options(self.table[name], self.given, dict.fromkeys(self.nested, self))

    def resolve(self, section: Any, path: str) -> Any:
        """See `Section`."""
        if section is None or section == "none":
            if self.default is None:
                return None
            section = None if self.default is ... else self.default
        section = {self.key: section} if isinstance(section, str) else section
        if not isinstance(section, Mapping) or self.key not in section:
            raise ConfigError(bad_value(path, section, f"a name or {{{self.key!r}: ..., ...}}"))
        name, rest = section[self.key], {k: v for k, v in section.items() if k != self.key}
        if not isinstance(name, str) or name not in self.table:
            raise ConfigError(bad_value(join(path, self.key), name, sorted(self.table)))
        return {self.key: name, **self.options(name).resolve(rest, path, f" ({name})")}

    def make(self, section: Any, path: str, **given: Any) -> Any:
        """See `Section`."""
        if section is None:
            return None
        rest = {k: v for k, v in section.items() if k != self.key}
        return self.options(section[self.key]).make(rest, path, **given)


@dataclass(frozen=True)
class Terms:
    """`{NAME: {option: value}, ...}`: functions of a table, each at most once; none by default.

    Attributes:
      table: the functions by name.
      given: parameters that are no options.

    Example:
      >>> from jaxgan.penalties import drift
      >>> Terms({"drift": drift}).resolve({"drift": {"weight": 0.01}}, "penalties")
      {'drift': {'weight': 0.01, 'every': 1}}
    """

    table: Table
    given: Sequence[str] = ()

    def resolve(self, section: Any, path: str) -> Config:
        """See `Section`; an entry of None is left out."""
        section = {} if section is None or section == "none" else section
        if not isinstance(section, Mapping):
            raise ConfigError(bad_value(path, section, "{name: {option: value}}"))
        said = {k: v for k, v in section.items() if v is not None and v != "none"}
        check_keys(said, list(self.table), path)
        return {
            name: Options(self.table[name], self.given).resolve(options, join(path, name))
            for name, options in said.items()
        }

    def make(self, section: Config, path: str, **given: Any) -> list[Any]:
        """See `Section`; a list, in the order of the config."""
        return [
            Options(self.table[name], self.given).make(options, join(path, name), **given)
            for name, options in section.items()
        ]


@dataclass(frozen=True)
class Chain:
    """`[{"name": NAME, option: value, ...}, ...]`: maps that are applied in order; none by default.

    One entry may stand for the list, and `{NAME: {option: value}, ...}` for entries in order, which
    is what `--config.KEY.NAME.OPTION=VALUE` writes where there was nothing.

    Attributes:
      table: the maps by name.
      takes: the parameter for what each is given.
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
    identity: str

    @property
    def given(self) -> tuple[str, ...]:
        """Parameters that are no options."""
        return (self.takes,)

    @property
    def _choice(self) -> Choice:
        return Choice({**self.table, self.identity: lambda: None}, given=self.given)

    def resolve(self, section: Any, path: str) -> list[Config]:
        """See `Section`."""
        if isinstance(section, Mapping) and "name" not in section:
            options = Terms({**self.table, self.identity: dict}, self.given)
            section = [{"name": k, **v} for k, v in options.resolve(section, path).items()]
        if section is None or section == "none":
            section = []
        entries = section if isinstance(section, list) else [section]
        found = [self._choice.resolve(entry, _path_of(entry, path)) for entry in entries]
        return [entry for entry in found if entry["name"] != self.identity]

    def make(self, section: Sequence[Config], path: str, **given: Any) -> Any:
        """See `Section`; what the last map makes of the first one's argument."""
        for entry in section:
            given = {self.takes: self._choice.make(entry, _path_of(entry, path), **given)}
        return given[self.takes]


def _path_of(entry: Any, path: str) -> str:
    name = name_of(entry)
    return join(path, name) if isinstance(name, str) else path


def join(path: str, name: str) -> str:
    """A dotted key.

    Args:
      path: of the section; empty at the top.
      name: of the entry.

    Returns:
      The entry's key.

    Example:
      >>> join("optimizer", "gen"), join("", "seed")
      ('optimizer.gen', 'seed')
    """
    return f"{path}.{name}" if path else name


def check_keys(section: Mapping[str, Any], known: Sequence[str], path: str = "") -> None:
    """Raises if a section has a key that it may not have.

    Args:
      section: a nested dict.
      known: the keys that it may have.
      path: the section's own dotted key.

    Raises:
      ConfigError: naming the key and the nearest known ones.

    Example:
      >>> check_keys({"sede": 0}, ["seed", "data"])
      Traceback (most recent call last):
      ...
      jaxgan.core.errors.ConfigError: sede: unknown key; did you mean seed? Allowed: data, seed
    """
    for key in section:
        if key not in known:
            listed = ", ".join(sorted(known)) or "none"
            hint = did_you_mean(key, known)
            raise ConfigError(
                f"{join(path, escaped(str(key)))}: unknown key;{hint} Allowed: {listed}"
            )


def _checked(value: Any, kind: Any, path: str) -> Any:
    if value == "none" and fits(None, kind):
        value = None
    try:
        if isinstance(value, Mapping) and _may_be_schedule(kind):
            section = SCHEDULE.resolve(value, path)
            check(path, SCHEDULE.make(section, path), kind)
            return section
        check(path, value, kind)
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(str(error)) from error
    return plain(value)


def _may_be_schedule(kind: Any) -> bool:
    return get_origin(kind) is Callable or any(_may_be_schedule(one) for one in get_args(kind))


def _value(value: Any, path: str) -> Any:
    if isinstance(value, dict) and "schedule" in value:
        return SCHEDULE.make(value, path)
    return tuple(value) if isinstance(value, list) else value


SCHEDULE = Choice(SCHEDULES, key="schedule")
