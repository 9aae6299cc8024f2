"""Lookahead-minimax against its recursion in NumPy, and among the other transforms."""

from __future__ import annotations

from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import Algorithm, fields
from jaxgan.fields import gradient
from jaxgan.transforms import ema, lookahead, member, seeds, skip_nonfinite, substeps
from tests import helpers

ALPHA, ETA, RATE = 0.4, 0.5, 0.3


def orbit(algorithm: Algorithm, num_steps: int, seed: int = 0) -> np.ndarray:
    """The points (x, y) of a play of f = xy after each step, from a donated state."""
    state, path = algorithm.init(jax.random.key(seed)), []
    step = jax.jit(algorithm.step, donate_argnums=0)
    for _ in range(num_steps):
        first = state
        state, _ = step(state, {})
        assert jax.tree.leaves(first.memory)[0].is_deleted(), "the state was not donated"
        path.append([float(state.params["gen"][0]), float(state.params["disc"][0])])
    return np.array(path)


def pulled_back(step: Any, num_steps: int, every: int, alpha: float = ALPHA) -> np.ndarray:
    """The same with a step by hand: (w, memory) -> (w, memory)."""
    w = slow = np.ones(2)
    memory, path = None, []
    for index in range(num_steps):
        w, memory = step(w, memory)
        if (index + 1) % every == 0:
            w = slow = slow + alpha * (w - slow)
        path.append(w)
    return np.stack(path)


def two_and_one(w: np.ndarray, memory: None) -> tuple[np.ndarray, None]:
    """Alternating with n_critic = 2."""
    x, y = w
    y = y + RATE * x + RATE * x
    return np.array([x - RATE * y, y]), None


@pytest.mark.parametrize(("every", "alpha"), [(3, 0.4), (1, 0.5), (4, 1.0)])
def test_all_players_are_pulled_back_at_once(every: int, alpha: float, float64: None) -> None:
    # Steps are counted, not updates: with n_critic = 2 the players stay in step.
    plain = jaxgan.alternating(
        gradient(jaxgan.bilinear()), optimizers=helpers.sgds(RATE), n_critic=2
    )
    ahead = lookahead(plain, num_steps=every, alpha=alpha)
    assert ahead.num_batches == (3,)
    expected = pulled_back(two_and_one, 13, every, alpha)
    np.testing.assert_allclose(orbit(ahead, 13), expected, rtol=1e-12)


def past_of_competitive(w: np.ndarray, memory: Any) -> tuple[np.ndarray, np.ndarray]:
    """Extrapolation from the past along (I + η J)⁻¹ ξ, J = [[0, 1], [-1, 0]]."""
    j = np.array([[0.0, 1.0], [-1.0, 0.0]])
    past = np.zeros(2) if memory is None else memory
    pull = np.linalg.solve(np.eye(2) + ETA * j, j @ (w - RATE * past))
    return w - RATE * pull, pull


def test_memories_nest(float64: None) -> None:
    field = fields.competitive(gradient(jaxgan.bilinear()), eta=ETA, tol=1e-13)
    plain = jaxgan.past_extragradient(field, optimizers=helpers.sgds(RATE))
    ahead = lookahead(plain, num_steps=3, alpha=ALPHA)
    start = ahead.init(jax.random.key(0))
    assert set(start.memory) == {"algorithm", "slow"}
    assert set(start.memory["algorithm"]) == {"field", "past"}
    assert set(start.memory["algorithm"]["field"]) == {"field", "guess"}
    state, _ = ahead.step(start, {})
    chex.assert_trees_all_equal_shapes_and_dtypes(helpers.plain(state), helpers.plain(start))
    expected = pulled_back(past_of_competitive, 8, 3)
    np.testing.assert_allclose(orbit(ahead, 8), expected, rtol=1e-9)
    # And the other way: a copy is kept of each.
    twice = lookahead(lookahead(plain, num_steps=2, alpha=0.5), num_steps=3, alpha=0.25)
    assert set(twice.init(jax.random.key(0)).memory["algorithm"]) == {"algorithm", "slow"}


def gan() -> Algorithm:
    game = helpers.mlp_gan(gen_batch_norm=True)
    return lookahead(
        jaxgan.alternating(gradient(game), optimizers=helpers.adams()), num_steps=2, alpha=ALPHA
    )


@pytest.mark.slow
def test_a_gan_among_the_other_transforms() -> None:
    """One compiled program: the average, lookahead and several steps at once, for two seeds."""
    one = ema(gan(), decay=0.5, warmup=False)
    made = seeds(substeps(one, num_steps=4), num_seeds=2)
    assert made.num_batches == (4, 2)
    batch = helpers.real_batch(made.num_batches)
    start = made.init(jax.random.key(3))
    state, _ = jax.jit(made.step, donate_argnums=0)(start, batch)
    assert jax.tree.leaves(start.memory)[0].is_deleted()
    assert int(state.step) == 4
    # Member 1 alone, step by step; pulled back after steps 2 and 4.
    step, alone = jax.jit(one.step), one.init(jax.random.fold_in(jax.random.key(3), 1))
    for index in range(4):
        slow = alone.memory["slow"]
        alone, _ = step(alone, jax.tree.map(lambda x, i=index: x[i], batch))
        is_due = index % 2 == 1
        assert (helpers.max_difference(slow, alone.memory["slow"]) > 1e-4) == is_due
        assert (helpers.max_difference(alone.params, alone.memory["slow"]) == 0) == is_due
    assert helpers.max_difference(member(state, 1), alone) < 1e-5


def test_the_optimizers_and_the_network_state_go_on_undisturbed() -> None:
    plain = jaxgan.alternating(gradient(jaxgan.dirac()), optimizers=helpers.adams())
    batch = {"image": jnp.zeros((2, 4, 1))}
    ends = []
    for made in (plain, lookahead(plain, num_steps=1, alpha=0.5)):
        state, _ = jax.jit(made.step)(made.init(jax.random.key(0)), batch)
        ends.append((state.opt_state, state.net_state))
    helpers.assert_same_bits(*ends)


def test_a_skipped_step_is_no_step_of_the_slow_copy(float64: None) -> None:
    wild, huge = helpers.sgds(10.0), jnp.full((1, 1), 1e308)
    plain = jaxgan.alternating(gradient(jaxgan.bilinear(huge)), optimizers=wild)
    for made in (
        lookahead(skip_nonfinite(plain), num_steps=2),
        skip_nonfinite(lookahead(plain, num_steps=2)),
    ):
        state, step = made.init(jax.random.key(0)), jax.jit(made.step)
        for _ in range(3):
            state, metrics = step(state, {})
            assert float(metrics["skipped"]) == 1.0
        for tree in (state.params, state.memory["slow"]):
            np.testing.assert_array_equal([tree["gen"][0], tree["disc"][0]], [1.0, 1.0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_steps": 0}, "num_steps is 0"),
        ({"num_steps": -3}, "num_steps is -3"),
        ({"alpha": 0.0}, "alpha is 0.0"),
        ({"alpha": 1.5}, "alpha is 1.5"),
        ({"alpha": float("nan")}, "alpha is nan"),
    ],
)
def test_bad_arguments_are_refused(options: Any, message: str) -> None:
    plain = jaxgan.simultaneous(gradient(jaxgan.bilinear()), optimizers=helpers.sgds(0.1))
    with pytest.raises(ValueError, match=message):
        lookahead(plain, **options)
