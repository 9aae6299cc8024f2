"""How fields relate: identities between methods, nesting, closed forms, and what is refused."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import Context, Game, fields, losses, penalties
from jaxgan.fields import Field, gradient, microbatch
from tests import helpers
from tests.fields.games import curved, game_of, matrices

pytestmark = pytest.mark.usefixtures("float64")


def pulls(game: Game, made: dict[str, Field], params: Any, batch: Any = None) -> dict[str, Any]:
    """The pulls of several fields at one point, from one program."""
    _, net_state = game.init(jax.random.key(0))
    params = jax.tree.map(jnp.asarray, params)

    @jax.jit
    def evaluate(params: Any) -> Any:
        context = Context(jax.random.key(1))
        return {
            name: field.apply(params, field.init(params), net_state, batch or {}, context)[0]
            for name, field in made.items()
        }

    return helpers.plain(evaluate(params))


def somewhere(seed: int = 0, num_x: int = 3, num_y: int = 2) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(seed)
    return {"gen": draw.normal(size=num_x), "disc": draw.normal(size=num_y)}


def join(tree: Any) -> np.ndarray:
    return np.concatenate([np.ravel(tree["gen"]), np.ravel(tree["disc"])])


# Identities.


def test_in_a_zero_sum_game_lookahead_is_symplectic() -> None:
    made: dict[str, Callable[[Field], Field]] = {
        "lookahead": functools.partial(fields.lookahead_opponent, alpha=0.3),
        "symplectic": functools.partial(fields.symplectic, lam=0.3, align=False),
    }
    base = gradient(curved())
    found = pulls(curved(), {name: make(base) for name, make in made.items()}, somewhere())
    np.testing.assert_allclose(join(found["lookahead"]), join(found["symplectic"]), rtol=1e-12)
    # In another game it is not.
    general = game_of(matrices("general"))
    own = {name: make(gradient(general)) for name, make in made.items()}
    found = pulls(general, own, somewhere(num_y=4))
    assert helpers.max_difference(found["lookahead"], found["symplectic"]) > 0.1


def test_methods_that_are_one_on_a_bilinear_game() -> None:
    matrix, eta = np.random.default_rng(1).normal(size=(3, 2)), 0.3
    game = jaxgan.bilinear(jnp.asarray(matrix))
    base, start = gradient(game), somewhere()
    found = pulls(
        game,
        {
            "lookahead": fields.lookahead_opponent(base, alpha=eta),
            "exact": fields.lookahead_opponent(base, alpha=eta, mode="exact"),
            "symplectic": fields.symplectic(base, lam=eta, align=False),
            "consensus": fields.consensus(base, gamma=eta),
            "competitive": fields.competitive(base, eta=eta, tol=1e-14),
        },
        start,
    )
    for name in ("exact", "symplectic", "consensus"):
        np.testing.assert_allclose(join(found[name]), join(found["lookahead"]), rtol=1e-12)
    # A descent step along them is one of extragradient.
    algorithm = jaxgan.extragradient(base, optimizers=helpers.sgds(eta))
    state = algorithm.init(jax.random.key(0))
    state = state._replace(params=jax.tree.map(jnp.asarray, start))
    moved = join(helpers.plain(algorithm.step(state, {})[0].params))
    np.testing.assert_allclose(join(start) - eta * join(found["lookahead"]), moved, rtol=1e-12)
    # Competitive descent is the proximal point: w' = w - η ξ(w').
    j = np.block([[np.zeros((3, 3)), matrix], [-matrix.T, np.zeros((2, 2))]])
    proximal = np.linalg.solve(np.eye(5) + eta * j, join(start))
    np.testing.assert_allclose(join(start) - eta * join(found["competitive"]), proximal, rtol=1e-9)


GAMES = {
    "zero-sum": (curved, somewhere(3), {}),
    "general-sum": (
        lambda: jaxgan.dirac(losses.non_saturating()),
        {"gen": np.array([0.7]), "disc": np.array([-1.2])},
        {"image": np.zeros((2, 1))},
    ),
}


@pytest.mark.parametrize("name", GAMES)
def test_one_unrolled_step_is_lola_or_lookahead(name: str) -> None:
    make, params, points = GAMES[name]
    game, alpha = make(), 0.4
    batch = {key: jnp.asarray(value) for key, value in points.items()}
    methods = {
        "exact": functools.partial(fields.lola, alpha=alpha, mode="exact"),
        "first_order": functools.partial(fields.lookahead_opponent, alpha=alpha, mode="exact"),
    }
    made = {mode: method(gradient(game)) for mode, method in methods.items()}
    for mode in methods:
        for player, opponent in (("gen", "disc"), ("disc", "gen")):
            unrolled = jaxgan.unrolled(
                game,
                player=player,
                opponent=opponent,
                num_steps=1,
                mode=mode,
                inner=jaxgan.optimizers.sgd(alpha),
                inner_state="fresh",
            )
            made[f"{mode} {player}"] = gradient(unrolled)
    found = pulls(game, made, params, batch)
    for mode in methods:
        for player in ("gen", "disc"):
            np.testing.assert_allclose(
                found[f"{mode} {player}"][player], found[mode][player], rtol=1e-10
            )
    assert helpers.max_difference(found["exact"], found["first_order"]) > 1e-2


# The Dirac-GAN away from its equilibrium: ξ = (-ψ σ(ψθ), θ σ(ψθ)) for the minimax objective.


def dirac_pull(w: np.ndarray) -> np.ndarray:
    theta, psi = w
    return np.array([-psi, theta]) / (1 + np.exp(-psi * theta))


def dirac_jacobian(w: np.ndarray) -> np.ndarray:
    theta, psi = w
    s = 1 / (1 + np.exp(-psi * theta))
    slope = s * (1 - s)
    return np.array(
        [
            [-(psi**2) * slope, -s - psi * theta * slope],
            [s + psi * theta * slope, theta**2 * slope],
        ]
    )


def dirac_value(w: np.ndarray) -> float:
    """L_gen = -L_disc."""
    return -np.log(2) - np.log1p(np.exp(w[0] * w[1]))


def slope_of(function: Callable[[float], float], at: float, size: float = 1e-6) -> float:
    return (function(at + size) - function(at - size)) / (2 * size)


def test_the_dirac_gan_off_its_equilibrium() -> None:
    w, alpha, base = np.array([1.0, -1.0]), 0.8, gradient(jaxgan.dirac())
    batch = {"image": jnp.zeros((2, 1))}
    made = {
        "plain": base,
        "consensus": fields.consensus(base, gamma=1.0),
        "lookahead": fields.lookahead_opponent(base, alpha=alpha, mode="exact"),
        "lola": fields.lola(base, alpha=alpha, mode="exact"),
        "competitive": fields.competitive(base, eta=alpha, tol=1e-13),
        "ridge": fields.follow_the_ridge(base, damping=0.0, tol=1e-13),
    }
    found = pulls(jaxgan.dirac(), made, {"gen": w[:1], "disc": w[1:]}, batch)
    xi, j = dirac_pull(w), dirac_jacobian(w)
    np.testing.assert_allclose(join(found["plain"]), xi, rtol=1e-12)
    np.testing.assert_allclose(join(found["consensus"]), xi + j.T @ xi, rtol=1e-12)
    # A known value; the reference code has a spurious ½ here, which gives 0.28839.
    np.testing.assert_allclose(found["consensus"]["gen"], [0.23552], atol=5e-6)
    others = w - alpha * xi
    expected = [dirac_pull(np.array([w[0], others[1]]))[0], dirac_pull([others[0], w[1]])[1]]
    np.testing.assert_allclose(join(found["lookahead"]), expected, rtol=1e-12)
    off = np.eye(2) + alpha * (j - np.diag(np.diag(j)))
    np.testing.assert_allclose(join(found["competitive"]), np.linalg.solve(off, xi), rtol=1e-10)
    ridge = xi - np.array([0.0, j[1, 0] * xi[0] / j[1, 1]])
    np.testing.assert_allclose(join(found["ridge"]), ridge, rtol=1e-10)

    def of_gen(theta: float) -> float:
        psi = w[1] - alpha * dirac_pull([theta, w[1]])[1]
        return dirac_value([theta, psi])

    def of_disc(psi: float) -> float:
        theta = w[0] - alpha * dirac_pull([w[0], psi])[0]
        return -dirac_value([theta, psi])

    expected = [slope_of(of_gen, w[0]), slope_of(of_disc, w[1])]
    np.testing.assert_allclose(join(found["lola"]), expected, rtol=1e-8)


# Nesting.


def test_fields_nest_in_any_order() -> None:
    m, gamma, lam, eta = matrices("general"), 0.7, 0.4, 0.3
    game, params = game_of(m), somewhere(num_y=4)
    consensus = functools.partial(fields.consensus, gamma=gamma)
    adjust = functools.partial(fields.symplectic, lam=lam, align=False)
    proximal = functools.partial(fields.competitive, eta=eta, solver="gmres", tol=1e-13)
    base = gradient(game)
    found = pulls(
        game,
        {
            "consensus(symplectic)": consensus(adjust(base)),
            "symplectic(consensus)": adjust(consensus(base)),
            "competitive(consensus)": proximal(consensus(base)),
            "consensus(competitive)": consensus(proximal(base)),
        },
        params,
    )

    def consented(j: np.ndarray) -> np.ndarray:
        return j + gamma * j.T @ j

    def adjusted(j: np.ndarray) -> np.ndarray:
        return j + lam * 0.5 * (j.T - j) @ j

    def proximal_of(j: np.ndarray) -> np.ndarray:
        off = j.copy()
        off[:3, :3], off[3:, 3:] = 0.0, 0.0
        return np.linalg.solve(np.eye(7) + eta * off, j)

    # Each field is linear here, so it is a matrix and nesting is a function of matrices.
    j = m.jacobian
    expected = {
        "consensus(symplectic)": consented(adjusted(j)),
        "symplectic(consensus)": adjusted(consented(j)),
        "competitive(consensus)": proximal_of(consented(j)),
        "consensus(competitive)": consented(proximal_of(j)),
    }
    for name, matrix in expected.items():
        np.testing.assert_allclose(join(found[name]), matrix @ join(params), rtol=1e-8)


@pytest.mark.parametrize(("mode", "factor"), [("exact", 2.0), ("first_order", 1.0)])
def test_consensus_of_an_unrolled_game(mode: Any, factor: float) -> None:
    num, rate, gamma = 5, 0.2, 2.0
    game = jaxgan.unrolled(
        jaxgan.dirac(),
        num_steps=num,
        mode=mode,
        inner=jaxgan.optimizers.sgd(rate),
        inner_state="fresh",
    )
    field = fields.consensus(gradient(game), gamma=gamma)
    _, net_state = game.init(jax.random.key(0))
    batch = {"image": jnp.zeros((2, 1))}

    def pull(w: jax.Array) -> jax.Array:
        here, context = {"gen": w[:1], "disc": w[1:]}, Context(jax.random.key(0))
        found = field.apply(here, (), net_state, batch, context)[0]
        return jnp.concatenate([found["gen"], found["disc"]])

    found = jax.jit(jax.jacobian(pull))(jnp.zeros(2))
    # J of the unrolled game at the equilibrium, signs and all.
    j = np.array([[factor * num * rate / 4, -0.5], [0.5, 0.0]])
    np.testing.assert_allclose(found, j + gamma * j.T @ j, atol=1e-12)


def test_consensus_of_a_batch_in_parts_is_that_of_the_batch() -> None:
    game = helpers.mlp_gan(jnp.float64)  # no batch norm: examples do not meet
    base, consensus = gradient(game), functools.partial(fields.consensus, gamma=10.0)
    made = {
        "whole": consensus(base),
        "innermost": consensus(microbatch(base, num_parts=4)),
        "outermost": microbatch(consensus(base), num_parts=4),
    }
    params, _ = game.init(jax.random.key(0))
    found = pulls(game, made, params, helpers.real_batch(dtype=np.float64))
    chex.assert_trees_all_close(found["innermost"], found["whole"], rtol=0, atol=1e-10)
    assert helpers.max_difference(found["outermost"], found["whole"]) > 1e-3


# Solvers.


def solved(make: Callable[[Field], Field], num_times: int = 1) -> tuple[Any, Any]:
    """Evaluations at one point, each from the last solution: the last pull and all metrics."""
    field, params = make(gradient(game_of(matrices("zero_sum")))), somewhere(num_y=4)
    params = jax.tree.map(jnp.asarray, params)

    def body(memory: Any, _: Any) -> Any:
        pull, memory, (_, metrics) = field.apply(params, memory, {}, {}, Context(jax.random.key(0)))
        return memory, (pull, metrics["gen"])

    play = jax.jit(lambda memory: jax.lax.scan(body, memory, None, length=num_times)[1])
    path, metrics = play(field.init(params))
    return join(jax.tree.map(lambda x: x[-1], path)), helpers.plain(metrics)


def test_a_solver_that_is_stopped_says_so_and_goes_on_next_time() -> None:
    m, eta, w = matrices("zero_sum"), 0.5, join(somewhere(num_y=4))
    xi, operator = m.jacobian @ w, np.eye(7) + eta * m.off_diagonal
    stopped = functools.partial(fields.competitive, eta=eta, solver="gmres", max_iterations=1)
    pull, metrics = solved(stopped)
    residual = np.linalg.norm(xi - operator @ pull) / np.linalg.norm(xi)
    np.testing.assert_allclose(metrics["solver_residual"], [residual], rtol=1e-8)
    assert residual > 1e-2
    np.testing.assert_array_equal(metrics["solver_converged"], [0.0])
    # One iteration per evaluation, from the last solution, arrives all the same.
    pull, metrics = solved(stopped, 100)
    assert (metrics["solver_converged"][0], metrics["solver_converged"][-1]) == (0.0, 1.0)
    np.testing.assert_allclose(pull, np.linalg.solve(operator, xi), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "make",
    [
        functools.partial(fields.competitive, eta=0.5),
        functools.partial(fields.follow_the_ridge, ratio=0.5, damping=1.0),
    ],
    ids=["competitive", "follow_the_ridge"],
)
def test_conjugate_gradients_that_are_stopped_say_so(make: Callable[..., Any]) -> None:
    _, metrics = solved(functools.partial(make, max_iterations=1), 2)
    np.testing.assert_array_equal(metrics["solver_converged"], [0.0, 0.0])
    assert metrics["solver_residual"][0] > metrics["solver_residual"][1] > 1e-4
    _, metrics = solved(functools.partial(make, max_iterations=50), 2)
    np.testing.assert_array_equal(metrics["solver_converged"], [1.0, 1.0])
    assert metrics["solver_residual"].max() < 1e-5


# What is refused.

BASE = gradient(jaxgan.bilinear())
WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "gamma": (lambda: fields.consensus(BASE, gamma=-1.0), "gamma is -1.0"),
    "gamma NaN": (lambda: fields.consensus(BASE, gamma=float("nan")), "gamma is nan"),
    "eta": (lambda: fields.gradient_norm(BASE, eta=-0.5), "eta is -0.5"),
    "count": (lambda: fields.symplectic(BASE, count="layers"), "count is 'layers'"),
    "lookahead": (
        lambda: fields.lookahead_opponent(BASE, alpha=0.1, mode="shaping"),
        "mode is 'shaping'",
    ),
    "lola": (lambda: fields.lola(BASE, alpha=0.1, mode="first"), "mode is 'first'"),
    "a": (lambda: fields.sos(BASE, alpha=0.1, a=1.0), "a is 1.0"),
    "b": (lambda: fields.sos(BASE, alpha=0.1, b=0.0), "b is 0.0"),
    "solver": (
        lambda: fields.competitive(BASE, eta=0.1, solver="lu"),
        "solver is 'lu'",
    ),
    "tol": (lambda: fields.competitive(BASE, eta=0.1, tol=0.0), "tol is 0.0"),
    "iterations": (
        lambda: fields.competitive(BASE, eta=0.1, max_iterations=0),
        "max_iterations is 0",
    ),
    "ridge tol": (lambda: fields.follow_the_ridge(BASE, tol=-1.0), "tol is -1.0"),
    "ridge iterations": (
        lambda: fields.follow_the_ridge(BASE, max_iterations=0),
        "max_iterations is 0",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_options_are_refused_when_made(name: str) -> None:
    make, message = WRONG[name]
    with pytest.raises(ValueError, match=message) as raised:
        make()
    assert "must be" in str(raised.value)


def test_players_that_are_not_there_are_refused() -> None:
    base = gradient(jaxgan.bilinear())
    for norms in ({"critic": ("gen",)}, {"gen": ("disc", "critic")}):
        with pytest.raises(ValueError, match=r"norms names \['critic'\]; the game's players are"):
            fields.consensus(base, gamma=1.0, norms=norms)
    with pytest.raises(ValueError, match=r"norms names \['disc', 'gen'\]"):
        fields.gradient_norm(gradient(game_of(matrices("three"))))


@pytest.mark.parametrize(
    "field",
    [
        gradient(jaxgan.dirac(losses.non_saturating())),
        gradient(jaxgan.with_penalty(jaxgan.dirac(), penalties.r1())),
        gradient(game_of(matrices("three"))),
        fields.consensus(gradient(jaxgan.bilinear()), gamma=1.0),
    ],
    ids=["non_saturating", "penalty", "three", "consensus"],
)
def test_methods_for_zero_sum_games_refuse_others(field: fields.Field) -> None:
    with pytest.raises(ValueError, match="competitive: solver is 'cg', which needs the plain"):
        fields.competitive(field, eta=0.1)
    fields.competitive(field, eta=0.1, solver="gmres")
    with pytest.raises(ValueError, match="follow_the_ridge: the field is not the plain"):
        fields.follow_the_ridge(field)


def test_parts_of_a_batch_are_the_plain_gradient_still() -> None:
    parts = fields.microbatch(gradient(jaxgan.bilinear()), num_parts=2)
    fields.follow_the_ridge(fields.Field(**parts._asdict()))
    assert parts.is_gradient
