"""Every penalty against its closed form on linear and quadratic critics: a row each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import Context, Game, Network, Penalty, penalties
from jaxgan.game import with_penalty
from jaxgan.penalties import Term, View
from jaxgan.penalties.base import norm
from jaxgan.schedules import linear
from tests import helpers


def half_square(slope: np.ndarray) -> np.ndarray:
    return 0.5 * np.sum(slope**2, axis=-1)


def one_centred(target: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda slope: (np.sqrt(np.sum(slope**2, axis=-1)) - target) ** 2


class Row(NamedTuple):
    name: str
    factory: Callable[..., Penalty]
    formula: Callable[[np.ndarray], np.ndarray]  # of the critic's slopes, [B, n] -> [B]
    where: str  # at which inputs; "both": between real and fake


TABLE = [
    Row("r1", penalties.r1, half_square, "real"),
    Row("r2", penalties.r2, half_square, "fake"),
    Row("wgan_gp", penalties.wgan_gp, one_centred(1.0), "both"),
    Row("wgan_gp", lambda **kw: penalties.wgan_gp(target=0.5, **kw), one_centred(0.5), "both"),
]
ROWS = [pytest.param(row, id=f"{row.name}{index}") for index, row in enumerate(TABLE)]
CONTEXT = Context(jax.random.key(0))


def points(seed: int, shape: tuple[int, ...] = (6, 3)) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def scene_for(row: Row) -> dict[str, jax.Array]:
    # Where real and fake are one point, so is every point between them.
    real = points(1)
    fake = real if row.where == "both" else points(2)
    return {"real": jnp.asarray(real), "fake": jnp.asarray(fake)}


def term_values(penalty: Penalty, critic: Callable[[Any], Any], scene: Any) -> jax.Array:
    values, state = penalty.terms[0].values(View({}, critic, scene, CONTEXT), ())
    assert state == ()
    return values


def test_every_factory_has_a_row() -> None:
    assert set(penalties.__all__) - {"Penalty", "Term", "View"} == {row.name for row in TABLE}
    assert all(row.factory().terms[0].name == row.name for row in TABLE)


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("shape", [(3,), (2, 2, 3)])
def test_closed_form_on_a_linear_critic(row: Row, shape: tuple[int, ...], float64: None) -> None:
    w = points(0, shape)
    scene = {"real": jnp.asarray(points(1, (6, *shape))), "fake": jnp.zeros((6, *shape))}

    def critic(x: jax.Array) -> jax.Array:
        return jnp.tensordot(x, jnp.asarray(w), axes=len(shape)) + 4.0

    expected = np.repeat(row.formula(w.reshape(1, -1)), 6)
    np.testing.assert_allclose(term_values(row.factory(), critic, scene), expected, rtol=1e-12)


@pytest.mark.parametrize("row", ROWS)
def test_closed_form_on_a_quadratic_critic(row: Row, float64: None) -> None:
    a, scene = points(0, (3, 3)), scene_for(row)

    def critic(x: jax.Array) -> jax.Array:
        return 0.5 * jnp.sum((x @ jnp.asarray(a)) * x, axis=1)

    inputs = np.asarray(scene["real" if row.where == "both" else row.where])
    expected = row.formula(inputs @ (a + a.T) / 2)
    np.testing.assert_allclose(term_values(row.factory(), critic, scene), expected, rtol=1e-12)


@pytest.mark.parametrize("row", ROWS)
def test_gradient_matches_central_differences(row: Row, float64: None) -> None:
    a, scene = points(0, (3, 3)), scene_for(row)
    inputs = np.asarray(scene["real" if row.where == "both" else row.where])

    def formula(a: np.ndarray) -> float:
        return np.mean(row.formula(inputs @ (a + a.T) / 2))

    def ours(a: jax.Array) -> jax.Array:
        def critic(x: jax.Array) -> jax.Array:
            return 0.5 * jnp.sum((x @ a) * x, axis=1)

        return jnp.mean(term_values(row.factory(), critic, scene))

    h, expected = 1e-6, np.zeros_like(a)
    for index in np.ndindex(*a.shape):
        step = np.zeros_like(a)
        step[index] = h
        expected[index] = (formula(a + step) - formula(a - step)) / (2 * h)
    np.testing.assert_allclose(jax.grad(ours)(jnp.asarray(a)), expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("row", ROWS)
def test_finite_where_the_critic_is_flat(row: Row) -> None:
    scene = {"real": jnp.ones((4, 2)), "fake": jnp.zeros((4, 2))}

    def loss(w: jax.Array) -> jax.Array:
        return jnp.sum(term_values(row.factory(), lambda x: x @ w, scene))

    value, grad = jax.value_and_grad(loss)(jnp.zeros(2))
    np.testing.assert_allclose(value, 4 * row.formula(np.zeros(2)), rtol=1e-6)
    np.testing.assert_array_equal(grad, np.zeros(2))


def test_wgan_gp_mixes_each_pair_by_its_own_uniform_weight() -> None:
    # With D(x) = |x|²/2, real 0 and fake (3, 4), the slope at ε real + (1 - ε) fake is 5 (1 - ε).
    num = 4000
    scene = {"real": jnp.zeros((num, 2)), "fake": jnp.tile(jnp.asarray([[3.0, 4.0]]), (num, 1))}
    values = term_values(
        penalties.wgan_gp(target=0.0), lambda x: 0.5 * jnp.sum(x**2, axis=1), scene
    )
    mix = 1.0 - np.sqrt(values) / 5.0
    quantiles = np.quantile(mix, [0.0, 0.25, 0.5, 0.75, 1.0])
    np.testing.assert_allclose(quantiles, [0.0, 0.25, 0.5, 0.75, 1.0], atol=0.03)
    assert mix.min() >= -1e-6
    assert mix.max() <= 1.0 + 1e-6


def test_the_norm_runs_over_all_leaves_of_a_tree() -> None:
    tree = {"image": jnp.full((1, 2, 2), 2.0), "code": jnp.asarray([[3.0]])}
    np.testing.assert_allclose(norm(tree), [5.0])  # √(4·4 + 9)


# A game whose discriminator is D(x) = w·x, so that R1 = R2 = ½|w|² whatever the data.

SLOPE = np.array([3.0, -4.0], np.float32)
HALF_SQUARE = 12.5


def linear_game() -> Game:
    def gen(params: Any, state: Any, z: Any, *, train: bool = True, key: Any = None) -> Any:
        return z + params[None], state

    def disc(params: Any, state: Any, x: Any, *, train: bool = True, key: Any = None) -> Any:
        return x @ params, state

    return jaxgan.gan(
        Network(lambda key: (jnp.zeros(2), {}), gen),
        Network(lambda key: (jnp.asarray(SLOPE), {}), disc),
        latent=2,
    )


def evaluate(game: Game, *, updates: int = 0, step: int = 0, player: str = "disc") -> Any:
    """(disc's loss beyond the plain game's, disc's metrics) at one moment of training."""
    other = 1000003 if player == "disc" else updates
    counts = {"gen": jnp.int32(other), "disc": jnp.int32(updates)}
    context = replace(CONTEXT, step=jnp.int32(step), updates=counts)

    def losses(game: Game) -> Any:
        params, net_state = game.init(context.key)
        scene, net_state = game.generate(params, net_state, helpers.real_batch(), context)
        return game.losses(params, net_state, scene, context)

    values, (_, metrics, _) = losses(game)
    bare, _ = losses(linear_game())
    np.testing.assert_array_equal(values["gen"], bare["gen"])
    return float(values["disc"] - bare["disc"]), metrics["disc"]


@pytest.mark.parametrize("factory", [penalties.r1, penalties.r2])
def test_the_weight_multiplies_and_is_logged(factory: Callable[..., Penalty]) -> None:
    extra, metrics = evaluate(with_penalty(linear_game(), factory(weight=3.0)))
    np.testing.assert_allclose(extra, 3 * HALF_SQUARE, rtol=1e-5)
    np.testing.assert_allclose(metrics[factory().terms[0].name], 3 * HALF_SQUARE, rtol=1e-6)


@pytest.mark.parametrize("row", ROWS)
def test_lazy_terms_act_on_due_updates_of_their_player(row: Row) -> None:
    every = 4
    eager, _ = evaluate(with_penalty(linear_game(), row.factory(weight=2.0)))
    lazy = with_penalty(linear_game(), row.factory(weight=2.0, every=every))
    # The step and the other player's count, neither a multiple of 4, must not matter.
    found = [evaluate(lazy, updates=count, step=3)[0] for count in range(2 * every)]
    expected = [every * eager if count % every == 0 else 0.0 for count in range(2 * every)]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_allclose(sum(found), 2 * every * eager, rtol=1e-5)


def test_a_lazy_gradient_is_the_scaled_eager_one_or_zero() -> None:
    def grad(game: Game, updates: int) -> np.ndarray:
        context = replace(CONTEXT, updates={"disc": jnp.int32(updates)})
        params, net_state = game.init(context.key)
        field = jaxgan.gradient(game)
        grads, _, _ = field.apply(params, (), net_state, helpers.real_batch(), context)
        return np.asarray(grads["disc"])

    bare = grad(linear_game(), 0)
    lazy = with_penalty(linear_game(), penalties.r1(weight=2.0, every=3))
    np.testing.assert_allclose(grad(lazy, 3) - bare, 3 * 2.0 * SLOPE, rtol=1e-5)
    np.testing.assert_array_equal(grad(lazy, 4), bare)


@pytest.mark.parametrize("every", [1, 2])
def test_a_weight_may_be_a_schedule_of_the_step(every: int) -> None:
    game = with_penalty(linear_game(), penalties.r1(weight=linear(0.0, 10.0, 10), every=every))
    found = [evaluate(game, step=step)[0] for step in (0, 4, 99)]
    np.testing.assert_allclose(found, np.array([0, 4, 10]) * every * HALF_SQUARE, rtol=1e-5)


def test_penalties_add_and_scale() -> None:
    both = penalties.r1(weight=2.0) + 0.5 * penalties.r2(weight=3.0) * linear(1.0, 3.0, 2)
    extra, metrics = evaluate(with_penalty(linear_game(), both), step=1)
    np.testing.assert_allclose(metrics["r1"], 2.0 * HALF_SQUARE, rtol=1e-6)
    np.testing.assert_allclose(metrics["r2"], 1.5 * 2.0 * HALF_SQUARE, rtol=1e-6)
    np.testing.assert_allclose(extra, 5.0 * HALF_SQUARE, rtol=1e-5)
    nested = with_penalty(with_penalty(linear_game(), penalties.r1()), penalties.r2())
    extra, metrics = evaluate(nested)
    np.testing.assert_allclose(extra, 2 * HALF_SQUARE, rtol=1e-5)
    assert {"r1", "r2"} <= set(metrics)


def test_scaling_keeps_laziness_and_leaves_the_original_alone() -> None:
    original = penalties.r1(weight=2.0, every=8)
    scaled = 3.0 * original
    assert (scaled.terms[0].weight, scaled.terms[0].every) == (6.0, 8)
    assert original.terms[0].weight == 2.0


@pytest.mark.parametrize("row", ROWS)
def test_bad_weights_and_intervals_are_refused(row: Row) -> None:
    for weight in (-1.0, float("nan")):
        with pytest.raises(ValueError, match=f"{row.name}: weight is .* at least 0"):
            row.factory(weight=weight)
    for every in (0, -2, 2.5, True):
        with pytest.raises(ValueError, match=f"{row.name}: every is .* integer above 0"):
            row.factory(every=every)
    with pytest.raises(ValueError, match=r"weight is -2\.0"):
        -2.0 * row.factory(weight=1.0)


def test_clashing_names_and_unknown_players_are_refused() -> None:
    with pytest.raises(ValueError, match="each name may appear once"):
        with_penalty(linear_game(), penalties.r1() + penalties.r1())
    with pytest.raises(ValueError, match="player is 'critic'"):
        with_penalty(linear_game(), penalties.r1(), player="critic")
    clash = with_penalty(linear_game(), counter("network"))
    with pytest.raises(ValueError, match="'network'"):
        clash.init(jax.random.key(0))


# A term that remembers: it counts how often it was evaluated, and its value is the count.


def counter(name: str = "count", **options: Any) -> Penalty:
    def values(view: View, state: Any) -> tuple[jax.Array, Any]:
        new = {"evaluations": state["evaluations"] + 1.0}
        return new["evaluations"], new

    term = Term(name, values, init=lambda params: {"evaluations": jnp.zeros(())}, **options)
    return Penalty((term,))


def trained(game: Game, algorithm: str, num_steps: int = 3) -> Any:
    field = jaxgan.gradient(game)
    options = {"n_critic": 2} if algorithm == "alternating" else {}
    made = getattr(jaxgan, algorithm)(field, helpers.sgds(0.0), **options)
    return helpers.run(made, made.init(jax.random.key(0)), num_steps)


@pytest.mark.parametrize(
    ("algorithm", "player", "expected"),
    [
        ("simultaneous", "disc", 3.0),
        ("simultaneous", "gen", 3.0),
        ("alternating", "disc", 6.0),
        ("alternating", "gen", 3.0),
    ],
)
def test_a_state_moves_in_its_owners_updates_only(
    algorithm: str, player: str, expected: float
) -> None:
    state, history = trained(with_penalty(linear_game(), counter(), player), algorithm)
    assert float(state.net_state[player]["count"]["evaluations"]) == expected
    other = "gen" if player == "disc" else "disc"
    assert "count" not in state.net_state[other]
    assert f"{player}/count" in history[-1]


def test_a_lazy_state_moves_on_due_updates_only() -> None:
    state, _ = trained(with_penalty(linear_game(), counter(every=4)), "alternating", num_steps=5)
    assert float(state.net_state["disc"]["count"]["evaluations"]) == 3.0  # updates 0, 4, 8 of 10


def test_coupling_of_examples_shows_in_the_game() -> None:
    game = linear_game()
    assert not game.couples_batch
    assert not with_penalty(game, penalties.r1() + counter()).couples_batch
    coupled = with_penalty(game, penalties.r1() + counter(couples_batch=True))
    assert coupled.couples_batch
    assert with_penalty(coupled, penalties.r2()).couples_batch


def test_a_game_without_a_critic_takes_no_input_penalty() -> None:
    algorithm = jaxgan.simultaneous(
        jaxgan.gradient(with_penalty(jaxgan.bilinear(), penalties.r1())), helpers.sgds(0.1)
    )
    with pytest.raises(TypeError, match="no critic"):
        algorithm.step(algorithm.init(jax.random.key(0)), {})
