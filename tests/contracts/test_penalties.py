"""Every penalty against its closed form, mostly on linear and quadratic critics: a row each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

import jaxgan
from jaxgan import Context, Game, Network, Penalty, distributed, penalties
from jaxgan.core.penalty import norm
from jaxgan.core.schedules import linear
from jaxgan.games import with_penalty
from jaxgan.penalties import Term, View
from tests import devices, helpers
from tests.contracts import terms
from tests.contracts.terms import CONTEXT, Case, Theta, points


def half_square(slope: np.ndarray) -> np.ndarray:
    return 0.5 * np.sum(slope**2, axis=-1)


def square(slope: np.ndarray) -> np.ndarray:
    return np.sum(slope**2, axis=-1)


def one_centred(target: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda slope: (np.sqrt(square(slope)) - target) ** 2


def too_steep(target: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda slope: np.maximum(0.0, np.sqrt(square(slope)) - target) ** 2


class Row(NamedTuple):
    name: str
    factory: Callable[..., Penalty]
    formula: Callable[[np.ndarray], np.ndarray]  # of the critic's slopes, [B, n] -> [B] or []
    where: str  # at which inputs; "both": between real and fake, "near": around the real ones


TABLE = [
    Row("r1", penalties.r1, half_square, "real"),
    Row("r2", penalties.r2, half_square, "fake"),
    Row("wgan_gp", penalties.wgan_gp, one_centred(1.0), "both"),
    Row("wgan_gp", partial(penalties.wgan_gp, target=0.5), one_centred(0.5), "both"),
    Row("wgan_gp", partial(penalties.wgan_gp, one_sided=True), too_steep(1.0), "both"),
    Row("wgan_lp", penalties.wgan_lp, too_steep(1.0), "both"),
    Row("zero_centered_gp", penalties.zero_centered_gp, square, "both"),
    Row("max_gp", penalties.max_gp, lambda slope: np.max(square(slope)), "both"),
    Row("dragan", penalties.dragan, one_centred(1.0), "near"),
    Row("dragan", partial(penalties.dragan, scale=2.0), one_centred(1.0), "near 2"),
]
ROWS = [pytest.param(row, id=f"{row.name}{index}") for index, row in enumerate(TABLE)]


def scene_for(row: Row) -> dict[str, jax.Array]:
    # Where real and fake are one point, so is every point between them.
    real = points(1)
    fake = real if row.where == "both" else points(2)
    return {"real": jnp.asarray(real), "fake": jnp.asarray(fake)}


def inputs_of(row: Row, scene: dict[str, jax.Array]) -> np.ndarray:
    """Where the penalty looks at the critic."""
    real = np.asarray(scene["real"])
    if row.where.startswith("near"):
        noise = terms.noise("dragan", real.shape)
        return real + (2.0 if row.where == "near 2" else 0.5) * real.std() * noise
    return np.asarray(scene["fake"]) if row.where == "fake" else real


def term_values(penalty: Penalty, critic: Callable[[Any], Any], scene: Any) -> jax.Array:
    values, state = penalty.terms[0].values(
        View(params={}, discriminator=critic, scene=scene, context=CONTEXT), ()
    )
    assert state == ()
    return values


# Penalties that look elsewhere than at the critic's slope, each with its own arrays.


def said(theta: Theta) -> View:
    return View(
        params={"disc": theta["real"]}, discriminator=abs, scene={}, context=CONTEXT, outputs=theta
    )


def lecam_formula(theta: Theta, base: Theta) -> Any:
    anchors = {which: 0.01 * np.mean(base[which]) for which in ("real", "fake")}
    return (theta["real"] - anchors["fake"]) ** 2 + (theta["fake"] - anchors["real"]) ** 2


def varied(key: Any, x: jax.Array) -> jax.Array:
    return 0.5 * x + 1.0


REAL, FAKE, LATENT = points(1), points(2), points(3, (6, 4))


def linear_play(theta: Theta) -> View:
    """G(z) = z A and D(x) = x·w."""

    def critic(x: jax.Array) -> jax.Array:
        return x @ theta["w"]

    def generator(z: jax.Array) -> jax.Array:
        return z @ theta["a"].astype(z.dtype)

    dtype = theta["w"].dtype
    scene = {"real": jnp.asarray(REAL, dtype), "latent": jnp.asarray(LATENT, dtype)}
    scene["fake"] = generator(scene["latent"])
    outputs = {which: critic(scene[which]) for which in ("real", "fake")}
    players = {"gen": theta["a"], "disc": theta["w"]}
    return View(
        params=players,
        discriminator=critic,
        scene=scene,
        context=CONTEXT,
        player="disc",
        outputs=outputs,
        generator=generator,
    )


LINEAR = {"w": points(4, (3,)), "a": points(5, (4, 3))}


def latent_noise() -> np.ndarray:
    return 0.03 * terms.noise("latent_consistency", LATENT.shape)


def augmentation_gap(theta: Theta, base: Theta, fake: bool = False) -> Any:
    inputs = LATENT @ theta["a"] if fake else REAL
    return ((0.5 * inputs - 1.0) @ theta["w"]) ** 2


def path_lengths(theta: Theta) -> np.ndarray:
    noise = terms.noise("path_length", (6, 3)) / np.sqrt(3)
    return np.linalg.norm(noise @ theta["a"].T, axis=1)


def mode_distance(theta: Theta, base: Theta) -> Any:
    other = terms.noise("mode_seeking", LATENT.shape)
    images = np.mean(np.abs((LATENT - other) @ theta["a"]))
    return 1 / (images / np.mean(np.abs(LATENT - other)) + 1e-5)


KERNELS = {"dense": points(6, (4, 3)), "conv": points(7, (2, 1, 2, 3))}


def kernels_of(player: str) -> Callable[[Theta], View]:
    def view(theta: Theta) -> View:
        params = {
            "Dense_0": {"kernel": theta["dense"], "bias": jnp.full(3, 9.0)},
            "Conv_0": {"kernel": theta["conv"], "kernel_scale": jnp.full((2, 2), 9.0)},
            "Norm_0": {"kernel": jnp.full(3, 9.0)},
        }
        return View(
            params={player: params, "other": {}},
            discriminator=abs,
            scene={},
            context=CONTEXT,
            player=player,
        )

    return view


def gram_excess(off_diagonal: bool) -> Callable[[Theta, Theta], Any]:
    def formula(theta: Theta, base: Theta) -> Any:
        total = 0.0
        for kernel in theta.values():
            matrix = kernel.reshape(-1, 3)
            for i in range(3):
                for j in range(3):
                    if i != j or not off_diagonal:
                        total += (matrix[:, i] @ matrix[:, j] - (i == j)) ** 2
        return total

    return formula


def spectral_norms(theta: Theta, base: Theta) -> Any:
    matrices = [kernel.reshape(-1, 3) for kernel in theta.values()]
    return sum(np.linalg.svd(matrix, compute_uv=False)[0] ** 2 / 2 for matrix in matrices)


def iterated(term: Term, view: View) -> Any:
    further = jax.jit(lambda state: term.values(view, state)[1])
    state = term.init(view.params)
    for _ in range(150):
        state = further(state)
    return state


PAST = {"w": points(8, (3,)), "b": points(9, (2, 2))}


def with_past(term: Term, view: View) -> Any:
    state = term.init(view.params)
    for scale in (0.5, 2.0, -1.0):  # of mean one half
        past = {"disc": {name: scale * jnp.asarray(x) for name, x in PAST.items()}}
        _, state = term.values(view._replace(params=past), state)
    return state


CASES = [
    Case(
        "lecam",
        penalties.lecam,
        {"real": points(1, (6,)), "fake": points(2, (6,))},
        said,
        lecam_formula,
    ),
    Case(
        "drift",
        penalties.drift,
        {"real": points(1, (6,)), "fake": points(2, (6,))},
        said,
        lambda theta, base: theta["real"] ** 2,
    ),
    Case(
        "consistency",
        partial(penalties.consistency, varied),
        LINEAR,
        linear_play,
        augmentation_gap,
    ),
    Case(
        "balanced_consistency",
        partial(penalties.balanced_consistency, varied),
        LINEAR,
        linear_play,
        augmentation_gap,
    ),
    Case(
        "balanced_consistency fake",
        partial(penalties.balanced_consistency, varied),
        LINEAR,
        linear_play,
        lambda theta, base: augmentation_gap(theta, base, fake=True),
        1,
    ),
    Case(
        "latent_consistency",
        penalties.latent_consistency,
        LINEAR,
        linear_play,
        lambda theta, base: (latent_noise() @ theta["a"] @ theta["w"]) ** 2,
    ),
    Case(
        "latent_consistency gen",
        penalties.latent_consistency,
        LINEAR,
        linear_play,
        lambda theta, base: -np.mean((latent_noise() @ theta["a"]) ** 2, axis=1),
        1,
    ),
    Case(
        "path_length",
        penalties.path_length,
        LINEAR,
        linear_play,
        lambda theta, base: (path_lengths(theta) - 0.01 * np.mean(path_lengths(base))) ** 2,
    ),
    Case("mode_seeking", penalties.mode_seeking, LINEAR, linear_play, mode_distance),
    Case("orthogonal", penalties.orthogonal, KERNELS, kernels_of("disc"), gram_excess(False)),
    Case(
        "orthogonal off",
        partial(penalties.orthogonal, off_diagonal=True),
        KERNELS,
        kernels_of("disc"),
        gram_excess(True),
    ),
    Case(
        "spectral_norm_penalty",
        penalties.spectral_norm_penalty,
        KERNELS,
        kernels_of("disc"),
        spectral_norms,
        0,
        iterated,
    ),
    Case(
        "historical_averaging",
        penalties.historical_averaging,
        PAST,
        lambda theta: View(params={"disc": theta}, discriminator=abs, scene={}, context=CONTEXT),
        lambda theta, base: sum(np.sum((theta[k] - base[k] / 2) ** 2) for k in theta),
        0,
        with_past,
    ),
    Case(
        "orthogonal gen",
        partial(penalties.orthogonal, player="gen"),
        KERNELS,
        kernels_of("gen"),
        gram_excess(False),
    ),
]
EACH_CASE = pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])


@EACH_CASE
def test_closed_forms(case: Case, float64: None) -> None:
    terms.check_value(case)


@EACH_CASE
def test_gradients_of_closed_forms(case: Case, float64: None) -> None:
    terms.check_gradient(case)


@EACH_CASE
def test_finite_at_zero_and_types_of_states(case: Case) -> None:
    terms.check_finite_at_zero(case)
    terms.check_state(case)


@EACH_CASE
def test_weights_and_intervals_of_these_arrive_or_are_refused(case: Case) -> None:
    terms.check_options(case.factory)


def test_every_factory_has_a_row() -> None:
    rows = {terms.called(make) for make in [r.factory for r in TABLE] + [c.factory for c in CASES]}
    assert rows == set(terms.factories(penalties, "Penalty").values())
    assert all(row.factory().terms[0].name == row.name for row in TABLE)
    assert all(case.factory().terms[0].name == case.name.split()[0] for case in CASES[:-1])


def test_who_couples_the_examples_of_a_batch() -> None:
    made = [row.factory() for row in TABLE] + [case.factory() for case in CASES]
    found = {term.name for penalty in made for term in penalty.terms if term.couples_batch}
    # By a maximum, a mean or a deviation over the batch; by a state that each evaluation moves.
    over_the_batch = {"max_gp", "mode_seeking", "dragan"}
    moved = {"historical_averaging", "lecam", "path_length", "spectral_norm_penalty"}
    assert found == over_the_batch | moved


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("shape", [(3,), (2, 2, 3)])
def test_closed_form_on_a_linear_critic(row: Row, shape: tuple[int, ...], float64: None) -> None:
    w = points(0, shape)
    scene = {"real": jnp.asarray(points(1, (6, *shape))), "fake": jnp.zeros((6, *shape))}

    def critic(x: jax.Array) -> jax.Array:
        return jnp.tensordot(x, jnp.asarray(w), axes=len(shape)) + 4.0

    values = term_values(row.factory(), critic, scene)
    expected = np.broadcast_to(row.formula(w.reshape(1, -1)), values.shape)
    np.testing.assert_allclose(values, expected, rtol=1e-12)


@pytest.mark.parametrize("row", ROWS)
def test_closed_form_on_a_quadratic_critic(row: Row, float64: None) -> None:
    a, scene = points(0, (3, 3)), scene_for(row)

    def critic(x: jax.Array) -> jax.Array:
        return 0.5 * jnp.sum((x @ jnp.asarray(a)) * x, axis=1)

    expected = row.formula(inputs_of(row, scene) @ (a + a.T) / 2)
    np.testing.assert_allclose(term_values(row.factory(), critic, scene), expected, rtol=1e-12)


@pytest.mark.parametrize("row", ROWS)
def test_gradient_matches_central_differences(row: Row, float64: None) -> None:
    a, scene = points(0, (3, 3)), scene_for(row)
    inputs = inputs_of(row, scene)

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
        return jnp.mean(term_values(row.factory(), lambda x: x @ w, scene))

    value, grad = jax.value_and_grad(loss)(jnp.zeros(2))
    np.testing.assert_allclose(value, row.formula(np.zeros((1, 2))), rtol=1e-6)
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


NUM = 4000
HALVES = jnp.where(jnp.arange(NUM) % 2 == 0, 1.0, -1.0)[:, None]  # of deviation 1


def seen(penalty: Penalty, generator: Callable[[Any], Any], index: int = 0) -> np.ndarray:
    """A term's values where D(x) = x²/2, the data are ±1 and latents 0, with real noise."""
    zeros = jnp.zeros((NUM, 1))
    view = View(
        params={},
        discriminator=lambda x: 0.5 * x[:, 0] ** 2,
        scene={"real": HALVES, "fake": zeros, "latent": zeros},
        context=Context(jax.random.key(0)),
        generator=generator,
    )
    term = penalty.terms[index]
    return np.asarray(term.values(view, term.init({}))[0])


