"""The best response looked ahead to, against closed forms, finite differences and unrolling."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from scipy.optimize import brentq

import jaxgan
from jaxgan import Context, Game, fields, optimizers, penalties
from jaxgan.analysis import dense_jacobian
from jaxgan.core.checks import first_difference
from jaxgan.fields import Field, gradient
from tests import helpers
from tests.games.lookahead import central_differences, distance, hand_losses, pull, trained

pytestmark = pytest.mark.usefixtures("float64")

implicit, unrolled = jaxgan.implicit, jaxgan.unrolled
CONTEXT = Context(jax.random.key(0))
ZEROS = {"image": np.zeros((4, 1)), "latent": np.zeros((4, 1))}
TIGHT = {"tol": 1e-13, "max_iterations": 40}


def evaluated(field: Field, params: Any, batch: Any = None) -> tuple[Any, Any]:
    """ξ and the metrics, compiled."""
    _, net_state = field.game.init(jax.random.key(0))
    grads, _, (_, metrics) = jax.jit(field.apply)(
        params, field.init(params), net_state, {} if batch is None else batch, CONTEXT
    )
    return grads, metrics


# The Dirac-GAN, whose discriminator alone has R1: not of zero sum.


def sigmoid(t: float) -> float:
    return float(1 / (1 + np.exp(-t)))


def dirac_gradient(theta: float, gamma: float) -> float:
    """Of L_G = -softplus(ψθ) at the ψ that minimises softplus(ψθ) + γ ψ² / 2."""
    psi = brentq(lambda psi: sigmoid(psi * theta) * theta + gamma * psi, -10, 10, xtol=1e-15)
    slope, curvature = sigmoid(psi * theta), sigmoid(psi * theta) * sigmoid(-psi * theta)
    moves = -(slope + curvature * psi * theta) / (curvature * theta**2 + gamma)
    return -slope * (psi + theta * moves)


@pytest.mark.parametrize("solver", helpers.rows(["cg", "gmres", "neumann"], ["gmres"]))
def test_unrolling_ends_at_it_and_first_order_does_not(solver: Any) -> None:
    game = jaxgan.with_penalty(jaxgan.dirac(), penalties.r1(weight=1.0))
    params = {"gen": jnp.array([0.8]), "disc": jnp.array([-0.4])}
    inner = optimizers.sgd(0.35)
    made = implicit(
        game, num_steps=5, newton_steps=4, inner=inner, solver=solver, neumann_rate=0.7, **TIGHT
    )
    grads, metrics = evaluated(gradient(made), params, ZEROS)
    expected = dirac_gradient(0.8, 1.0)
    np.testing.assert_allclose(grads["gen"], [expected], rtol=1e-12)
    assert metrics["gen"]["response_residual"] < 1e-12
    assert metrics["gen"]["solver_residual"] < 1e-12
    plain, _ = evaluated(gradient(game), params, ZEROS)
    np.testing.assert_allclose(grads["disc"], plain["disc"], rtol=1e-14)
    if solver == "cg":
        for num_steps, bound in ((10, 5e-3), (50, 2e-8), (200, 1e-14)):
            ahead = unrolled(game, num_steps=num_steps, inner=inner, inner_state="fresh")
            found, _ = evaluated(gradient(ahead), params, ZEROS)
            assert abs(float(found["gen"][0]) - expected) < bound
        options: Any = {"inner": inner, "inner_state": "fresh", "mode": "first_order"}
        found, _ = evaluated(gradient(unrolled(game, num_steps=200, **options)), params, ZEROS)
        assert abs(float(found["gen"][0]) - expected) > 0.1


# A game of general sum that is not quadratic: y answers x by log(1 + (M x)²).

MATRIX = np.random.default_rng(0).normal(size=(2, 2))


def general() -> Game:
    def losses(params: Any, batch: Any, context: Context) -> Any:
        x, y = params["gen"], params["disc"]
        seen = jnp.asarray(MATRIX) @ x
        return {
            "gen": jnp.sum(x * y + 0.5 * y**2 + jnp.sin(x)),
            "disc": jnp.sum(jnp.exp(y) - y * (1 + seen**2)),
        }

    def init(key: Any) -> Any:
        return {"gen": jax.random.normal(key, (2,)), "disc": jnp.zeros(2)}

    return jaxgan.general_sum(init, losses)


def by_hand(w: np.ndarray) -> np.ndarray:
    """ξ of both players, for w = (x, y)."""
    x, y = w[:2], w[2:]
    seen = MATRIX @ x
    answer, moves = np.log1p(seen**2), (2 * seen / (1 + seen**2))[:, None] * MATRIX
    return np.concatenate([answer + np.cos(x) + moves.T @ (x + answer), np.exp(y) - (1 + seen**2)])


def differences(function: Any, w: np.ndarray, step: float = 1e-5) -> np.ndarray:
    moves = step * np.eye(len(w))
    ends = [(function(w + move) - function(w - move)) / (2 * step) for move in moves]
    return np.stack(ends, axis=1)


def consensus_by_hand(w: np.ndarray) -> np.ndarray:
    return by_hand(w) + 0.3 * differences(by_hand, w, 1e-4).T @ by_hand(w)


def flat(tree: Any) -> np.ndarray:
    return np.concatenate([tree["gen"], tree["disc"]])


def test_a_general_game_and_what_stands_on_it() -> None:
    made = implicit(general(), num_steps=30, newton_steps=4, inner=optimizers.sgd(0.2), **TIGHT)
    w = np.array([0.7, -0.4, 0.5, -0.3])
    params = {"gen": jnp.asarray(w[:2]), "disc": jnp.asarray(w[2:])}
    plain, damped = gradient(made), fields.consensus(gradient(made), gamma=0.3)
    for field, expected, atol in ((plain, by_hand, 1e-11), (damped, consensus_by_hand, 1e-6)):
        grads, metrics = evaluated(field, params)
        np.testing.assert_allclose(flat(grads), expected(w), atol=atol)
        assert metrics["gen"]["response_residual"] < 1e-12
        found = dense_jacobian(field, params, made.init(CONTEXT.key)[1], {}, CONTEXT)
        np.testing.assert_allclose(found, differences(expected, w), atol=20 * max(atol, 1e-9))


def test_stackelberg_is_the_same_where_the_opponent_has_answered() -> None:
    made = implicit(general(), num_steps=30, newton_steps=4, inner=optimizers.sgd(0.2), **TIGHT)
    x = np.array([0.7, -0.4])
    answer = np.log1p((MATRIX @ x) ** 2)
    for y, is_same in ((answer, True), (answer + 0.4, False)):
        params = {"gen": jnp.asarray(x), "disc": jnp.asarray(y)}
        here, _ = evaluated(gradient(made), params)
        other, _ = evaluated(fields.stackelberg(gradient(general()), **TIGHT), params)
        gap = np.abs(here["gen"] - other["gen"]).max()
        assert gap < 1e-11 if is_same else gap > 0.1


def test_on_a_quadratic_game_both_are_the_same_everywhere() -> None:
    draw = np.random.default_rng(1)
    gen, disc = (m @ m.T + np.eye(len(m)) for m in draw.normal(size=(2, 3, 3)))
    coupling = draw.normal(size=(3, 3))
    game = jaxgan.quadratic(*map(jnp.asarray, (gen, coupling, disc)))
    x, y = draw.normal(size=(2, 3))
    params = {"gen": jnp.asarray(x), "disc": jnp.asarray(y)}
    expected = gen @ x + coupling @ np.linalg.solve(disc, coupling.T @ x)
    fields_of = {
        "implicit": gradient(implicit(game, num_steps=0, **TIGHT)),
        "stackelberg": fields.stackelberg(gradient(game), **TIGHT),
    }
    for name, field in fields_of.items():
        grads, _ = evaluated(field, params)
        np.testing.assert_allclose(grads["gen"], expected, rtol=1e-10, err_msg=name)


# Networks.


@pytest.mark.slow
@pytest.mark.parametrize("player", ["gen", "disc"])
def test_the_gradient_on_networks_is_that_of_finite_differences(player: str) -> None:
    opponent = {"gen": "disc", "disc": "gen"}[player]
    setting, damping = trained(), 4.0
    start, unravel = ravel_pytree(setting.params[opponent])

    def loss(own: Any) -> jax.Array:
        """By Newton's method with a dense Hessian."""

        def near(answer: jax.Array) -> jax.Array:
            everyone = {**setting.params, player: own, opponent: unravel(answer)}
            away = 0.5 * damping * jnp.sum((answer - start) ** 2)
            return hand_losses(everyone, setting.batch)[opponent] + away

        def step(answer: jax.Array, _: None) -> Any:
            return answer - jnp.linalg.solve(jax.hessian(near)(answer), jax.grad(near)(answer)), _

        answer, _ = jax.lax.scan(step, start, length=8)
        everyone = {**setting.params, player: own, opponent: unravel(answer)}
        return hand_losses(everyone, setting.batch)[player]

    expected = central_differences(jax.jit(loss), setting.params[player])
    made = implicit(
        setting.game,
        player=player,
        opponent=opponent,
        num_steps=3,
        newton_steps=5,
        damping=damping,
        **TIGHT,
    )
    grads, _, (_, metrics) = pull(made, setting, compiled=True)
    assert metrics[player]["response_residual"] < 1e-10
    assert distance(grads[player], expected) < 1e-6
    plain, _, _ = pull(setting.game, setting, compiled=True)
    assert distance(grads[opponent], plain[opponent]) < 1e-12
    assert distance(plain[player], expected) > 1e-2


