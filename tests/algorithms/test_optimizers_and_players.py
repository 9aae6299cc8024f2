"""Algorithms with any optimizer and any number of players."""

from __future__ import annotations

from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxgan
from jaxgan import Context, Game
from jaxgan.fields import gradient
from tests import helpers

OPTIMIZERS = {
    "adam": lambda: optax.adam(1e-2),
    "adamw": lambda: optax.adamw(1e-2),
    "nadam": lambda: optax.nadam(1e-2),
    "amsgrad": lambda: optax.amsgrad(1e-2),
    "rmsprop": lambda: optax.rmsprop(1e-2, momentum=0.9),
    "optimistic": lambda: optax.optimistic_gradient_descent(1e-2),
    "clipped, scheduled": lambda: optax.chain(
        optax.clip_by_global_norm(1.0), optax.adam(optax.cosine_decay_schedule(1e-2, 10))
    ),
    "our adam, b2 scheduled": lambda: jaxgan.optimizers.adam(
        jaxgan.linear(0.0, 1e-2, 2), b2=jaxgan.cosine(0.9, 0.99, 10)
    ),
    "our rmsprop, decay scheduled": lambda: jaxgan.optimizers.rmsprop(
        1e-2, decay=jaxgan.linear(0.5, 0.9, 10)
    ),
    "our sgd, momentum scheduled": lambda: jaxgan.optimizers.sgd(
        1e-2, momentum=jaxgan.linear(0.0, 0.5, 10)
    ),
    "accumulating": lambda: optax.MultiSteps(optax.adam(1e-2), 2).gradient_transformation(),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_any_optax_optimizer_serves(name: str) -> None:
    optimizers = {"gen": OPTIMIZERS[name](), "disc": OPTIMIZERS[name]()}
    algorithm = jaxgan.alternating(gradient(jaxgan.dirac()), optimizers=optimizers, n_critic=2)
    state = start = algorithm.init(jax.random.key(0))
    step = jax.jit(algorithm.step)
    for _ in range(3):
        state, _ = step(state, {"image": jnp.zeros((3, 4, 1))})
    chex.assert_trees_all_equal_shapes_and_dtypes(helpers.plain(state), helpers.plain(start))
    for player in ("gen", "disc"):
        moved = helpers.max_difference(state.params[player], start.params[player])
        assert 1e-4 < moved < 1.0


def test_a_learning_rate_schedule_counts_the_players_own_updates(float64: None) -> None:
    rates = {"gen": jaxgan.linear(0.5, 0.0, 8), "disc": jaxgan.linear(0.0, 0.5, 8)}
    optimizers = {player: jaxgan.optimizers.sgd(rate) for player, rate in rates.items()}
    algorithm = jaxgan.alternating(gradient(jaxgan.bilinear()), optimizers=optimizers, n_critic=3)
    state, step = algorithm.init(jax.random.key(0)), jax.jit(algorithm.step)
    x, y, count = 1.0, 1.0, 0
    for index in range(4):
        for _ in range(3):
            y += 0.5 * min(count / 8, 1.0) * x
            count += 1
        x -= 0.5 * (1 - index / 8) * y
        state, _ = step(state, {})
    np.testing.assert_allclose(state.params["gen"], [x], rtol=1e-12)
    np.testing.assert_allclose(state.params["disc"], [y], rtol=1e-12)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ((), r"pattern is \[\]; \['disc', 'gen'\] would never move"),
        (("disc", "disc"), r"\['gen'\] would never move"),
        (("disc", "critic", "gen"), "pattern has 'critic'; the game's players are"),
        ((("gen", "disc"), ("gen", "critic")), "pattern has 'critic'"),
        ("disc", "pattern is 'disc'; it must be a list"),
    ],
)
def test_wrong_patterns_are_refused(pattern: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        jaxgan.sequence(gradient(jaxgan.bilinear()), optimizers=helpers.sgds(0.1), pattern=pattern)


def test_alternation_of_nobody_is_refused() -> None:
    field = gradient(jaxgan.bilinear())
    with pytest.raises(ValueError, match="n_critic is 0"):
        jaxgan.alternating(field, optimizers=helpers.sgds(0.1), n_critic=0)
    with pytest.raises(ValueError, match="critic is 'critic'"):
        jaxgan.alternating(field, optimizers=helpers.sgds(0.1), critic="critic")


def ring_game() -> Game:
    """Three players in a ring: L_a = a b, L_b = b c, L_c = c a."""

    def init(key: Any) -> Any:
        players = {
            name: jnp.asarray(value) for name, value in zip("abc", (1.0, 2.0, 3.0), strict=True)
        }
        return players, {name: {} for name in "abc"}

    def losses(p: Any, net_state: Any, scene: Any, context: Context) -> Any:
        values = {"a": p["a"] * p["b"], "b": p["b"] * p["c"], "c": p["c"] * p["a"]}
        return values, (net_state, {name: {} for name in "abc"}, {})

    return Game(
        init=init,
        generate=lambda params, state, batch, context: ({}, state),
        losses=losses,
        critic=lambda *a: None,
    )


def test_games_of_three_players(float64: None) -> None:
    game, rate = ring_game(), 0.1
    optimizers = dict.fromkeys("abc", jaxgan.optimizers.sgd(rate))
    both = jaxgan.simultaneous(gradient(game), optimizers=optimizers)
    state, metrics = both.step(both.init(jax.random.key(0)), {})
    moved = [float(state.params[name]) for name in "abc"]
    np.testing.assert_allclose(moved, [1 - 0.2, 2 - 0.3, 3 - 0.1], rtol=1e-12)
    assert metrics.keys() == {"loss/a", "loss/b", "loss/c"}
    turns = jaxgan.alternating(gradient(game), optimizers=optimizers, n_critic=2, critic="b")
    state, _ = turns.step(turns.init(jax.random.key(0)), {})
    moved = [float(state.params[name]) for name in "abc"]  # b twice, then a and c at once
    np.testing.assert_allclose(moved, [1 - 0.14, 2 - 0.6, 3 - 0.1], rtol=1e-12)
    # The same turns as a sequence; then extragradient, ξ = (b, c, a).
    turns = jaxgan.sequence(gradient(game), optimizers=optimizers, pattern=("b", "b", ("a", "c")))
    again, _ = turns.step(turns.init(jax.random.key(0)), {})
    np.testing.assert_array_equal([again.params[name] for name in "abc"], moved)
    ahead = jaxgan.extragradient(gradient(game), optimizers=optimizers)
    state, _ = ahead.step(ahead.init(jax.random.key(0)), {})
    moved = [float(state.params[name]) for name in "abc"]
    np.testing.assert_allclose(moved, [1 - 0.17, 2 - 0.29, 3 - 0.08], rtol=1e-12)


def extra_adam(rate: float, b1: float, b2: float, num_steps: int) -> np.ndarray:
    """ExtraAdam on f = xy: the moments and their count advance in both half-steps."""
    eps, m, v, count = 1e-8, np.zeros(2), np.zeros(2), 0
    w, path = np.ones(2), []

    def move(w: np.ndarray, at: np.ndarray) -> np.ndarray:
        nonlocal m, v, count
        grad, count = np.array([at[1], -at[0]]), count + 1
        m, v = b1 * m + (1 - b1) * grad, b2 * v + (1 - b2) * grad**2
        return w - rate * (m / (1 - b1**count)) / (np.sqrt(v / (1 - b2**count)) + eps)

    for _ in range(num_steps):
        w = move(w, move(w, w))
        path.append(w)
    return np.stack(path)


def test_extragradient_with_adam_is_extra_adam(float64: None) -> None:
    adam = jaxgan.optimizers.adam(0.05, b1=0.5, b2=0.9, eps_root=0.0)
    algorithm = jaxgan.extragradient(
        gradient(jaxgan.bilinear()), optimizers={"gen": adam, "disc": adam}
    )

    def body(state: Any, _: Any) -> Any:
        state, _ = algorithm.step(state, {})
        return state, jnp.concatenate([state.params["gen"], state.params["disc"]])

    start = algorithm.init(jax.random.key(0))
    _, path = jax.jit(lambda s: jax.lax.scan(body, s, None, length=200))(start)
    expected = extra_adam(0.05, 0.5, 0.9, 200)
    np.testing.assert_allclose(path, expected, rtol=1e-8, atol=1e-8)
    assert np.linalg.norm(path[-1]) < 0.7 * np.sqrt(2)
