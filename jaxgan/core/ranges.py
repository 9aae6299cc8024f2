"""Ranges of numbers, declared where a signature names them: `Annotated[float, Range(above=0)]`.

`checked` has a function or a dataclass refuse what its annotations do not allow, and a config reads
the same annotations. What is traced passes, so that a grid of it is one program.
"""

from __future__ import annotations

import functools
import inspect
import math
import numbers
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.core.checks import is_traced
from jaxgan.core.text import shown
from jaxgan.core.typing import ScalarOrSchedule, Schedule

F = TypeVar("F", bound=Callable[..., Any])
_LISTS = (tuple, list, Sequence)

CONTRACTS: Mapping[str, str] = {
    "Algorithm": "an Algorithm, such as jg.simultaneous(field, optimizers=...)",
    "Field": "a Field, such as jg.gradient(game)",
    "Game": "a Game, such as jg.gan(gen, disc, latent=64)",
    "GradientTransformation": "an Optax transformation, such as jg.optimizers.adam(2e-4)",
    "Loss": "a Loss, such as jg.losses.hinge()",
    "Network": "a Network, such as jg.from_linen(module, example_input)",
    "Penalty": "a Penalty, such as jg.penalties.r1()",
}
"""The contracts by name, and how one is made, for messages."""
_MAX_INT, _MAX_FLOAT = 2**31 - 1, float(np.finfo(np.float32).max)


@dataclass(frozen=True, repr=False)
class Range:
    """Finite numbers between bounds, of 32 bits as arrays are, unless `at_most` says more.

    Attributes:
      above: what a number must exceed.
      at_least: what it must not be under.
      below: what it must stay under.
      at_most: what it must not exceed.

    Example:
      >>> 0.5 in Range(at_least=0, below=1), 1.0 in Range(at_least=0, below=1)
      (True, False)
      >>> 2**31 in Range(), 2**31 in Range(at_most=2**40), 1e39 in Range(), float("nan") in Range()
      (False, True, False, False)
      >>> str(Range(above=0)), str(Range(at_least=0, below=1)), str(Range(at_least=0, at_most=1))
      ('above 0 and finite', 'at least 0 and below 1', 'from 0 to 1')
      >>> Positive
      typing.Annotated[float, Range(above=0)]
    """

    above: float | None = None
    at_least: float | None = None
    below: float | None = None
    at_most: float | None = None

    def __contains__(self, number: float) -> bool:
        largest = _MAX_INT if isinstance(number, int) else _MAX_FLOAT
        return (
            abs(number) <= max(largest, self.at_most or 0)
            and (self.above is None or number > self.above)
            and (self.at_least is None or number >= self.at_least)
            and (self.below is None or number < self.below)
            and (self.at_most is None or number <= self.at_most)
        )

    def __repr__(self) -> str:
        given = {name: bound for name, bound in vars(self).items() if bound is not None}
        return f"Range({', '.join(f'{name}={bound}' for name, bound in given.items())})"

    def __str__(self) -> str:
        if self.at_least is not None and self.at_most is not None:
            return f"from {self.at_least} to {self.at_most}"
        bounds = (
            ("above", self.above),
            ("at least", self.at_least),
            ("below", self.below),
            ("at most", self.at_most),
        )
        found = [f"{word} {bound}" for word, bound in bounds if bound is not None]
        if self.below is None and self.at_most is None:
            found.append("finite" if found else "a finite number")
        return " and ".join(found)


Finite = Annotated[float, Range()]
Positive = Annotated[float, Range(above=0)]
NonNegative = Annotated[float, Range(at_least=0)]
Fraction = Annotated[float, Range(at_least=0, at_most=1)]
SignedFraction = Annotated[float, Range(at_least=-1, at_most=1)]
OpenFraction = Annotated[float, Range(above=0, below=1)]
Decay = Annotated[float, Range(at_least=0, below=1)]
Count = Annotated[int, Range(at_least=1)]
Index = Annotated[int, Range(at_least=0)]
Width = Annotated[int, Range(at_least=1, at_most=2**20)]
BatchSize = Annotated[int, Range(at_least=1, at_most=2**26)]
OptionalWidth = Annotated[int, Range(at_least=0, at_most=2**20)]
"""Of an axis of an array, where 0 may be for none."""
Several = Annotated[int, Range(at_least=2)]
Repeats = Annotated[int, Range(at_least=1, at_most=1000)]
Depth = Annotated[int, Range(at_least=0, at_most=1000)]
"""Of what a program is written out for so often: layers, iterations, moves."""
FiniteSchedule = Annotated[ScalarOrSchedule, Range()]
PositiveSchedule = Annotated[ScalarOrSchedule, Range(above=0)]
NonNegativeSchedule = Annotated[ScalarOrSchedule, Range(at_least=0)]
FractionSchedule = Annotated[ScalarOrSchedule, Range(at_least=0, at_most=1)]
DecaySchedule = Annotated[ScalarOrSchedule, Range(at_least=0, below=1)]


