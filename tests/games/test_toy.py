"""Games of a few numbers: eigenvalues and spectral radii against their closed forms, in float64.

Flow means v = -ξ, the direction of descent. For the Dirac-GAN with f(t) = -log(1 + exp(-t)),
f'(0) = 1/2, and v' is taken at the equilibrium (0, 0); see Mescheder et al., 2018
(arXiv:1801.04406), section 3 and appendix.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import jaxgan
from jaxgan import Algorithm, Context, Game, fields, losses, optimizers, penalties
from jaxgan.fields import Field, gradient
from tests import helpers

pytestmark = pytest.mark.usefixtures("float64")


def flow_jacobian(field: Field, at: dict[str, np.ndarray], batch: Any) -> np.ndarray:
    """v' as a matrix, rows and columns: gen, then disc."""
    params, net_state = field.game.init(jax.random.key(0))
    sizes = params["gen"].size

    def flow(w: jax.Array) -> jax.Array:
        here = {"gen": w[:sizes], "disc": w[sizes:]}
        memory, context = field.init(here), Context(jax.random.key(0))
        grads, _, _ = field.apply(here, memory, net_state, batch, context)
        return -jnp.concatenate([grads["gen"], grads["disc"]])

    point = jnp.concatenate([jnp.asarray(at["gen"]), jnp.asarray(at["disc"])])
    assert point.dtype == jnp.float64
    return np.asarray(jax.jit(jax.jacobian(flow))(point))


def dirac_eigenvalues(game: Game, change: Callable[[Field], Field] | None = None) -> np.ndarray:
    field = gradient(game) if change is None else change(gradient(game))
    zero = {"gen": np.zeros(1), "disc": np.zeros(1)}
    return np.linalg.eigvals(flow_jacobian(field, zero, {"image": jnp.zeros((4, 1))}))


def assert_spectrum(found: np.ndarray, expected: Any, tolerance: float = 1e-6) -> None:
    def in_order(values: Any) -> np.ndarray:
        # Rounded, since real parts that differ by rounding must not decide the order.
        return np.array(
            sorted(np.asarray(values, complex), key=lambda v: (v.real.round(5), v.imag))
        )

    np.testing.assert_allclose(in_order(found), in_order(expected), atol=tolerance)


def pair(gamma: float, slope: float) -> list[complex]:
    """-γ/2 ± √(γ²/4 - f'²)."""
    root = np.sqrt(complex(gamma**2 / 4 - slope**2))
    return [-gamma / 2 + root, -gamma / 2 - root]


@pytest.mark.parametrize(
    ("loss", "slope"),
    [
        (losses.minimax(), 0.5),
        (losses.non_saturating(), 0.5),
        (losses.wasserstein(), 1.0),
        (losses.hinge(), 1.0),
        (losses.relativistic(), 0.5),
    ],
    ids=["minimax", "non_saturating", "wasserstein", "hinge", "relativistic"],
)
def test_the_plain_dirac_gan_only_rotates(loss: jaxgan.Loss, slope: float) -> None:
    assert_spectrum(dirac_eigenvalues(jaxgan.dirac(loss)), [slope * 1j, -slope * 1j])


def test_the_dirac_gan_is_minimax_unless_told() -> None:
    params, net_state = jaxgan.dirac().init(jax.random.key(0))
    for game, expected in (
        (jaxgan.dirac(), np.log(2) + np.log1p(np.exp(6.0))),
        (jaxgan.dirac(losses.wasserstein()), 6.0),
    ):
        context, here = (
            Context(jax.random.key(0)),
            {"gen": jnp.full(1, 2.0), "disc": jnp.full(1, 3.0)},
        )
        batch = {"image": jnp.zeros((5, 1))}
        scene, _ = game.generate(here, net_state, batch, context)
        values, _ = game.losses(here, net_state, scene, context)
        np.testing.assert_allclose(values["disc"], expected, rtol=1e-12)
        np.testing.assert_allclose(values["gen"], -expected, rtol=1e-12)
    assert (float(params["gen"][0]), float(params["disc"][0])) == (1.0, 1.0)


