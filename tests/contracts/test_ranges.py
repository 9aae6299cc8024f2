"""Every number that a factory takes has a range, and every default is within its own."""

from __future__ import annotations

import doctest
import inspect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import (
    algorithms,
    analysis,
    augment,
    auxiliary,
    data,
    fields,
    games,
    losses,
    metrics,
    models,
    optimizers,
    penalties,
    transforms,
)
from jaxgan.config import registry, resolve, sections
from jaxgan.config.games import GAMES
from jaxgan.core import schedules
from jaxgan.core.penalty import Term
from jaxgan.core.ranges import Count, Finite, Index, Positive, Range, check, checked, fits
from jaxgan.core.ranges import parameter_types as types_of
from jaxgan.models import layers

PACKAGES = (
    *(losses, penalties, auxiliary, augment, games, fields, algorithms, transforms, analysis),
    *(optimizers, metrics, data, models, layers),
)
SCHEDULES = (
    *("cosine", "exponential", "half_life", "linear", "piecewise", "step_decay", "warmup"),
)

WITHOUT = {
    # Functions of arrays and states, which make nothing; their numbers are those of a factory.
    *("capped_exp", "make_context", "sparsity_kl"),
    *("apply_head", "blur", "conv2d", "conv2d_transpose", "downsample", "label_maps", "mix_styles"),
    *("normalise", "one_hot", "pixel_norm", "scaled_leaky_relu", "spectral_norm", "upsample"),
    *("ImageBatchNorm",),  # whose fields are Flax's
}


def factories() -> Iterator[tuple[str, Callable[..., Any]]]:
    """What is public and makes something: functions, and the networks' classes."""
    for package in PACKAGES:
        for name in package.__all__:
            made = getattr(package, name)
            is_network = inspect.isclass(made) and issubclass(made, nn.Module)
            if (inspect.isfunction(made) or is_network) and name not in WITHOUT:
                yield f"{package.__name__.removeprefix('jaxgan.')}.{name}", made
    for name in SCHEDULES:
        yield f"schedules.{name}", getattr(schedules, name)
    yield "Term", Term


def numbers(kind: Any, ranges: tuple[Range, ...] = ()) -> Iterator[tuple[Any, tuple[Range, ...]]]:
    """Where an annotation has `int` or `float`, with what is said of it."""
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        yield from numbers(args[0], (*ranges, *(one for one in args[1:] if isinstance(one, Range))))
    elif origin in (Union, UnionType, tuple, list, Sequence, Mapping):
        for one in args:
            yield from numbers(one, ranges)
    elif kind in (int, float):
        yield kind, ranges


FACTORIES = {
    name: made
    for name, made in factories()
    if any(found for kind in types_of(made).values() for found in numbers(kind))
}
EACH = pytest.mark.parametrize("name", FACTORIES)


@EACH
def test_every_number_has_a_range_and_every_default_is_in_it(name: str) -> None:
    made = FACTORIES[name]
    for parameter in inspect.signature(made).parameters.values():
        kind = types_of(made).get(parameter.name)
        assert all(ranges for _, ranges in numbers(kind)), parameter
        assert parameter.default is parameter.empty or fits(parameter.default, kind), parameter


@EACH
def test_every_factory_checks_its_own(name: str) -> None:
    made = FACTORIES[name]
    after = getattr(made, "__post_init__", None)
    assert hasattr(made, "__wrapped__") or after.__qualname__.startswith("_checked_class")


def test_the_check_of_factories_checks() -> None:
    def bare(*, margin: float = 1.0, sizes: tuple[int, ...] | None = None) -> None: ...

    def ranged(*, margin: Positive = 1.0, sizes: tuple[Count, ...] | None = None) -> None: ...

    assert [list(numbers(kind)) for kind in types_of(bare).values()] == [[(float, ())], [(int, ())]]
    found = [list(numbers(kind)) for kind in types_of(ranged).values()]
    assert found == [[(float, (Range(above=0),))], [(int, (Range(at_least=1),))]]
    assert len(FACTORIES) > 150


def test_examples_of_what_is_checked_run() -> None:
    wanted = {
        f"{made.__module__}.{made.__qualname__}"
        for made in FACTORIES.values()
        if ">>>" in (made.__doc__ or "")
    }
    modules = {inspect.getmodule(made) for made in FACTORIES.values()}
    # As the session has it, see the repository's conftest.py.
    found = {test.name for module in modules for test in doctest.DocTestFinder().find(module)}
    assert len(wanted) > 100
    assert wanted <= found


