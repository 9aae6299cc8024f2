"""Games of a few numbers: eigenvalues and spectral radii against their closed forms, in float64.

Flow means v = -ξ, the direction of descent. For the Dirac-GAN with f(t) = -log(1 + exp(-t)),
f'(0) = 1/2, and v' is taken at the equilibrium (0, 0); see Mescheder et al., 2018
(arXiv:1801.04406), section 3 and appendix.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import Algorithm, Context, Game, losses, penalties
from jaxgan.fields import Field, gradient
from tests import helpers

pytestmark = pytest.mark.usefixtures("float64")


def flow_jacobian(field: Field, at: dict[str, np.ndarray], batch: Any) -> np.ndarray:
    """v' as a matrix, rows and columns: gen, then disc."""
    params, net_state = field.game.init(jax.random.key(0))
    sizes = params["gen"].size

    def flow(w: jax.Array) -> jax.Array:
        here = {"gen": w[:sizes], "disc": w[sizes:]}
        grads, _, _ = field.apply(here, (), net_state, batch, Context(jax.random.key(0)))
        return -jnp.concatenate([grads["gen"], grads["disc"]])

    point = jnp.concatenate([jnp.asarray(at["gen"]), jnp.asarray(at["disc"])])
    assert point.dtype == jnp.float64
    return np.asarray(jax.jit(jax.jacobian(flow))(point))


def dirac_eigenvalues(game: Game) -> np.ndarray:
    zero = {"gen": np.zeros(1), "disc": np.zeros(1)}
    return np.linalg.eigvals(flow_jacobian(gradient(game), zero, {"image": jnp.zeros((4, 1))}))


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


def spectral_radius(algorithm: Algorithm, batch: Any = None) -> float:
    state = algorithm.init(jax.random.key(0))

    def move(w: jax.Array) -> jax.Array:
        here = {"gen": w[:1], "disc": w[1:]}
        moved, _ = algorithm.step(state._replace(params=here), {} if batch is None else batch)
        return jnp.concatenate([moved.params["gen"], moved.params["disc"]])

    matrix = np.asarray(jax.jit(jax.jacobian(move))(jnp.zeros(2)))
    return float(np.max(np.abs(np.linalg.eigvals(matrix))))


@pytest.mark.parametrize(("rate", "coupling"), [(0.2, 1.0), (0.5, 1.0), (0.2, 3.0), (1.9, 1.0)])
def test_radii_on_the_bilinear_game(rate: float, coupling: float) -> None:
    field = gradient(jaxgan.bilinear(coupling))
    e = rate * coupling
    simultaneous = jaxgan.simultaneous(field, helpers.sgds(rate))
    alternating = jaxgan.alternating(field, helpers.sgds(rate))
    np.testing.assert_allclose(spectral_radius(simultaneous), np.sqrt(1 + e**2), rtol=1e-12)
    np.testing.assert_allclose(spectral_radius(alternating), 1.0, rtol=1e-9)


def test_radii_of_the_table() -> None:
    radii = [
        spectral_radius(jaxgan.simultaneous(gradient(jaxgan.bilinear()), helpers.sgds(rate)))
        for rate in (0.2, 0.5)
    ]
    np.testing.assert_allclose(radii, [1.0198, 1.1180], atol=5e-5)


def test_alternation_leaves_the_circle_beyond_two() -> None:
    # The step's matrix has determinant 1 and trace 2 - η².
    made = jaxgan.alternating(gradient(jaxgan.bilinear()), helpers.sgds(2.5))
    half = (2 - 2.5**2) / 2
    np.testing.assert_allclose(spectral_radius(made), abs(half) + np.sqrt(half**2 - 1), rtol=1e-9)


@pytest.mark.parametrize("gamma", [0.4, 0.8])
def test_r1_makes_simultaneous_descent_converge_below_its_rate(gamma: float) -> None:
    # |1 + hλ| < 1 for h < γ / f'², λ the complex pair of R1 with γ < 1.
    game = jaxgan.with_penalty(jaxgan.dirac(), penalties.r1(weight=gamma))
    radii = {}
    for factor in (0.9, 1.0, 1.1):
        made = jaxgan.simultaneous(gradient(game), helpers.sgds(factor * gamma / 0.25))
        radii[factor] = spectral_radius(made, {"image": jnp.zeros((4, 1))})
    assert radii[0.9] < 1.0 - 1e-3
    np.testing.assert_allclose(radii[1.0], 1.0, atol=1e-9)
    assert radii[1.1] > 1.0 + 1e-3


def test_the_zero_sum_combinator_refuses_other_players() -> None:
    game = jaxgan.zero_sum(lambda key: {"x": jnp.ones(1), "y": jnp.ones(1)}, lambda *a: 0.0)
    with pytest.raises(ValueError, match=r"players \['x', 'y'\]"):
        game.init(jax.random.key(0))