def test_noise_is_of_its_distribution() -> None:
    slopes = np.sqrt(seen(penalties.dragan(target=0.0), abs))
    noise = (slopes - 1.0) * HALVES[:, 0] / 0.5
    assert scipy.stats.kstest(noise, "uniform").pvalue > 0.1
    lengths = seen(penalties.path_length(decay=0.0), lambda z: z)
    assert scipy.stats.kstest(lengths, "chi2", (1,)).pvalue > 0.1
    moves = -seen(penalties.latent_consistency(scale=0.5), lambda z: z, 1) / 0.25
    assert scipy.stats.kstest(moves, "chi2", (1,)).pvalue > 0.1
    # E z² / E|z| = √(π / 2) for normal latents.
    ratio = 1.0 / seen(penalties.mode_seeking(), lambda z: z**2)
    np.testing.assert_allclose(ratio, np.sqrt(np.pi / 2), rtol=0.02)


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
        Network(init=lambda key: (jnp.zeros(2), {}), apply=gen),
        Network(init=lambda key: (jnp.asarray(SLOPE), {}), apply=disc),
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


# One row a factory: what it does beyond its formula does not depend on its options.
FACTORIES = {row.name: row.factory for row in reversed(TABLE)}


@pytest.mark.parametrize("name", sorted(terms.factories(penalties, "Penalty")))
def test_weights_and_lazy_terms_count_exactly(name: str, float64: None) -> None:
    factories = FACTORIES | {case.name.split()[0]: case.factory for case in reversed(CASES)}
    terms.check_weight_and_laziness(factories[name])


