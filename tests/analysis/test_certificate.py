"""Certificates against dense eigenvalues, and games whose equilibria are known by hand."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import jaxgan
from jaxgan import Context, Game, general_sum, losses, penalties
from jaxgan.analysis import Certificate, certificate
from jaxgan.analysis._definite import definiteness, ritz_margin
from jaxgan.core.krylov import arnoldi, random_direction
from jaxgan.fields import consensus, gradient
from tests.analysis import games

pytestmark = pytest.mark.usefixtures("float64")

CONTEXT = Context(jax.random.key(0))


def at_origin(game: Game, **options: Any) -> Certificate:
    params, net_state = game.init(jax.random.key(0))
    origin = jax.tree.map(jnp.zeros_like, params)
    return certificate(gradient(game), origin, net_state, {}, CONTEXT, **options)


def quadratic(a: float, b: float, c: float) -> Game:
    """f = a x²/2 + b x y - c y²/2, of which the Schur complement is a + b²/c."""
    one = jnp.eye(1)
    return jaxgan.quadratic(a * one, b * one, c * one)


@pytest.mark.parametrize(
    ("numbers", "kind", "nash", "minimax", "words"),
    [
        ((1.0, 2.0, 3.0), "local Nash", True, True, "its smallest eigenvalue at least 2.33"),
        ((-6.0, 4.0, 2.0), "local minimax", False, True, "the Schur complement is positive"),
        ((-6.0, 2.0, 2.0), "neither", False, False, "Schur complement has a negative eigenvalue"),
        ((6.0, 4.0, -2.0), "neither", False, False, "of disc has a negative eigenvalue, -2"),
        ((1.0, 2.0, 0.0), "undecided", None, None, "Hessian of disc undecided: singular"),
        ((0.0, 2.0, 1.0), "local minimax", None, True, "Hessian of gen undecided: singular"),
        ((-4.0, 2.0, 1.0), "undecided", False, None, "Schur complement undecided: singular"),
    ],
)
def test_quadratic_games_by_hand(
    numbers: tuple[float, ...], kind: str, nash: Any, minimax: Any, words: str
) -> None:
    found = at_origin(quadratic(*numbers))
    assert (found.kind, found.is_nash, found.is_stackelberg) == (kind, nash, minimax)
    assert words in found.text
    assert found.failure == 0.0
    if "stackelberg" in found.blocks:
        expected = numbers[0] + numbers[1] ** 2 / numbers[2]
        assert found.blocks["stackelberg"].smallest == pytest.approx(expected, abs=1e-12)


def test_what_leads_is_asked() -> None:
    # f = x² + 4xy + y²: for the discriminator as the leader -f has D11 = -2, and -2 + 16/2 = 6.
    game = quadratic(2.0, 4.0, -2.0)
    assert at_origin(game).kind == "neither"
    found = at_origin(game, leader="disc")
    assert (found.kind, found.blocks["stackelberg"].smallest) == ("local minimax", 6.0)


def cubic(a: float) -> Game:
    """f_gen = x y + a x²/2, f_disc = (y - x - x²)²: the answer to x is y = x + x²."""

    def values(params: Any, batch: Any, context: Any) -> Any:
        x, y = params["gen"], params["disc"]
        return {
            "gen": jnp.sum(x * y + 0.5 * a * x**2),
            "disc": jnp.sum((y - x - x**2) ** 2),
        }

    return general_sum(lambda key: {"gen": jnp.ones(1), "disc": jnp.ones(1)}, values)


def test_a_general_sum_game_has_a_total_second_derivative() -> None:
    # The leader's loss is (1 + a/2) x² + x³, of second derivative 2 + a at 0.
    found = at_origin(cubic(-1.0))
    assert (found.kind, found.is_nash) == ("local Stackelberg", False)
    assert found.blocks["stackelberg"].smallest == pytest.approx(1.0)
    assert at_origin(cubic(-3.0)).kind == "neither"
    # (2 + a) x + 3 x² = 0 at x = -1/3 for a = -1, where the gradient is not 0, but the total
    # derivative is; the second derivative is 2 + a + 6 x = -1.
    x = -1 / 3
    there = {"gen": jnp.full(1, x), "disc": jnp.full(1, x + x**2)}
    found = certificate(gradient(cubic(-1.0)), there, {"gen": {}, "disc": {}}, {}, CONTEXT)
    assert (found.kind, found.is_nash, found.is_stackelberg) == ("neither", False, False)
    assert found.blocks["stackelberg"].smallest == pytest.approx(-1.0)
    assert found.norm > 0.1


def test_games_of_other_players_have_nash_equilibria_alone() -> None:
    names = ("a", "b", "c")

    def values(params: Any, batch: Any, context: Any) -> Any:
        return {name: jnp.sum(params[name] ** 2) for name in names}

    game = general_sum(lambda key: {name: jnp.ones(2) for name in names}, values)
    found = at_origin(game)
    assert (found.kind, found.is_stackelberg) == ("local Nash", None)


@pytest.fixture(scope="module")
def large() -> Any:
    """A zero-sum game of 2,009 parameters at its start, and its Jacobian."""
    with jax.enable_x64(True):
        field = gradient(games.deep_gan(loss=losses.minimax()))
        there = games.situation(field)
        return field, there, games.plain_jacobian(field, there)


@pytest.mark.slow
def test_two_thousand_parameters_against_dense_eigenvalues(large: Any) -> None:
    field, there, jacobian = large
    assert field.game.is_zero_sum
    num = ravel_pytree(there[0]["gen"])[0].size
    assert jacobian.shape == (2009, 2009)
    found = certificate(field, *there, num_vectors=150)
    for player, part in (("gen", slice(num)), ("disc", slice(num, None))):
        dense = np.linalg.eigvalsh(jacobian[part, part])
        block = found.blocks[player]
        assert block.smallest == pytest.approx(dense[0], rel=1e-8)
        assert block.largest == pytest.approx(dense[-1], rel=1e-8)
        assert block.lower <= dense[0]
        assert block.is_definite is (False if dense[0] < -1e-6 * np.abs(dense).max() else None)
    assert found.kind == "no equilibrium"


@pytest.mark.slow
def test_the_schur_complement_of_two_thousand_parameters(large: Any) -> None:
    """The same network with a quadratic term for either player, so that there is a complement."""
    field, there, jacobian = large
    weight, num = 8.0, ravel_pytree(there[0]["gen"])[0].size

    def square(tree: Any) -> Any:
        return 0.5 * weight * sum(jnp.sum(x**2) for x in jax.tree.leaves(tree))

    def play(params: Any, *rest: Any) -> Any:
        values, others = field.game.losses(params, *rest)
        own = square(params["gen"]) - square(params["disc"])
        return {"gen": values["gen"] + own, "disc": values["disc"] - own}, others

    shifted = jacobian + weight * np.eye(len(jacobian))
    a, b = shifted[:num, :num], shifted[:num, num:]
    dense = np.linalg.eigvalsh(a - b @ np.linalg.solve(shifted[num:, num:], shifted[num:, :num]))
    found = certificate(gradient(field.game._replace(losses=play)), *there)
    block = found.blocks["stackelberg"]
    assert block.smallest == pytest.approx(dense[0], rel=1e-8)
    assert block.is_definite
    assert block.lower <= dense[0]


def test_the_probability_of_the_bound_is_that_of_random_starts() -> None:
    size, num, failure = 60, 6, 0.1
    margin = ritz_margin(size, num, 1, failure)
    eta = margin / (1 + 2 * margin)
    starts = np.random.default_rng(0).normal(size=(200_000, size))
    share = starts[:, 0] ** 2 / np.sum(starts[:, 1:] ** 2, axis=1)
    bad = np.mean(share < np.sinh((2 * num - 1) * np.arctanh(np.sqrt(eta))) ** -2)
    assert bad == pytest.approx(failure / 2, rel=0.05)


def test_the_bound_holds() -> None:
    # The spectrum that is hardest for a Chebyshev polynomial, and an eigenvalue below it.
    size, num, failure = 60, 6, 0.1
    margin = ritz_margin(size, num, 1, failure)
    inside = 0.5 - 0.5 * np.cos(np.pi * (np.arange(size - 1) + 0.5) / (size - 1))
    values = jnp.asarray(np.append(-2 * margin, inside))

    def fails(key: jax.Array) -> jax.Array:
        space = arnoldi(lambda v: values * v, random_direction(key, values), num=num)
        ritz = jnp.linalg.eigvalsh(space.matrix)
        return ritz[0] - margin * (ritz[-1] - ritz[0]) > values[0]

    share = np.mean(jax.jit(jax.vmap(fails))(jax.random.split(jax.random.key(0), 2000)))
    assert share < failure
    # κ is that of Kuczynski and Wozniakowski's exponent: 1.6 √n exp(-(2k - 1) √η) = failure / 2.
    size, num, failure = 10_000, 200, 1e-3
    eta = (np.log(2 * 1.596 * np.sqrt(size) / failure) / (2 * num - 1)) ** 2
    assert ritz_margin(size, num, 1, failure) == pytest.approx(eta, rel=0.01)


def test_too_few_products_leave_it_undecided() -> None:
    values = jnp.geomspace(1e-3, 1.0, 500)
    options = {"num_starts": 2, "failure": 1e-3}
    few = definiteness(_times, values, values, num_vectors=8, **options)
    many = definiteness(_times, values, values, num_vectors=200, **options)
    assert few.is_definite is None
    assert "raise num_vectors" in few.text
    assert many.is_definite
    assert few.lower < many.lower <= 1e-3
    assert many.failure == 1e-3


def _times(values: jax.Array) -> Any:
    return lambda v: values * v


def test_where_the_gradient_is_not_zero_its_norm_is_said() -> None:
    field = gradient(quadratic(1.0, 2.0, 3.0))
    params, net_state = field.game.init(CONTEXT.key)
    found = certificate(field, params, net_state, {}, CONTEXT)
    assert found.kind == "no equilibrium"
    assert found.text.startswith("no equilibrium: the norm of the gradients is 3.16, above 0.001")
    assert found.blocks["gen"].is_definite
    # Whatever the field, it is the game's own gradient that counts.
    other = certificate(consensus(field, gamma=1.0), params, net_state, {}, CONTEXT)
    assert other.norm == pytest.approx(np.sqrt(10))


def test_a_penalty_makes_the_dirac_gan_a_stackelberg_equilibrium() -> None:
    game = jaxgan.with_penalty(jaxgan.dirac(losses.minimax()), penalties.r1(weight=0.5))
    params, net_state = game.init(CONTEXT.key)
    origin = jax.tree.map(jnp.zeros_like, params)
    found = certificate(gradient(game), origin, net_state, {"image": jnp.zeros((4, 1))}, CONTEXT)
    # The answer to θ is ψ = -θ f'(0) / γ, along which the generator's loss is f'(0)² θ² / γ.
    assert (found.is_nash, found.kind) == (None, "local Stackelberg")
    assert found.blocks["stackelberg"].smallest == pytest.approx(2 * 0.5**2 / 0.5)