@pytest.mark.parametrize("gamma", [0.1, 0.5, 1.0, 2.0, 10.0])
@pytest.mark.parametrize("penalty", [penalties.r1, penalties.r2])
@pytest.mark.parametrize(("loss", "slope"), [(None, 0.5), (losses.wasserstein(), 1.0)])
def test_zero_centred_penalties_attract(
    gamma: float, penalty: Callable[..., Any], loss: Any, slope: float
) -> None:
    game = jaxgan.with_penalty(jaxgan.dirac(loss), penalty(weight=gamma))
    assert_spectrum(dirac_eigenvalues(game), pair(gamma, slope))


@pytest.mark.parametrize("gamma", [1.0, 10.0])
@pytest.mark.parametrize(("loss", "slope"), [(None, 0.5), (losses.wasserstein(), 1.0)])
def test_consensus_attracts(gamma: float, loss: Any, slope: float) -> None:
    # -γ f'² ± i f': for γ = 10, -2.5 ± 0.5i and -10 ± i.
    found = dirac_eigenvalues(jaxgan.dirac(loss), partial(fields.consensus, gamma=gamma))
    assert_spectrum(found, [-gamma * slope**2 + slope * 1j, -gamma * slope**2 - slope * 1j])


def noisy(game: Game, std: float) -> Game:
    """Instance noise on all that the discriminator sees, by the two-point Gauss-Hermite rule.

    At the equilibrium the losses are quadratic in the noise, so the rule is exact there.
    """

    def generate(params: Any, net_state: Any, batch: Any, context: Context) -> Any:
        scene, net_state = game.generate(params, net_state, batch, context)
        nodes = std * jnp.asarray([[1.0], [-1.0], [1.0], [-1.0]])
        return {**scene, "real": scene["real"] + nodes, "fake": scene["fake"] + nodes}, net_state

    return game._replace(generate=generate)


@pytest.mark.parametrize("loss", [losses.minimax(), losses.non_saturating()])
@pytest.mark.parametrize("std", [0.3, 1.0, np.sqrt(2), 2.0])
def test_instance_noise_attracts(loss: jaxgan.Loss, std: float) -> None:
    # s² f'' ± √(s⁴ f''² - f'²) with f'' = -1/4; the two are real from s = √2 on.
    root = np.sqrt(complex(std**4 / 16 - 0.25))
    found = dirac_eigenvalues(noisy(jaxgan.dirac(loss), std))
    assert_spectrum(found, [-(std**2) / 4 + root, -(std**2) / 4 - root])


def ahead(game: Game, num_steps: int, rate: float, mode: Any) -> Game:
    inner = optimizers.sgd(rate)
    return jaxgan.unrolled(game, num_steps=num_steps, mode=mode, inner=inner, inner_state="fresh")


@pytest.mark.parametrize(
    ("mode", "loss", "expected"),
    [
        ("exact", losses.minimax(), [-0.5, -0.5]),
        ("exact", losses.non_saturating(), [-0.5, -0.5]),
        ("first_order", losses.minimax(), [-0.25 + 0.4330127j, -0.25 - 0.4330127j]),
    ],
    ids=["exact", "exact non_saturating", "first_order"],
)
def test_unrolling_attracts_twice_as_much_if_exact(mode: str, loss: Any, expected: Any) -> None:
    # -c ± √(c² - f'²), c = K e f'² or half of it; K = 10, e = 0.2. A double root is found to √eps.
    assert_spectrum(dirac_eigenvalues(ahead(jaxgan.dirac(loss), 10, 0.2, mode)), expected)


def test_r1_and_r2_add_up() -> None:
    both = penalties.r1(weight=0.5) + 2.0 * penalties.r2(weight=0.5)
    game = jaxgan.with_penalty(jaxgan.dirac(), both)
    assert_spectrum(dirac_eigenvalues(game), pair(1.5, 0.5))


