"""Games of partly common interests, and methods whose closed forms are known on toys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import Algorithm, Context, Game, algorithms, fields, games, optimizers
from jaxgan.analysis import dense_jacobian
from jaxgan.fields import gradient
from tests import helpers

pytestmark = pytest.mark.usefixtures("float64")
CONTEXT = Context(jax.random.key(0))


def values(game: Game, params: Any) -> dict[str, float]:
    found, _ = game.losses(params, {}, {}, CONTEXT)
    return {player: float(loss) for player, loss in found.items()}


def years_by_hand(first: np.ndarray, second: np.ndarray, discount: float) -> tuple[float, float]:
    """Round after round: probabilities of the four outcomes, each player with its own view."""
    costs, total = np.asarray([[1.0, 3.0], [0.0, 2.0]]), np.zeros(2)
    chances = np.outer([first[0], 1 - first[0]], [second[0], 1 - second[0]])
    for number in range(2000):
        total += discount**number * np.asarray([(chances * costs).sum(), (chances * costs.T).sum()])
        new = np.zeros((2, 2))
        for i in range(2):
            for k in range(2):
                mine, yours = first[1 + 2 * i + k], second[1 + 2 * k + i]
                new += chances[i, k] * np.outer([mine, 1 - mine], [yours, 1 - yours])
        chances = new
    return total[0], total[1]


def test_the_prisoners_dilemma_is_its_rounds() -> None:
    draw = np.random.default_rng(0)
    logits = {player: draw.normal(size=5) for player in ("first", "second")}
    first, second = (1 / (1 + np.exp(-one)) for one in logits.values())
    found = values(games.prisoners_dilemma(discount=0.9), logits)
    np.testing.assert_allclose(list(found.values()), years_by_hand(first, second, 0.9), rtol=1e-10)


def test_matrix_games_are_bilinear_in_the_strategies() -> None:
    draw = np.random.default_rng(1)
    a, b, x, y = (draw.normal(size=size) for size in ((2, 3), (2, 3), 2, 3))
    p, q = (np.exp(one) / np.exp(one).sum() for one in (x, y))
    found = values(games.matrix_game(a, b), {"first": jnp.asarray(x), "second": jnp.asarray(y)})
    np.testing.assert_allclose(list(found.values()), [p @ a @ q, p @ b @ q], rtol=1e-12)


def play(algorithm: Algorithm, num_steps: int, seed: int = 0) -> Any:
    state, step = algorithm.init(jax.random.key(seed)), jax.jit(algorithm.step)
    for _ in range(num_steps):
        state, _ = step(state, {})
    return state.params


def test_lola_is_drawn_from_the_tandem_where_shaping_is_held_back() -> None:
    # Letcher et al., 2019, section 4.2: SOS ends on x + y = 1, of losses that sum to 0.
    game, rates = games.tandem(), {p: optimizers.sgd(0.1) for p in ("first", "second")}
    ends = {}
    for field in (fields.lola, fields.sos):
        made = jaxgan.simultaneous(field(gradient(game), alpha=0.1), optimizers=rates)
        ends[field.__name__] = sum(values(game, play(made, 200)).values())
    assert abs(ends["sos"]) < 1e-3
    assert ends["lola"] > 0.1


def test_a_general_game_refuses_what_is_no_loss_of_its_players() -> None:
    game = jaxgan.general_sum(lambda key: {"a": jnp.ones(2)}, lambda params, *_: {"b": params["a"]})
    with pytest.raises(ValueError, match=r"it must give a scalar for each of a"):
        values(game, {"a": jnp.ones(2)})


@pytest.mark.parametrize(
    ("expected", "change"),
    [
        (1.0, lambda field, h: field),
        (2.0, lambda field, h: fields.runge_kutta(field, step_size=h, order=2)),
        (4.0, lambda field, h: fields.runge_kutta(field, step_size=h)),
        (1.0, lambda field, h: fields.runge_kutta(field, step_size=h, moves="apart")),
    ],
)
def test_the_order_of_a_runge_kutta_method(expected: float, change: Callable[..., Any]) -> None:
    # From (1, 1) the flow of f = xy turns by the time that has passed.
    errors = []
    for num in (40, 80):
        made = jaxgan.simultaneous(
            change(gradient(jaxgan.bilinear()), 1.0 / num), optimizers=helpers.sgds(1.0 / num)
        )
        end = play(made, num)
        exact = np.asarray([np.cos(1) - np.sin(1), np.sin(1) + np.cos(1)])
        errors.append(np.hypot(*(np.concatenate([end["gen"], end["disc"]]) - exact)))
    np.testing.assert_allclose(np.log2(errors[0] / errors[1]), expected, atol=0.05)


def test_the_norm_of_the_generator_is_that_of_a_game_with_one() -> None:
    with pytest.raises(ValueError, match=r"gen_norm is 0.1; it must be 0, as the players are"):
        fields.runge_kutta(gradient(games.tandem()), step_size=0.1, gen_norm=0.1)


def test_surgery_leaves_the_curvatures_of_the_players() -> None:
    a, b, c = (np.random.default_rng(2).normal(size=(2, 2)) for _ in range(3))
    game = jaxgan.quadratic(*(jnp.asarray(m) for m in (a + a.T, b, c + c.T)))
    field = fields.symplectic_surgery(gradient(game), tol=1e-13, max_iterations=100)
    params, net_state = game.init(jax.random.key(0))
    origin = jax.tree.map(jnp.zeros_like, params)
    jacobian = dense_jacobian(field, origin, net_state, {}, CONTEXT)
    zero = np.zeros((2, 2))
    # Players in the order of their names: disc, gen.
    np.testing.assert_allclose(jacobian, np.block([[c + c.T, zero], [zero, a + a.T]]), atol=1e-7)


@pytest.mark.parametrize("phase", [0.0, np.pi / 4, np.pi])
def test_complex_momentum_is_momentum_of_a_complex_number(phase: float) -> None:
    optimizer = optimizers.complex_momentum(0.1, magnitude=0.8, phase=phase)
    w, momentum = jnp.ones(1), 0.0 + 0.0j
    state, expected = optimizers.init(optimizer, w), 1.0
    for grad in (1.0, -2.0, 0.5, 3.0):
        w, state = optimizers.update(optimizer, jnp.full(1, grad), state, w)
        momentum = 0.8 * np.exp(1j * phase) * momentum - grad
        expected += 0.1 * momentum.real
    np.testing.assert_allclose(float(w[0]), expected, rtol=1e-12)


def test_the_anchor_gives_the_rate_of_its_paper() -> None:
    # Yoon & Ryu, 2021: the square of the field falls as 1 / t²; here as |w_0|² / (η t)².
    made = algorithms.extra_anchored(gradient(jaxgan.bilinear()), optimizers=helpers.sgds(0.5))
    end = play(made, 500)
    square = float(end["gen"][0] ** 2 + end["disc"][0] ** 2)
    np.testing.assert_allclose(square * 500**2, 2.0 / 0.5**2, rtol=0.01)