def test_what_is_about_parameters_is_for_the_generator_too(float64: None) -> None:
    def all_of_them(**options: Any) -> Penalty:
        made = [
            penalties.orthogonal(player="gen", **options),
            penalties.spectral_norm_penalty(player="gen", **options),
            penalties.historical_averaging(player="gen", **options),
        ]
        return made[0] + made[1] + made[2]

    terms.check_weight_and_laziness(all_of_them)


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
def test_weights_and_intervals_arrive_or_are_refused(row: Row) -> None:
    terms.check_options(row.factory)


def test_clashing_names_and_unknown_players_are_refused() -> None:
    with pytest.raises(ValueError, match="each name may appear once"):
        with_penalty(linear_game(), penalties.r1() + penalties.r1())
    with pytest.raises(ValueError, match="player is 'critic'"):
        with_penalty(linear_game(), penalties.r1(), player="critic")
    clash = with_penalty(linear_game(), counter("network"))
    with pytest.raises(ValueError, match="'network'"):
        clash.init(jax.random.key(0))


def test_the_weight_of_each_player_is_its_own() -> None:
    terms = penalties.latent_consistency(weight=2.0, gen_weight=3.0).terms
    assert [(term.players, term.weight) for term in terms] == [(("disc",), 2.0), (("gen",), 3.0)]