def test_networks_keep_their_shapes_and_dtypes() -> None:
    game = helpers.mlp_gan(gen_batch_norm=True, disc_batch_norm=True)
    algorithm = jaxgan.simultaneous(gradient(implicit(game)), optimizers=helpers.adams())
    state = jax.eval_shape(algorithm.init, jax.random.key(0))
    moved, metrics = jax.eval_shape(algorithm.step, state, helpers.real_batch())
    assert first_difference(state, moved) is None
    assert {x.dtype for x in metrics.values()} == {jnp.dtype("float32")}


def test_under_seeds_and_substeps() -> None:
    algorithm = jaxgan.simultaneous(
        gradient(implicit(general(), num_steps=3, **TIGHT)), optimizers=helpers.adams(0.05)
    )
    key, step, expected = jax.random.key(0), jax.jit(algorithm.step), []
    for member in range(2):
        state = algorithm.init(jax.random.fold_in(key, member))
        for _ in range(2):
            state, metrics = step(state, {})
        expected.append(state.params)
    assert 0 < metrics["gen/response_residual"] < 1
    many = jaxgan.substeps(jaxgan.seeds(algorithm, num_seeds=2), num_steps=2)
    state, _ = jax.jit(many.step)(many.init(key), {})
    for member in range(2):
        assert helpers.max_difference(jaxgan.member(state, member).params, expected[member]) < 1e-12
    assert helpers.max_difference(*expected) > 0.1


