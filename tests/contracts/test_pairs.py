"""Any objective with any penalty under any algorithm: three steps of small networks, all finite."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import Loss, Penalty, auxiliary, losses, penalties
from tests import helpers
from tests.contracts.terms import CODES, factories, rich_batch, rich_game

BASED = ("feature_matching", "flip_labels", "relativistic", "relativistic_average", "top_k")
NEEDED: Mapping[str, dict[str, Any]] = {
    "flip_labels": {"probability": 0.1},
    "top_k": {"fraction": 0.5},
}
OBJECTIVES: dict[str, Callable[[], Loss]] = {
    name: partial(factory, **NEEDED.get(name, {}))
    for name, factory in factories(losses, "Loss").items()
    if name not in ("as_loss", "stateless", "f_gan")
}
OBJECTIVES |= {f"f_gan {name}": partial(losses.f_gan, name) for name in losses.DIVERGENCES}
OBJECTIVES["f_gan alpha"] = partial(losses.f_gan, "alpha", alpha=0.5)


def flipped(key: jax.Array, x: jax.Array) -> jax.Array:
    return x[:, ::-1]


GIVEN: Mapping[str, dict[str, Any]] = {
    "balanced_consistency": {"augment": flipped},
    "consistency": {"augment": flipped},
    "mutual_information": CODES,
}
TERMS: dict[str, Callable[[], Penalty]] = {
    name: partial(factory, **GIVEN.get(name, {}))
    for package in (penalties, auxiliary)
    for name, factory in factories(package, "Penalty").items()
}
ALGORITHMS = ("simultaneous", "alternating")


def check(objective: str, terms: tuple[str, ...], algorithm: str) -> None:
    game = rich_game(OBJECTIVES[objective]())
    for name in terms:
        game = jaxgan.with_penalty(game, TERMS[name]())
    made = getattr(jaxgan, algorithm)(jaxgan.gradient(game), optimizers=helpers.adams())
    batch = rich_batch()
    if made.num_batches:
        batch = jax.tree.map(lambda x: jnp.broadcast_to(x, (*made.num_batches, *x.shape)), batch)
    before = state = made.init(jax.random.key(0))
    # Three steps operation by operation take a quarter of the time of compiling one.
    with jax.disable_jit():
        for _ in range(3):
            state, metrics = made.step(state, batch)
            assert all(np.isfinite(value).all() for value in metrics.values()), metrics
    leaves = jax.tree.leaves((state.params, state.net_state))
    assert all(np.isfinite(leaf).all() for leaf in leaves)
    for player in ("gen", "disc"):
        assert helpers.max_difference(before.params[player], state.params[player]) > 0


def sample() -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Every objective with two terms under either algorithm, and so every term at least twice."""
    turns = itertools.cycle(TERMS)
    for index, objective in enumerate(OBJECTIVES):
        yield objective, (next(turns), next(turns)), ALGORITHMS[index % 2]


SAMPLE = list(sample())


def test_the_sample_has_everything_twice() -> None:
    counts = dict.fromkeys(TERMS, 0)
    for _, terms, _ in SAMPLE:
        for name in terms:
            counts[name] += 1
    assert min(counts.values()) >= 2, counts
    assert set(BASED) < set(OBJECTIVES)


@pytest.mark.parametrize(("objective", "terms", "algorithm"), SAMPLE)
def test_a_sample_of_all_pairs(objective: str, terms: tuple[str, ...], algorithm: str) -> None:
    check(objective, terms, algorithm)


@pytest.mark.slow
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_all_pairs(objective: str) -> None:
    for term, algorithm in itertools.product(TERMS, ALGORITHMS):
        check(objective, (term,), algorithm)