def test_several_terms_are_renamed_one_by_one() -> None:
    assert [one.name for one in penalties.r1().named("mine").terms] == ["mine"]
    both = (penalties.r1() + penalties.r2()).named("mine")
    assert [one.name for one in both.terms] == ["mine_r1", "mine_r2"]


# A term that remembers: it counts how often it was evaluated, and its value is the count.


def counter(name: str = "count", **options: Any) -> Penalty:
    def values(view: View, state: Any) -> tuple[jax.Array, Any]:
        new = {"evaluations": state["evaluations"] + 1.0}
        return new["evaluations"], new

    term = Term(
        name=name, values=values, init=lambda params: {"evaluations": jnp.zeros(())}, **options
    )
    return Penalty((term,))


def trained(game: Game, algorithm: str, num_steps: int = 3) -> Any:
    field = jaxgan.gradient(game)
    options = {"n_critic": 2} if algorithm == "alternating" else {}
    made = getattr(jaxgan, algorithm)(field, optimizers=helpers.sgds(0.0), **options)
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
    state, history = trained(with_penalty(linear_game(), counter(), player=player), algorithm)
    assert float(state.net_state[player]["count"]["evaluations"]) == expected
    other = "gen" if player == "disc" else "disc"
    assert "count" not in state.net_state[other]
    assert f"{player}/count" in history[-1]