TABLES = {
    name: table
    for name in dir(registry)
    if name.isupper() and isinstance(table := getattr(registry, name), dict)
}
NAMED: dict[str, Callable[..., Any]] = {
    **{f"{name}.{key}": made for name, table in TABLES.items() for key, made in table.items()},
    **{f"GAMES.{name}": game.make for name, game in GAMES.items()},
    **{f"SCHEDULES.{name}": made for name, made in sections.SCHEDULES.items()},
    **{
        f"SECTIONS.{key}": section.function
        for key, section in {**resolve.SECTIONS, "": resolve.SETTINGS}.items()
        if isinstance(section, sections.Options)
    },
}
GIVEN = {"parts", "shape", "latent_dim", "num_classes", "resolution", "source_shape"}
"""What no config writes there."""


@pytest.mark.parametrize("name", NAMED)
def test_every_number_that_a_config_names_has_a_range(name: str) -> None:
    options = inspect.signature(NAMED[name], eval_str=True).parameters.values()
    for option in options:
        if option.name not in GIVEN:
            assert all(ranges for _, ranges in numbers(option.annotation)), option
            is_needed = option.default is option.empty
            assert is_needed or fits(option.default, option.annotation), option


def test_what_configs_name_is_seen() -> None:
    assert len(TABLES) > 10
    assert len(NAMED) > 80


LARGE = 10**400


@pytest.mark.parametrize(
    ("value", "kind", "words"),
    [
        (1.5, float | None, None),
        (np.float32(0.5), Positive, None),
        (jnp.int32(3), Count, None),
        (3.0, Count, "3.0; it must be an integer, at least 1"),
        (np.bool_(True), Count, "True; it must be an integer, at least 1"),
        (LARGE, Finite, "1000.*, beyond 32 bits; it must be a finite number"),
        pytest.param(
            10**5000,
            Count,
            r"too long to show \(int\), beyond 32 bits; it must be an integer",
            id="5000 digits",
        ),
        (2**31, Index, "2147483648, beyond 32 bits; it must be an integer, at least 0"),
        (1e39, Positive, r"1e\+39, beyond 32 bits; it must be above 0 and finite"),
        (-math.inf, Finite, "-inf; it must be a finite number"),
        ("1", Positive | None, "'1'; it must be above 0 and finite, or none"),
        (np.ones(2), Positive, r"\[1. 1.\]; it must be above 0|array.* it must be above 0"),
        ((1.0,), tuple[Finite, Finite], r"\(1.0,\); it must be a list of 2, each a finite number"),
        ({"a": 1}, Mapping[str, Count], None),
    ],
)
def test_what_is_refused_and_in_which_words(value: Any, kind: Any, words: str | None) -> None:
    if words is None:
        check("x", value, kind)
        return
    with pytest.raises(ValueError, match=f"^x is {words}") as raised:
        check("x", value, kind)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("value", "kind", "name"),
    [
        ([1, 2, 0], Sequence[Count], r"x\[2\]"),
        ({"a": [1, -1]}, Mapping[str, tuple[Index, ...]], r"x\.a\[1\]"),
        ((0.0, 1.0, -1.0), tuple[Finite, Finite, Positive], r"x\[2\]"),
    ],
)
def test_the_wrong_entry_is_named(value: Any, kind: Any, name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} is -?[01]"):
        check("x", value, kind)


def test_a_class_is_checked_before_its_own_words() -> None:
    @checked
    class Layer(nn.Module):
        features: Count = 1

        def __post_init__(self) -> None:
            assert self.features != 7, "its own"
            super().__post_init__()

    assert Layer(3).features == Layer(3).clone().features == 3
    with pytest.raises(ValueError, match="features is 0; it must be an integer, at least 1"):
        Layer(0)
    with pytest.raises(AssertionError, match="its own"):
        Layer(7)
    with pytest.raises(ValueError, match="features is -1"):
        Layer(2).clone(features=-1)


def test_signatures_and_positions_stay() -> None:
    assert list(inspect.signature(penalties.r1).parameters) == ["weight", "every"]
    assert penalties.r1.__doc__ is not None
    with pytest.raises(TypeError, match="multiple values"):
        penalties.r1(1.0, **{"weight": 2.0})
    with pytest.raises(TypeError, match="missing 1 required"):
        jaxgan.instance_noise(*(jaxgan.dirac(),), **{})
