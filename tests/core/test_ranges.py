"""Where each kind of number ends: a row each, by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from jaxgan.core import ranges

EPS, TINY = 1e-9, 1e-300
LARGE = float(np.finfo(np.float32).max)

# Kind: (the ends that are in it, numbers beyond its ends).
NUMBERS: dict[str, tuple[list[float], list[float]]] = {
    "Finite": ([-LARGE, LARGE], [-2 * LARGE, 2 * LARGE]),
    "Positive": ([TINY, LARGE], [0.0, -1.0]),
    "NonNegative": ([0.0, LARGE], [-TINY]),
    "Fraction": ([0.0, 1.0], [-TINY, 1 + EPS]),
    "SignedFraction": ([-1.0, 1.0], [-1 - EPS, 1 + EPS]),
    "OpenFraction": ([TINY, 1 - EPS], [0.0, 1.0]),
    "Decay": ([0.0, 1 - EPS], [-TINY, 1.0]),
}
INTEGERS: dict[str, tuple[int, int | None]] = {
    "Count": (1, None),
    "Index": (0, None),
    "Width": (1, 2**20),
    "BatchSize": (1, 2**26),
    "OptionalWidth": (0, 2**20),
    "Several": (2, None),
    "Repeats": (1, 1000),
    "Depth": (0, 1000),
}
SCHEDULES = ("Finite", "Positive", "NonNegative", "Fraction", "Decay")


@pytest.mark.parametrize("name", [*NUMBERS, *(f"{name}Schedule" for name in SCHEDULES)])
def test_numbers_end_where_they_say(name: str) -> None:
    kind: Any = getattr(ranges, name)
    inside, beyond = NUMBERS[name.removesuffix("Schedule")]
    assert all(ranges.fits(number, kind) for number in inside)
    assert not any(ranges.fits(number, kind) for number in (*beyond, math.nan, math.inf, -math.inf))
    assert ranges.fits(lambda step: 0.0, kind) == name.endswith("Schedule")


@pytest.mark.parametrize("name", INTEGERS)
def test_integers_end_where_they_say(name: str) -> None:
    kind: Any = getattr(ranges, name)
    least, most = INTEGERS[name]
    most = 2**31 - 1 if most is None else most  # as arrays have 32 bits
    assert ranges.fits(least, kind)
    assert ranges.fits(most, kind)
    assert not any(ranges.fits(number, kind) for number in (least - 1, most + 1, 1.5, True))


def test_each_kind_has_a_row() -> None:
    kinds = {name for name, kind in vars(ranges).items() if hasattr(kind, "__metadata__")}
    assert kinds == {*NUMBERS, *INTEGERS, *(f"{name}Schedule" for name in SCHEDULES)}