def test_a_lazy_state_moves_on_due_updates_only() -> None:
    state, _ = trained(with_penalty(linear_game(), counter(every=4)), "alternating", num_steps=5)
    assert float(state.net_state["disc"]["count"]["evaluations"]) == 3.0  # updates 0, 4, 8 of 10


@pytest.mark.parametrize(
    "add",
    [
        lambda game: with_penalty(game, penalties.r1() + penalties.r1()),
        lambda game: with_penalty(with_penalty(game, penalties.r1()), penalties.r1(every=4)),
        lambda game: with_penalty(
            jaxgan.instance_noise(with_penalty(game, penalties.r1()), std=0.1), penalties.r1()
        ),
        lambda game: with_penalty(
            with_penalty(game, penalties.r1()), penalties.r1(), player="disc"
        ),
        lambda game: jaxgan.balanced(
            with_penalty(game, penalties.r1()), penalties.r1(), ratio=1.0, player="disc"
        ),
    ],
)
def test_a_player_has_a_term_once(add: Callable[[Game], Game]) -> None:
    with pytest.raises(ValueError, match=r"^penalty 'r1' is given 'disc' twice; each"):
        add(linear_game())


def test_each_player_may_have_a_term_of_its_own() -> None:
    game = with_penalty(with_penalty(linear_game(), penalties.r2()), penalties.r2(), player="gen")
    assert game.terms == (("disc", "r2"), ("gen", "r2"))
    both = penalties.r2() + Penalty((replace(penalties.r2().terms[0], players=("gen",)),))
    assert with_penalty(linear_game(), both).terms == game.terms


def test_coupling_of_examples_shows_in_the_game() -> None:
    game = linear_game()
    assert not game.couples_batch
    assert not with_penalty(game, penalties.r1() + counter()).couples_batch
    coupled = with_penalty(game, penalties.r1() + counter(couples_batch=True))
    assert coupled.couples_batch
    assert with_penalty(coupled, penalties.r2()).couples_batch


def test_a_game_without_a_critic_takes_no_input_penalty() -> None:
    algorithm = jaxgan.simultaneous(
        jaxgan.gradient(with_penalty(jaxgan.bilinear(), penalties.r1())),
        optimizers=helpers.sgds(0.1),
    )
    with pytest.raises(TypeError, match="no critic"):
        algorithm.step(algorithm.init(jax.random.key(0)), {})


def test_augmentations_are_those_of_the_large_batch_in_every_part(float64: None) -> None:
    def noise(key: Any, x: jax.Array) -> jax.Array:
        return x + jax.random.normal(key, x.shape)

    view = linear_play(terms.arrays(LINEAR))
    for term in penalties.balanced_consistency(noise).terms:
        whole, _ = term.values(view, ())
        assert len(np.unique(whole)) == 6
        for part in range(2):
            here = slice(3 * part, 3 * part + 3)
            context = replace(CONTEXT, part=jnp.int32(part), num_parts=2)
            scene, outputs = jax.tree.map(lambda x, here=here: x[here], (view.scene, view.outputs))
            values, _ = term.values(
                view._replace(scene=scene, outputs=outputs, context=context), ()
            )
            np.testing.assert_allclose(values, whole[here], rtol=1e-12)