def test_a_quadratic_game_has_the_field_of_its_matrices() -> None:
    draw = np.random.default_rng(0)
    a, b, c = draw.normal(size=(2, 2)), draw.normal(size=(2, 3)), draw.normal(size=(3, 3))
    a, c = a + a.T, c + c.T
    game = jaxgan.quadratic(jnp.asarray(a), jnp.asarray(b), jnp.asarray(c))
    somewhere = {"gen": draw.normal(size=2), "disc": draw.normal(size=3)}
    expected = -np.block([[a, b], [-b.T, c]])
    np.testing.assert_allclose(
        flow_jacobian(gradient(game), somewhere, {}), expected, rtol=1e-12, atol=1e-12
    )
    with pytest.raises(ValueError, match="curvatures have shapes"):
        jaxgan.quadratic(jnp.asarray(c), jnp.asarray(b), jnp.asarray(a))


def test_a_bilinear_game_of_a_matrix_has_no_curvature() -> None:
    matrix = np.random.default_rng(0).normal(size=(2, 3))
    game = jaxgan.bilinear(jnp.asarray(matrix))
    params, _ = game.init(jax.random.key(0))
    expected = np.block([[np.zeros((2, 2)), -matrix], [matrix.T, np.zeros((3, 3))]])
    found = flow_jacobian(gradient(game), params, {})
    np.testing.assert_allclose(found, expected, rtol=1e-12)


# The step of an algorithm as a map of the plane.


def spectral_radius(algorithm: Algorithm, batch: Any = None, num_steps: int = 1) -> float:
    """Of a linear play, at the origin, all that it remembers included."""

    def play(state: Any) -> Any:
        return algorithm.step(state, {} if batch is None else batch)[0]

    # After a first step; before it an optimizer may be in a special state.
    made = jax.jit(play)(algorithm.init(jax.random.key(0)))
    start = made._replace(step=made.step * 0)

    def parts(state: Any) -> tuple[list[jax.Array], Callable[[list[Any]], Any]]:
        leaves, structure = jax.tree.flatten(state)
        is_number = [jnp.issubdtype(x.dtype, jnp.floating) for x in leaves]

        def restore(numbers: list[Any]) -> Any:
            rest = iter(numbers)
            mixed = [next(rest) if n else x for x, n in zip(leaves, is_number, strict=True)]
            return jax.tree.unflatten(structure, mixed)

        return [x for x, n in zip(leaves, is_number, strict=True) if n], restore

    numbers, restore = parts(start)
    zero, unravel = ravel_pytree(jax.tree.map(jnp.zeros_like, numbers))

    def move(w: jax.Array) -> jax.Array:
        state, _ = jax.lax.scan(
            lambda state, _: (play(state), None), restore(unravel(w)), length=num_steps
        )
        return ravel_pytree(parts(state)[0])[0]

    matrix = np.asarray(jax.jit(jax.jacobian(move))(zero))
    return float(np.max(np.abs(np.linalg.eigvals(matrix))))


@pytest.mark.parametrize(("rate", "coupling"), [(0.2, 1.0), (0.5, 1.0), (0.2, 3.0), (1.9, 1.0)])
def test_radii_on_the_bilinear_game(rate: float, coupling: float) -> None:
    field = gradient(jaxgan.bilinear(coupling))
    e = rate * coupling
    simultaneous = jaxgan.simultaneous(field, optimizers=helpers.sgds(rate))
    alternating = jaxgan.alternating(field, optimizers=helpers.sgds(rate))
    np.testing.assert_allclose(spectral_radius(simultaneous), np.sqrt(1 + e**2), rtol=1e-12)
    np.testing.assert_allclose(spectral_radius(alternating), 1.0, rtol=1e-9)


def of_optimistic(e: float) -> float:
    if e <= 0.5:
        return np.sqrt((1 + np.sqrt(1 - 4 * e**2)) / 2)
    return np.sqrt(1 + (2 * e + np.sqrt(4 * e**2 - 1)) ** 2) / 2  # 1 at e = 1/√3


Make = Callable[[Field, float], Algorithm]


def along(change: Callable[[float], Callable[[Field], Field]]) -> Make:
    """Simultaneous descent along another field, which may depend on the rate."""
    return lambda field, rate: jaxgan.simultaneous(
        change(rate)(field), optimizers=helpers.sgds(rate)
    )


def with_rate(algorithm: Callable[..., Algorithm]) -> Make:
    return lambda field, rate: algorithm(field, optimizers=helpers.sgds(rate))


