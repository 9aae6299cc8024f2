"""Whatever is drawn: the pool loses no image and makes none, however a batch is cut."""

from __future__ import annotations

from collections import Counter
from typing import Any

import jax
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jaxgan.games import empty_pool, query
from tests import helpers

SHAPE = (1, 1, 1)
SIZES = st.sampled_from([1, 2, 5])  # few, as each is compiled
DRAWS = st.lists(
    st.tuples(*[st.floats(0, 1, exclude_max=True, width=32) | st.just(0.5)] * 2),
    min_size=12,
    max_size=12,
)
step = jax.jit(query)


def images(first: int, num: int) -> np.ndarray:
    return np.arange(first, first + num, dtype=np.float32).reshape(num, *SHAPE)


def held(pool: Any) -> Counter[float]:
    return Counter(np.ravel(pool["images"])[: int(pool["count"])].tolist())


def counted(shown: Any) -> Counter[float]:
    return Counter(np.ravel(shown).tolist())


@given(SIZES, st.lists(st.sampled_from([1, 3, 4]), max_size=3), DRAWS)
def test_every_image_is_shown_or_held(size: int, cuts: list[int], draws: Any) -> None:
    pool, first = empty_pool(size, shape=SHAPE), 0
    for num in cuts:
        new, here = images(first, num), np.asarray(draws[first : first + num], np.float32)
        shown, after = step(pool, new, here)
        # One that finds room is shown and held.
        room = min(num, size - int(pool["count"]))
        assert held(pool) + counted(new) + counted(new[:room]) == held(after) + counted(shown)
        assert int(after["count"]) == min(size, int(pool["count"]) + num)
        is_itself = np.ravel(shown == new)
        np.testing.assert_array_equal(is_itself, (np.arange(num) < room) | (here[:, 0] <= 0.5))
        pool, first = after, first + num


@given(SIZES, st.sampled_from([1, 4, 8]), DRAWS)
def test_a_batch_may_be_cut_anywhere(size: int, cut: int, draws: Any) -> None:
    new, drawn = images(1, 12), np.asarray(draws, np.float32)
    shown, whole = step(empty_pool(size, shape=SHAPE), new, drawn)
    first, pool = step(empty_pool(size, shape=SHAPE), new[:cut], drawn[:cut])
    second, pool = step(pool, new[cut:], drawn[cut:])
    np.testing.assert_array_equal(np.concatenate([first, second]), shown)
    helpers.assert_same_bits(pool, whole)