def test_lecam_by_hand_over_three_updates(float64: None) -> None:
    term = penalties.lecam(decay=0.9).terms[0]
    state, real, fake = term.init({"disc": jnp.zeros(1)}), 0.0, 0.0
    for seed in range(3):
        outputs = {"real": jnp.asarray(points(seed, (5,))), "fake": jnp.asarray(points(7, (5,)))}
        values, state = term.values(said(outputs), state)
        real = 0.9 * real + 0.1 * np.mean(points(seed, (5,)))
        fake = 0.9 * fake + 0.1 * np.mean(points(7, (5,)))
        expected = (points(seed, (5,)) - fake) ** 2 + (points(7, (5,)) - real) ** 2
        np.testing.assert_allclose(values, expected, rtol=1e-12)
    np.testing.assert_allclose([state["real"], state["fake"]], [real, fake], rtol=1e-12)


def test_the_squared_path_length_is_that_of_the_jacobian_per_pixel() -> None:
    # E‖Jᵀy‖² = ‖J‖²_F / pixels: for images the channels do not count.
    a = jnp.asarray(points(0, (4, 12)), jnp.float32)
    z = jnp.zeros((20_000, 4))
    shapes: list[tuple[tuple[int, ...], int]] = [((12,), 12), ((2, 2, 3), 4)]
    for shape, num_pixels in shapes:
        view = View(
            params={},
            discriminator=abs,
            scene={"latent": z},
            context=CONTEXT,
            player="gen",
            outputs={},
            generator=partial(lambda shape, z: jnp.reshape(z @ a, (-1, *shape)), shape),
        )
        term = penalties.path_length().terms[0]
        values, _ = term.values(view, {"length": jnp.zeros(())})
        mean = 0.01 * np.mean(np.sqrt(values))  # a start of 0 moves by one hundredth
        lengths = np.sqrt(values) + mean
        expected = float(jnp.sum(a * a)) / num_pixels
        np.testing.assert_allclose(np.mean(lengths**2), expected, rtol=0.03)


def test_power_iteration_goes_on_from_update_to_update(float64: None) -> None:
    view = kernels_of("disc")(terms.arrays(KERNELS))
    exact = spectral_norms(KERNELS, KERNELS)
    term = penalties.spectral_norm_penalty().terms[0]
    state, gaps = term.init(view.params), []
    for _ in range(60):
        value, state = term.values(view, state)
        gaps.append(exact - float(value))
    assert gaps[0] > 1e-3
    assert all(later <= sooner + 1e-12 for sooner, later in pairwise(gaps))
    assert abs(gaps[-1]) < 1e-6
    once, _ = (
        penalties.spectral_norm_penalty(num_iterations=60)
        .terms[0]
        .values(view, term.init(view.params))
    )
    np.testing.assert_allclose(once, value, rtol=1e-12)


def test_max_gp_looks_at_the_steepest_point_only() -> None:
    scene = {"real": jnp.asarray([[1.0], [-3.0], [2.0]])}
    scene["fake"] = scene["real"]

    def value(a: jax.Array) -> jax.Array:
        def critic(x: jax.Array) -> jax.Array:
            return 0.5 * jnp.sum(a * x**2, axis=1)

        return term_values(penalties.max_gp(), critic, scene)

    slopes, grad = jax.value_and_grad(value)(jnp.ones((3, 1)))
    np.testing.assert_allclose(slopes, 9.0, rtol=1e-6)
    np.testing.assert_allclose(grad, [[0.0], [18.0], [0.0]], rtol=1e-6)


def test_averages_move_in_their_players_updates_only() -> None:
    averages = penalties.lecam(decay=0.9) + penalties.historical_averaging()
    averages += penalties.historical_averaging(player="gen") + penalties.path_length(decay=0.5)
    state, _ = trained(with_penalty(constant_game(2.0), averages), "alternating")
    gen, disc = state.net_state["gen"], state.net_state["disc"]
    assert float(disc["historical_averaging"]["count"]) == 6.0
    assert float(gen["historical_averaging_gen"]["count"]) == 3.0
    np.testing.assert_allclose(disc["historical_averaging"]["mean"], [2.0], rtol=1e-6)
    np.testing.assert_allclose(disc["lecam"]["real"], 2.0 * (1 - 0.9**6), rtol=1e-6)
    # J = I here, so that every length is that of a noise of two elements, 0.886 on average.
    assert 0.5 < float(gen["path_length"]["length"]) / (1 - 0.5**3) < 1.3
    assert {*gen} & {"lecam", "historical_averaging"} == {*disc} & {"path_length"} == set()


