"""Ranges of numbers, declared where a signature names them: `Annotated[float, Range(above=0)]`.

`checked` has a function or a dataclass refuse what its annotations do not allow, and a config reads
the same annotations. What is traced passes, so that a grid of it is one program.
"""

from __future__ import annotations

import functools
import inspect
import math
import numbers
from collections.abc import Callable, Sequence
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
from jaxgan.core.typing import ScalarOrSchedule

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Range:
    """Finite numbers between bounds.

    Attributes:
      above: what a number must exceed.
      at_least: what it must not be under.
      below: what it must stay under.
      at_most: what it must not exceed.

    Example:
      >>> 0.5 in Range(at_least=0, below=1), 1.0 in Range(at_least=0, below=1)
      (True, False)
      >>> str(Range(above=0)), str(Range(at_least=0, below=1)), str(Range())
      ('above 0 and finite', 'at least 0 and below 1', 'a finite number')
    """

    above: float | None = None
    at_least: float | None = None
    below: float | None = None
    at_most: float | None = None

    def __contains__(self, number: float) -> bool:
        return (
            math.isfinite(number)
            and (self.above is None or number > self.above)
            and (self.at_least is None or number >= self.at_least)
            and (self.below is None or number < self.below)
            and (self.at_most is None or number <= self.at_most)
        )

    def __str__(self) -> str:
        bounds = (
            ("above", self.above),
            ("at least", self.at_least),
            ("below", self.below),
            ("at most", self.at_most),
        )
        found = [
            f"{word} {bound}" if isinstance(bound, int) else f"{word} {bound:g}"
            for word, bound in bounds
            if bound is not None
        ]
        if self.below is None and self.at_most is None:
            found.append("finite" if found else "a finite number")
        return " and ".join(found)


Finite = Annotated[float, Range()]
Positive = Annotated[float, Range(above=0)]
NonNegative = Annotated[float, Range(at_least=0)]
Fraction = Annotated[float, Range(at_least=0, at_most=1)]
Decay = Annotated[float, Range(at_least=0, below=1)]
Count = Annotated[int, Range(at_least=1)]
Index = Annotated[int, Range(at_least=0)]
FiniteSchedule = Annotated[ScalarOrSchedule, Range()]
PositiveSchedule = Annotated[ScalarOrSchedule, Range(above=0)]
NonNegativeSchedule = Annotated[ScalarOrSchedule, Range(at_least=0)]
FractionSchedule = Annotated[ScalarOrSchedule, Range(at_least=0, at_most=1)]
DecaySchedule = Annotated[ScalarOrSchedule, Range(at_least=0, below=1)]


def check(name: str, value: Any, kind: Any) -> None:
    """Raises unless a value is what a type annotation allows.

    Numbers, flags, strings, literals, sequences and unions of these are checked; whatever else an
    annotation says passes. Of a schedule that says between which values it stays, as all factories
    here do, these are checked; what another function of the step will give cannot be known.

    Args:
      name: the argument's, for the message.
      value: what was given; one that is traced passes.
      kind: the annotation.

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
    """
    if fits(value, kind):
        return
    outside = [x for x in getattr(value, "reaches", ()) if not fits(x, kind)]
    if outside:
        what = f"a schedule that reaches {shown(outside[0])}"
        raise ValueError(f"{name} is {what}; it must be {allowed(kind, schedule=False)}")
    raise ValueError(f"{name} is {shown(value)}; it must be {allowed(kind)}")


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
        return any(value == one and type(value) is type(one) for one in args)
    if origin in (tuple, list, Sequence):
        is_sequence = isinstance(value, Sequence) and not isinstance(value, str)
        one = args[0] if args else Any
        return is_sequence and all(fits(entry, one) for entry in value)
    if origin is Callable:
        return callable(value)
    rules: dict[Any, Callable[[Any], bool]] = {
        NoneType: lambda x: x is None,
        bool: lambda x: isinstance(x, bool),
        float: _is_number,
        int: _is_integer,
        str: lambda x: isinstance(x, str),
    }
    return rules[kind](value) if kind in rules else True