def check(name: str, value: Any, kind: Any, *, schedule: str = "a schedule") -> None:
    """Raises unless a value is what a type annotation allows.

    Numbers, flags, strings, literals, functions, lists, mappings and unions of these are checked;
    whatever else an annotation says passes. Of a schedule that says between which values it stays,
    as all factories here do, these are checked; what another function of the step will give cannot
    be known.

    Args:
      name: the argument's, for the message.
      value: what was given; one that is traced passes.
      kind: the annotation.
      schedule: how a schedule is given, for the message.

    Raises:
      ValueError: naming the argument, the value and what is allowed.

    Example:
      >>> check("margin", 0.5, Positive)
      >>> check("margin", float("nan"), Positive)
      Traceback (most recent call last):
      ...
      ValueError: margin is nan; it must be above 0 and finite
      >>> check("decay", 1.5, DecaySchedule)
      Traceback (most recent call last):
      ...
      ValueError: decay is 1.5; it must be at least 0 and below 1, or a schedule
      >>> check("num_steps", 2.5, Count | None)
      Traceback (most recent call last):
      ...
      ValueError: num_steps is 2.5; it must be an integer, at least 1, or none
      >>> check("num_steps", 10**10, Count)
      Traceback (most recent call last):
      ...
      ValueError: num_steps is 10000000000, beyond 32 bits; it must be an integer, at least 1
      >>> check("features", [8, 0], tuple[Count, ...])
      Traceback (most recent call last):
      ...
      ValueError: features[1] is 0; it must be an integer, at least 1
    """
    if fits(value, kind):
        return
    for suffix, (entry, one) in (_entries(value, kind) or {}).items():
        check(f"{name}{suffix}", entry, one, schedule=schedule)
    what, words = shown(value), allowed(kind, schedule=schedule)
    if outside := [x for x in getattr(value, "reaches", ()) if not fits(x, kind)]:
        what, words = f"a schedule that reaches {shown(outside[0])}", allowed(kind, schedule="")
    elif _is_open(kind) and _is_number(value) and not _is_within(value, Range()):
        what = f"{what}, beyond 32 bits" if abs(value) < math.inf else what
    raise ValueError(f"{name} is {what}; it must be {words}")


def fits(value: Any, kind: Any) -> bool:
    """Whether a value is what a type annotation allows, see `check`.

    Args:
      value: anything.
      kind: the annotation.

    Returns:
      Whether it is.

    Example:
      >>> fits(3, Count), fits(True, Count), fits("3", Count), fits((1, 2), tuple[Count, ...])
      (True, False, False, True)
    """
    if is_traced(value):
        return True
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        ranges = [extra for extra in args[1:] if isinstance(extra, Range)]
        return fits(value, args[0]) and all(_is_within(value, one) for one in ranges)
    if origin in (Union, UnionType):
        return any(fits(value, one) for one in args)
    if origin is Literal:
        return any(type(value) is type(one) and value == one for one in args)
    if origin in (*_LISTS, Mapping):
        entries = _entries(value, kind)
        return entries is not None and all(fits(*entry) for entry in entries.values())
    if origin is Callable:
        return callable(value)
    rules: dict[Any, Callable[[Any], bool]] = {
        NoneType: lambda x: x is None,
        bool: lambda x: isinstance(x, bool),
        float: _is_number,
        int: _is_integer,
        jax.Array: lambda x: isinstance(x, np.ndarray | jax.Array),
        str: lambda x: isinstance(x, str),
    }
    if kind in rules:
        return rules[kind](value)
    return not _is_contract(kind) or isinstance(value, kind)


def _is_contract(kind: Any) -> bool:
    is_known = getattr(kind, "__module__", "").startswith(("jaxgan.core.", "optax."))
    return is_known and getattr(kind, "__name__", None) in CONTRACTS


def _is_open(kind: Any) -> bool:
    """Whether a range in it has no upper bound."""
    if isinstance(kind, Range):
        return kind.below is None and kind.at_most is None
    return get_origin(kind) is not Literal and any(map(_is_open, get_args(kind)))


def _entries(value: Any, kind: Any) -> dict[str, tuple[Any, Any]] | None:
    """Of a list or a mapping, entries and their annotations, by what follows its name."""
    args = get_args(kind)
    if get_origin(kind) is Mapping and isinstance(value, Mapping):
        if all(fits(key, args[0]) for key in value):
            return {f".{key}": (entry, args[1]) for key, entry in value.items()}
    elif isinstance(value, Sequence) and not isinstance(value, str) and args:
        kinds = args if len(args) > 1 and args[1] is not ... else args[:1] * len(value)
        if get_origin(kind) in _LISTS and len(kinds) == len(value):
            return {f"[{i}]": pair for i, pair in enumerate(zip(value, kinds, strict=True))}
    return None


