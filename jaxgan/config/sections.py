"""Sections of a config: what each may say, how it is completed, and the value that it makes.

A section is completed once, to all that it depends on, and made once, by the same object.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass
from typing import Any, Protocol, get_args, get_origin, get_type_hints

from jaxgan.config.base import plain
from jaxgan.config.references import find, is_reference, one_line_of, own_place
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
    "step_decay": schedules.step_decay,
    "warmup": schedules.warmup,
}


RESERVED = ("name", "parent")
"""Parameters that are no options: names are a section's, parents those of Linen modules."""


class Section(Protocol):
    """What `Options`, `Choice`, and `Terms` and `Chain` of `config.lists`, have in common."""

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


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """Of a function, a dataclass or another class, with what their annotations mean."""
    if not isinstance(function, type):
        return [*inspect.signature(function, eval_str=True).parameters.values()]
    has_fields = is_dataclass(function) or hasattr(function, "_fields")
    made = function if has_fields else inspect.getattr_static(function, "__init__")
    kinds = get_type_hints(made, include_extras=True)
    parameters = [*inspect.signature(made).parameters.values()]
    return [
        p.replace(annotation=kinds.get(p.name, p.annotation))
        for p in (parameters if has_fields else parameters[1:])
    ]


@dataclass(frozen=True)
class Options:
    """`{option: value}`: the arguments of one function or dataclass.

    Attributes:
      function: whose arguments they are; its annotations say what they may be.
      takes: the parameter, the first one, for what it is given as its object; "" for none.
      given: other parameters that are no options.
      makes: what it returns, of people's own code.
      nested: sections of their own, by the name of the parameter.
      optional: whether there may be none, which is then what nothing said means.

    Example:
      >>> from jaxgan.transforms import ema
      >>> Options(ema, "algorithm").resolve({"decay": 0.9}, "ema")["decay"]
      0.9
      >>> Options(ema, "algorithm").resolve({"decay": "x"}, "ema")  # doctest: +ELLIPSIS
      Traceback (most recent call last):
      ...
      jaxgan.core.errors.ConfigError: ema.decay is 'x'; it must be ...
    """

    function: Callable[..., Any]
    takes: str = ""
    given: Sequence[str] = ()
    makes: Any = Any
    nested: Mapping[str, Section] = field(default_factory=dict)
    optional: bool = False

    @property
    def parameters(self) -> dict[str, inspect.Parameter]:
        """Those of the function that are options."""
        parameters = _parameters(self.function)
        return {
            p.name: p
            for p in (parameters[1:] if self.takes else parameters)
            if p.name not in (*self.given, *RESERVED)
            and p.kind is not inspect.Parameter.VAR_KEYWORD
            and (p.name in self.nested or not callable(p.default) or p.default is p.empty)
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
        return checked_value(value, parameter.annotation, path)

    def make(self, section: Any, path: str, **given: Any) -> Any:
        """See `Section`."""
        if section is None:
            return None
        made = {
            name: self.nested[name].make(value, join(path, name))
            if name in self.nested
            else value_of(value, join(path, name))
            for name, value in section.items()
        }
        objects = [given.pop(self.takes)] if self.takes else []
        try:
            found = self.function(*objects, **made, **given)
            if self.makes is not Any:
                check("what it returns", found, self.makes)
            return found
        except ConfigError:
            raise
        except Exception as error:
            if place := own_place(error):
                raise ConfigError(f"{path}: {place}: {one_line_of(error)}") from error
            if not isinstance(error, ValueError | TypeError):
                raise
            of_option = str(error).partition(" is ")[0] in section
            raise ConfigError(f"{path}{'.' if of_option else ': '}{error}") from error


@dataclass(frozen=True)
class Choice:
    """`{"name": NAME, option: value, ...}`, or just `NAME`: one function of a table.

    Attributes:
      table: the functions by name; a reference names one of people's own, see `references`.
      default: a name; None if there may be nothing; `...` if it must be said.
      takes: see `Options`, and so `given` and `makes`.
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
    takes: str = ""
    given: Sequence[str] = ()
    makes: Any = Any
    nested: Sequence[str] = ()
    key: str = "name"

    def options(self, name: Any, path: str) -> Options:
        """Those of one function; raises if there is none of that name."""
        nested = dict.fromkeys(self.nested, self)
        if isinstance(name, str) and name in self.table:
            return Options(self.table[name], self.takes, self.given, nested=nested)
        if not is_reference(name):
            allowed = sorted(self.table) or "a function, FILE.py:NAME"
            raise ConfigError(bad_value(join(path, self.key), name, allowed))
        try:
            own = Options(find(name), self.takes, self.given, self.makes, nested)
            _ = own.parameters  # whose annotations may fail
            return own
        except (ConfigError, NameError, TypeError, ValueError) as error:
            raise ConfigError(f"{join(path, self.key)} is {name!r}: {error}") from error

    def resolve(self, section: Any, path: str) -> Any:
        """See `Section`."""
        if self.default is None and (section is None or section == "none"):
            return None
        if section is None and self.default is not ...:
            section = self.default
        section = {self.key: section} if isinstance(section, str) else section
        if not isinstance(section, Mapping) or self.key not in section:
            raise ConfigError(bad_value(path, section, f"a name or {{{self.key!r}: ..., ...}}"))
        name, rest = section[self.key], {k: v for k, v in section.items() if k != self.key}
        return {self.key: name, **self.options(name, path).resolve(rest, path, f" ({name})")}

    def make(self, section: Any, path: str, **given: Any) -> Any:
        """See `Section`."""
        if section is None:
            return None
        rest = {k: v for k, v in section.items() if k != self.key}
        return self.options(section[self.key], path).make(rest, path, **given)


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


def checked_value(value: Any, kind: Any, path: str) -> Any:
    """The value of an option, checked.

    Args:
      value: as written.
      kind: what its annotation allows.
      path: its dotted key.

    Returns:
      The value as JSON has it, complete where it is a schedule.

    Raises:
      ConfigError: if it is not allowed.

    Example:
      >>> checked_value("none", int | None, "keep"), checked_value((1, 2), tuple[int, ...], "sizes")
      (None, [1, 2])
    """
    if value == "none" and fits(None, kind):
        value = None
    try:
        if isinstance(value, Mapping) and _may_be_schedule(kind) and not fits(value, kind):
            section = SCHEDULE.resolve(value, path)
            check(path, SCHEDULE.make(section, path), kind)
            return section
        check(path, value, kind)
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(str(error)) from error
    return plain(value, path)


def _may_be_schedule(kind: Any) -> bool:
    return get_origin(kind) is Callable or any(_may_be_schedule(one) for one in get_args(kind))


def value_of(value: Any, path: str) -> Any:
    """What a checked value stands for.

    Args:
      value: as `checked_value` returns it.
      path: its dotted key.

    Returns:
      Tuples for lists, a function of the step for a schedule.

    Example:
      >>> value_of([1, 2], "sizes")
      (1, 2)
    """
    if isinstance(value, dict) and "schedule" in value:
        return SCHEDULE.make(value, path)
    return tuple(value) if isinstance(value, list) else value


SCHEDULE = Choice(SCHEDULES, key="schedule")