def allowed(kind: Any, *, schedule: bool = True) -> str:
    """What an annotation allows, in words.

    Args:
      kind: the annotation.
      schedule: whether to say that a schedule is allowed.

    Returns:
      What stands behind "it must be".

    Example:
      >>> allowed(Literal["l1", "l2"]), allowed(Count), allowed(Positive | None), allowed(bool)
      ("'l1' or 'l2'", 'an integer, at least 1', 'above 0 and finite, or none', 'true or false')
    """
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        ranges = " and ".join(str(extra) for extra in args[1:] if isinstance(extra, Range))
        base = allowed(args[0], schedule=schedule)
        if base.startswith("a number"):
            return ranges + base.removeprefix("a number")
        return f"{base}, {ranges.removesuffix(' and finite')}"
    if origin in (Union, UnionType):
        words = [allowed(one) for one in args if get_origin(one) is not Callable]
        if schedule and len(words) < len(args):
            words.append("a schedule")
        return ", or ".join(words)
    if origin is Literal:
        return " or ".join(repr(one) for one in args)
    if origin in (tuple, list, Sequence):
        return f"a list, each {allowed(args[0])}" if args else "a list"
    names: dict[Any, str] = {
        NoneType: "none",
        bool: "true or false",
        float: "a number",
        int: "an integer",
        str: "a string",
    }
    return names.get(kind, "what its annotation says")


def shown(value: Any) -> str:
    """Numbers as they print, `0.5` rather than `np.float64(0.5)`; anything else as its `repr`.

    Args:
      value: anything.

    Returns:
      One line, of at most 200 characters.

    Example:
      >>> shown(np.float64(0.5)), shown("0.5"), len(shown("x" * 1000))
      ('0.5', "'0.5'", 200)
    """
    text = " ".join((f"{value}" if _is_number(value) else f"{value!r}").split())
    return text if len(text) <= 200 else text[:197] + "..."


def checked(made: F) -> F:
    """Has a function or a dataclass refuse arguments that its annotations do not allow.

    Args:
      made: a factory, or a dataclass.

    Returns:
      A function of the same signature; a dataclass is changed in place.

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
        return _checked_class(made)
    signature = inspect.signature(made)

    @functools.wraps(made)
    def call(*args: Any, **kwargs: Any) -> Any:
        kinds = ranged(made)
        for name, value in signature.bind(*args, **kwargs).arguments.items():
            if name in kinds:
                check(name, value, kinds[name])
        return made(*args, **kwargs)

    return cast(F, call)


def _checked_class(made: Any) -> Any:
    after = getattr(made, "__post_init__", None)

    def __post_init__(self: Any) -> None:
        for name, kind in ranged(made).items():
            check(name, getattr(self, name), kind)
        if after is not None:
            after(self)

    made.__post_init__ = __post_init__
    return made


@functools.cache
def ranged(made: Callable[..., Any]) -> dict[str, Any]:
    """The annotations that have a range in them.

    Args:
      made: a function or a class.

    Returns:
      Annotations by name of the parameter.

    Example:
      >>> def hinge(base: str, *, margin: Positive = 1.0) -> None: ...
      >>> list(ranged(hinge))
      ['margin']
    """
    hints = get_type_hints(made, include_extras=True)
    return {name: kind for name, kind in hints.items() if _has_range(kind) and name != "return"}


def _has_range(kind: Any) -> bool:
    return isinstance(kind, Range) or any(_has_range(one) for one in _parts(kind))


def _parts(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) is not Literal else ()


def _is_within(value: Any, bounds: Range) -> bool:
    if value is None or is_traced(value):
        return True
    if callable(value):
        return all(_is_within(reached, bounds) for reached in getattr(value, "reaches", ()))
    try:
        return float(value) in bounds
    except OverflowError:  # an integer of 400 digits
        return False


def _is_number(value: Any) -> bool:
    if isinstance(value, np.ndarray | np.generic | jax.Array):
        kinds = (jnp.floating, jnp.integer)
        return value.ndim == 0 and any(jnp.issubdtype(value.dtype, kind) for kind in kinds)
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _is_integer(value: Any) -> bool:
    if isinstance(value, np.ndarray | np.generic | jax.Array):
        return value.ndim == 0 and jnp.issubdtype(value.dtype, jnp.integer)
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)