def optimistic(field: Field, rate: float) -> Algorithm:
    ogda = optimizers.optimistic(rate)
    return jaxgan.simultaneous(field, optimizers={"gen": ogda, "disc": ogda})


def of_consensus(rate: float, a: float, gamma: float) -> float:
    return np.sqrt((1 - rate * gamma * a**2) ** 2 + (rate * a) ** 2)  # JᵀJ = a² I


# Of a play of f = a x y: how it is made, and its radius for a rate η and a, e = η a.
RADII: dict[str, tuple[Make, Callable[[float, float], float]]] = {
    "extragradient": (
        with_rate(jaxgan.extragradient),
        lambda eta, a: np.sqrt(1 - (eta * a) ** 2 + (eta * a) ** 4),
    ),
    "optimistic": (optimistic, lambda eta, a: of_optimistic(eta * a)),
    "past_extragradient": (
        with_rate(jaxgan.past_extragradient),
        lambda eta, a: of_optimistic(eta * a),
    ),
    "consensus": (
        along(lambda eta: partial(fields.consensus, gamma=1.0)),
        lambda eta, a: of_consensus(eta, a, 1.0),
    ),
    "symplectic": (
        along(lambda eta: partial(fields.symplectic, lam=0.7, align=False)),
        lambda eta, a: of_consensus(eta, a, 0.7),
    ),
    "competitive": (
        along(lambda eta: partial(fields.competitive, eta=eta, tol=1e-13)),
        lambda eta, a: 1 / np.sqrt(1 + (eta * a) ** 2),
    ),
    "linearised competitive": (
        along(lambda eta: partial(fields.lookahead_opponent, alpha=eta)),
        lambda eta, a: np.sqrt(1 - (eta * a) ** 2 + (eta * a) ** 4),
    ),
}


@pytest.mark.parametrize("name", RADII)
@pytest.mark.parametrize(("rate", "coupling"), [(0.2, 1.0), (0.5, 1.0), (0.2, 3.0)])
def test_radii_of_methods_on_the_bilinear_game(name: str, rate: float, coupling: float) -> None:
    make, radius = RADII[name]
    found = spectral_radius(make(gradient(jaxgan.bilinear(coupling)), rate))
    # At e = 1/2 optimism has a double root, of which only half of the digits are found.
    np.testing.assert_allclose(found, radius(rate, coupling), atol=1e-6)


def test_the_closed_forms_are_those_of_the_published_table() -> None:
    table = {  # a = 1, η = 0.2 and 0.5
        "extragradient": [0.98061, 0.90139],
        "optimistic": [0.97891, 0.70711],
        "past_extragradient": [0.97891, 0.70711],
        "consensus": [0.82462, 0.70711],
        "competitive": [0.98058, 0.89443],
        "linearised competitive": [0.98061, 0.90139],
    }
    for name, radii in table.items():
        found = [RADII[name][1](rate, 1.0) for rate in (0.2, 0.5)]
        np.testing.assert_allclose(found, radii, atol=6e-6)


def test_optimism_ends_at_one_over_the_root_of_three() -> None:
    for factor, is_stable in ((0.99, True), (1.01, False)):
        for name in ("optimistic", "past_extragradient"):
            make, radius = RADII[name]
            rate = factor / np.sqrt(3)
            found = spectral_radius(make(gradient(jaxgan.bilinear()), rate))
            np.testing.assert_allclose(found, radius(rate, 1.0), atol=1e-6)
            assert (found < 1.0) == is_stable


def test_competition_contracts_at_any_rate() -> None:
    make, _ = RADII["competitive"]
    for a in (6.0, 100.0):
        found = spectral_radius(make(gradient(jaxgan.bilinear(a)), 1.0))
        np.testing.assert_allclose(found, 1 / np.sqrt(1 + a**2), rtol=1e-6)