def allowed(kind: Any, *, schedule: str = "a schedule") -> str:
    """What an annotation allows, in words.

    Args:
      kind: the annotation.
      schedule: how a schedule is given; empty to leave it out.

    Returns:
      What stands behind "it must be".

    Example:
      >>> allowed(Count), allowed(Positive | None), allowed(Literal["a", "b", 3])
      ('an integer, at least 1', 'above 0 and finite, or none', "'a', 'b' or 3")
      >>> allowed(tuple[Count, ...]), allowed(DecaySchedule)
      ('a list, each an integer, at least 1', 'at least 0 and below 1, or a schedule')
    """
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        ranges = " and ".join(str(extra) for extra in args[1:] if isinstance(extra, Range))
        if not (base := allowed(args[0], schedule=schedule)):
            return ""
        if base.startswith("a number"):
            return ranges + base.removeprefix("a number")
        return f"{base}, {ranges.removesuffix(' and finite')}"
    if origin in (Union, UnionType):
        return ", or ".join(filter(None, (allowed(one, schedule=schedule) for one in args)))
    if origin is Literal:
        *first, last = map(repr, args)
        return f"{', '.join(first)} or {last}" if first else last
    if origin in _LISTS:
        kinds = args if len(args) > 1 and args[1] is not ... else args[:1]
        number = f" of {len(kinds)}" if len(kinds) > 1 else ""
        words = dict.fromkeys(allowed(one, schedule=schedule) for one in kinds)
        return f"a list{number}, each {' or '.join(words)}"
    if origin is Mapping:
        return f"{{name: {allowed(args[1], schedule=schedule)}}}"
    if origin is Callable:
        return schedule if kind == Schedule else "a function"
    names: dict[Any, str] = {
        NoneType: "none",
        bool: "true or false",
        float: "a number",
        int: "an integer",
        jax.Array: "an array",
        str: "a string",
    }
    if _is_contract(kind):
        return CONTRACTS[kind.__name__]
    return names.get(kind, f"a {getattr(kind, '__name__', 'value of another type')}")


def checked(made: F) -> F:
    """Has a function or a dataclass refuse arguments that its annotations do not allow.

    Args:
      made: a factory; or a dataclass, for which it stands below `@dataclass`.

    Returns:
      A function of the same signature; a class is changed in place.

    Raises:
      ValueError: when called, naming the argument, the value and what is allowed.

    Example:
      >>> @checked
      ... def hinge(*, margin: Positive = 1.0) -> float:
      ...     return margin
      >>> hinge(margin=-1.0)
      Traceback (most recent call last):
      ...
      ValueError: margin is -1.0; it must be above 0 and finite
    """
    if isinstance(made, type):
        return cast(F, _checked_class(made))
    signature = inspect.signature(made)

    @functools.wraps(made)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            given = signature.bind(*args, **kwargs).arguments
        except TypeError:
            return made(*args, **kwargs)  # which says it with the function's name
        for name, kind in parameter_types(made).items():
            if name in given:
                check(name, given[name], kind)
        return made(*args, **kwargs)

    return cast(F, call)


def _checked_class(made: Any) -> Any:
    after = getattr(made, "__post_init__", None)

    def __post_init__(self: Any) -> None:
        for name, kind in parameter_types(made).items():
            check(name, getattr(self, name), kind)
        if after is not None:
            after(self)

    made.__post_init__ = __post_init__
    return made


@functools.cache
def parameter_types(made: Callable[..., Any]) -> dict[str, Any]:
    """What a function or a dataclass says of its parameters.

    Args:
      made: a function or a class.

    Returns:
      Annotations by name of the parameter.

    Example:
      >>> def hinge(base: str, *, margin: float = 1.0, **options: int) -> None: ...
      >>> parameter_types(hinge)
      {'base': <class 'str'>, 'margin': <class 'float'>}
    """
    kinds = get_type_hints(made, include_extras=True)
    collected = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    parameters = inspect.signature(made).parameters.values()
    names = [one.name for one in parameters if one.kind not in collected]
    return {name: kinds[name] for name in names if name in kinds}


def _is_within(value: Any, bounds: Range) -> bool:
    if value is None:
        return True
    if callable(value):
        return all(_is_within(reached, bounds) for reached in getattr(value, "reaches", ()))
    return is_traced(value) or (int(value) if _is_integer(value) else float(value)) in bounds


def _is_number(value: Any) -> bool:
    if isinstance(value, np.ndarray | np.generic | jax.Array):
        kinds = (jnp.floating, jnp.integer)
        return value.ndim == 0 and any(jnp.issubdtype(value.dtype, kind) for kind in kinds)
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _is_integer(value: Any) -> bool:
    if isinstance(value, np.ndarray | np.generic | jax.Array):
        return value.ndim == 0 and jnp.issubdtype(value.dtype, jnp.integer)
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)