# What is no best response, and bad input.


def test_what_is_no_best_response_is_said() -> None:
    one = jnp.eye(2)
    params = {"gen": jnp.ones(2), "disc": jnp.ones(2)}
    near: Any = {"num_steps": 5, "inner": optimizers.sgd(0.1)}
    # To a linear opponent there is none: the loss is NaN, as is all that comes of it.
    grads, metrics = evaluated(gradient(implicit(jaxgan.bilinear(one), **near)), params)
    assert np.isnan(grads["gen"]).all()
    assert np.isnan(metrics["gen"]["loss"])
    # Newton's method would end in the maximum of a concave loss, where the residual is 0.
    for curvature in (-one, jnp.diag(jnp.asarray([1.0, -1.0]))):
        game = jaxgan.quadratic(one, one, curvature)
        _, metrics = evaluated(gradient(implicit(game, **near)), params)
        assert metrics["gen"]["response_residual"] > 1
        _, metrics = evaluated(gradient(implicit(game, damping=2.0, **near)), params)
        assert metrics["gen"]["response_residual"] < 1e-12
    # A series that does not contract.
    game = jaxgan.quadratic(one, one, one)
    far = implicit(game, solver="neumann", neumann_rate=2.5, **near)
    _, metrics = evaluated(gradient(far), {**params, "gen": 2 * jnp.ones(2)})
    assert metrics["gen"]["response_residual"] > 0.1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"newton_steps": 1}, r"newton_steps is 1; it must be an integer, at least 2"),
        ({"damping": -1.0}, r"damping is -1\.0; it must be at least 0"),
        ({"solver": "lu"}, r"solver is 'lu'; it must be 'cg', 'gmres' or 'neumann'"),
        ({"player": ("gen", "gen")}, r"player is \['gen', 'gen'\]; it must be .* different"),
        ({"player": ()}, r"player is \[\]; it must be"),
        ({"opponent": "gen"}, r"player and opponent are both 'gen'; they must differ"),
        ({}, r"implicit: the context has no optimizer of 'disc' to foresee; give inner="),
    ],
)
def test_wrong_arguments_are_refused(options: dict[str, Any], message: str) -> None:
    def play() -> None:
        game = implicit(jaxgan.bilinear(), **options)
        params, net_state = game.init(CONTEXT.key)
        gradient(game).apply(params, (), net_state, {}, CONTEXT)

    with pytest.raises(ValueError, match=message):
        play()