def constant_game(logit: float) -> Game:
    disc = Network(
        init=lambda key: (jnp.full(1, logit), {}),
        apply=lambda params, state, x, **_: (params[0] + 0.0 * x[:, 0], state),
    )
    gen = Network(
        init=lambda key: (jnp.zeros(2), {}), apply=lambda w, state, z, **_: (z + w[None], state)
    )
    return jaxgan.gan(gen, disc, latent=2)


@pytest.mark.parametrize(
    ("penalty", "match"),
    [
        (lambda: penalties.lecam(decay=1.0), "decay is 1.0; it must be at least 0 and"),
        (lambda: penalties.path_length(decay=-0.1), "decay is -0.1"),
        (
            lambda: penalties.dragan(scale=0.0),
            "scale is 0.0; it must be above 0 and finite",
        ),
        (lambda: penalties.mode_seeking(eps=0.0), "eps is 0.0"),
        (lambda: penalties.latent_consistency(scale=-1.0), "scale is -1.0"),
        (
            lambda: penalties.latent_consistency(gen_weight=-1.0),
            "gen_weight is -1.0",
        ),
        (
            lambda: penalties.balanced_consistency(varied, fake_weight=-1.0),
            "fake_weight is -1.0",
        ),
        (lambda: penalties.spectral_norm_penalty(num_iterations=0), "num_iterations is 0"),
    ],
)
def test_bad_options_are_refused(penalty: Callable[[], Penalty], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        penalty()


@pytest.mark.parametrize(
    ("penalty", "match"),
    [
        (penalties.path_length(), "path_length needs 'latent' in the scene; it has"),
        (penalties.mode_seeking(), "mode_seeking needs 'latent' in the scene"),
        (penalties.lecam(), "lecam needs a game with a discriminator's outputs"),
        (penalties.wgan_gp(), "wgan_gp needs 'real' in the scene; it has nothing"),
        (penalties.orthogonal(), "orthogonal needs parameters called 'kernel'"),
    ],
)
def test_a_game_that_lacks_what_a_penalty_needs_is_told_so(penalty: Penalty, match: str) -> None:
    game = with_penalty(jaxgan.bilinear(), penalty)
    params, net_state = game.init(jax.random.key(0))
    with pytest.raises(ValueError, match=match):
        game.losses(params, net_state, {}, CONTEXT)


def test_what_remembers_a_player_refuses_another() -> None:
    game = with_penalty(linear_game(), penalties.historical_averaging(), player="gen")
    with pytest.raises(ValueError, match="remembers 'disc'; for 'gen' make it with player='gen'"):
        evaluate(game)
    with pytest.raises(ValueError, match="spectral_norm_penalty needs parameters called 'kernel'"):
        with_penalty(linear_game(), penalties.spectral_norm_penalty()).init(jax.random.key(0))


def test_the_same_on_one_device_and_on_eight(float64: None) -> None:
    both = penalties.lecam(weight=1.0) + penalties.max_gp(weight=1.0)
    game = with_penalty(devices.small_gan(np.float64), both)
    params, net_state = game.init(jax.random.key(0))
    field, found = jaxgan.gradient(game), []
    for num_devices in (1, 8):
        mesh = distributed.make_mesh(num_devices)
        whole, split = distributed.replicated(mesh), distributed.batch_sharding(mesh)
        apply = jax.jit(
            field.apply, in_shardings=(whole, whole, whole, split, whole), out_shardings=whole
        )
        batch = jax.device_put(helpers.real_batch(dtype=np.float64), split)
        assert len(batch["image"].sharding.device_set) == num_devices
        state = net_state
        for _ in range(2):
            grads, _, (state, metrics) = apply(params, (), state, batch, CONTEXT)
        found.append(jax.device_get((grads, state, metrics)))
    assert {leaf.dtype for leaf in jax.tree.leaves(found)} == {np.dtype(np.float64)}
    assert min(found[0][2]["disc"][name] for name in ("lecam", "max_gp")) > 1e-3
    assert devices.distance(found[1], found[0]) < 1e-10