@pytest.mark.parametrize(
    ("rate", "num_steps", "alpha", "per_step"),
    [(0.3, 6, 0.4, 0.9467), (0.3, 6, 0.5, 0.9521), (0.3, 6, 0.8, 1.0033), (0.1, 5, 0.5, 0.9962)],
)
def test_radii_of_lookahead(rate: float, num_steps: int, alpha: float, per_step: float) -> None:
    plain = jaxgan.simultaneous(gradient(jaxgan.bilinear()), optimizers=helpers.sgds(rate))
    found = spectral_radius(
        jaxgan.lookahead(plain, num_steps=num_steps, alpha=alpha), num_steps=num_steps
    )
    exact = abs((1 - alpha) + alpha * (1 + 1j * rate) ** num_steps)
    np.testing.assert_allclose(found, exact, atol=1e-6)
    np.testing.assert_allclose(found ** (1 / num_steps), per_step, atol=5e-5)


@pytest.mark.parametrize(
    ("num_steps", "mode", "radius"),
    [
        (5, "exact", 0.95394),
        (5, "first_order", 0.97980),
        (10, "exact", 0.90000),
        (10, "first_order", 0.95394),
    ],
)
def test_radii_of_unrolling(num_steps: int, mode: str, radius: float) -> None:
    eta = 0.1
    game = ahead(jaxgan.bilinear(), num_steps, eta, mode)
    found = spectral_radius(jaxgan.simultaneous(gradient(game), optimizers=helpers.sgds(eta)))
    c = 2 if mode == "exact" else 1
    matrix = np.eye(2) - eta * np.array([[c * num_steps * eta, 1.0], [-1.0, 0.0]])
    # K = 10, exact, is a double root.
    np.testing.assert_allclose(found, np.abs(np.linalg.eigvals(matrix)).max(), atol=1e-6)
    np.testing.assert_allclose(found, radius, atol=5e-6)


def test_the_largest_rate_is_that_of_the_eigenvalues() -> None:
    # |1 + hλ| < 1 just if h < -2 Re λ / |λ|², here of consensus on the Dirac-GAN.
    change, batch = partial(fields.consensus, gamma=1.0), {"image": jnp.zeros((4, 1))}
    largest = np.min([-2 * v.real / abs(v) ** 2 for v in dirac_eigenvalues(jaxgan.dirac(), change)])
    field = change(gradient(jaxgan.dirac()))
    radii = [
        spectral_radius(
            jaxgan.simultaneous(field, optimizers=helpers.sgds(factor * largest)), batch
        )
        for factor in (0.95, 1.0, 1.05)
    ]
    assert radii[0] < 1.0 - 1e-3
    np.testing.assert_allclose(radii[1], 1.0, atol=1e-9)
    assert radii[2] > 1.0 + 1e-3


def test_alternation_leaves_the_circle_beyond_two() -> None:
    # The step's matrix has determinant 1 and trace 2 - η².
    made = jaxgan.alternating(gradient(jaxgan.bilinear()), optimizers=helpers.sgds(2.5))
    half = (2 - 2.5**2) / 2
    np.testing.assert_allclose(spectral_radius(made), abs(half) + np.sqrt(half**2 - 1), rtol=1e-9)


@pytest.mark.parametrize("gamma", [0.4, 0.8])
def test_r1_makes_simultaneous_descent_converge_below_its_rate(gamma: float) -> None:
    # |1 + hλ| < 1 for h < γ / f'², λ the complex pair of R1 with γ < 1.
    game = jaxgan.with_penalty(jaxgan.dirac(), penalties.r1(weight=gamma))
    radii = {}
    for factor in (0.9, 1.0, 1.1):
        made = jaxgan.simultaneous(gradient(game), optimizers=helpers.sgds(factor * gamma / 0.25))
        radii[factor] = spectral_radius(made, {"image": jnp.zeros((4, 1))})
    assert radii[0.9] < 1.0 - 1e-3
    np.testing.assert_allclose(radii[1.0], 1.0, atol=1e-9)
    assert radii[1.1] > 1.0 + 1e-3


def test_the_zero_sum_combinator_refuses_other_players() -> None:
    game = jaxgan.zero_sum(lambda key: {"x": jnp.ones(1), "y": jnp.ones(1)}, lambda *a: 0.0)
    with pytest.raises(ValueError, match=r"players \['x', 'y'\]"):
        game.init(jax.random.key(0))
