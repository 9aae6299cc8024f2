"""Multipliers of a step against closed forms and its dense Jacobian."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

import jaxgan
from jaxgan import Algorithm, optimizers, penalties
from jaxgan.analysis import step_multipliers
from jaxgan.core.krylov import arnoldi, flat_step, random_direction, spectral_radius
from jaxgan.fields import gradient
from tests import helpers
from tests.analysis import games

pytestmark = pytest.mark.usefixtures("float64")

KEY = jax.random.key(0)
RATE = 0.1


def max_distance(found: Any, expected: Any) -> float:
    assert len(found) == len(expected)
    distance = np.abs(np.asarray(found)[:, None] - np.asarray(expected)[None, :])
    return float(distance[linear_sum_assignment(distance)].max())


def played(optimizer: Any) -> Algorithm:
    field = gradient(games.quadratic(*games.matrices()))
    return jaxgan.simultaneous(field, optimizers={"gen": optimizer, "disc": optimizer})


def flow() -> np.ndarray:
    return np.linalg.eigvals(-games.jacobian_of(*games.matrices()))


def test_those_of_plain_descent_are_one_plus_h_lambda() -> None:
    algorithm = played(optimizers.sgd(RATE))
    found = step_multipliers(algorithm, algorithm.init(KEY), {}, num=7)
    assert max_distance(found, 1 + RATE * flow()) < 1e-12
    assert np.all(np.diff(np.abs(found)) < 1e-12)


def test_those_of_heavy_ball() -> None:
    # μ² - (1 + h λ + β) μ + β = 0, two for each eigenvalue of the flow.
    algorithm, beta = played(optimizers.sgd(RATE, momentum=0.8)), 0.8
    found = step_multipliers(algorithm, algorithm.init(KEY), {}, num=14)
    roots = [np.roots([1, -(1 + RATE * value + beta), beta]) for value in flow()]
    assert max_distance(found, np.concatenate(roots)) < 1e-10


def dirac(make: Any) -> Algorithm:
    game = jaxgan.with_penalty(jaxgan.dirac(), penalties.r1(weight=0.5))
    return make(gradient(game), optimizers=helpers.adams(1e-2))


def network() -> Algorithm:
    game = helpers.mlp_gan(jnp.float64)
    return jaxgan.simultaneous(gradient(game), optimizers=helpers.adams(1e-2))


ALGORITHMS = {
    "simultaneous": lambda: dirac(jaxgan.simultaneous),
    "averaged": lambda: jaxgan.ema(dirac(jaxgan.extragradient)),
    "several": lambda: jaxgan.substeps(jaxgan.lookahead(dirac(jaxgan.alternating)), num_steps=5),
    "network": network,
}


@pytest.mark.parametrize("name", helpers.rows(ALGORITHMS, ["network"]))
def test_those_of_a_step_are_those_of_its_dense_jacobian(name: str) -> None:
    algorithm = ALGORITHMS[name]()
    shape = (*algorithm.num_batches, 4, 1)
    batch = {"image": jnp.zeros(shape)}
    if name == "network":
        batch = helpers.real_batch(dtype=np.float64)
    state, step = algorithm.init(KEY), jax.jit(algorithm.step)
    for _ in range(3):
        state, _ = step(state, batch)
    point, move = flat_step(algorithm.step, state, batch)
    after, _ = step(state, batch)
    np.testing.assert_allclose(move(point), flat_step(algorithm.step, after, batch)[0], rtol=1e-9)
    dense = np.linalg.eigvals(np.asarray(jax.jit(jax.jacfwd(move))(point)))
    expected = dense[np.argsort(-np.abs(dense))][:4]
    found = step_multipliers(algorithm, state, batch, num=4)
    np.testing.assert_allclose(np.abs(found), np.abs(expected), rtol=1e-8)
    assert np.abs(found[0]) != pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("size", [1, 7, 30])
def test_the_radius_by_squaring(size: int) -> None:
    matrices = np.random.default_rng(size).normal(size=(10, size, size))
    found = jax.jit(jax.vmap(spectral_radius))(jnp.asarray(matrices))
    expected = np.abs(np.linalg.eigvals(matrices)).max(axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-7)


def test_radii_of_special_matrices() -> None:
    nilpotent = jnp.diag(jnp.ones(3), 1)
    assert spectral_radius(nilpotent) == 0.0
    assert spectral_radius(jnp.zeros((2, 2))) == 0.0
    assert spectral_radius(jnp.eye(2) + jnp.eye(2, k=1)) == pytest.approx(1.0, abs=1e-6)
    assert spectral_radius(jnp.full((2, 2), jnp.nan)) == jnp.inf


def test_a_krylov_space_is_that_of_the_matrix() -> None:
    matrix = jnp.asarray(np.random.default_rng(0).normal(size=(20, 20)))
    space = arnoldi(lambda v: matrix @ v, random_direction(KEY, jnp.zeros(20)), num=20)
    np.testing.assert_allclose(space.basis @ space.basis.T, np.eye(20), atol=1e-13)
    np.testing.assert_allclose(space.basis @ matrix @ space.basis.T, space.matrix, atol=1e-12)
    assert space.rank == 20
    start = jnp.asarray([1.0, 1.0, 0.0, 0.0])
    small = arnoldi(lambda v: jnp.asarray([1.0, 2.0, 3.0, 4.0]) * v, start, num=4)
    assert small.rank == 2
    np.testing.assert_allclose(np.linalg.eigvalsh(small.matrix[:2, :2]), [1.0, 2.0], rtol=1e-12)
    with pytest.raises(ValueError, match="num is 5; it must be from 1 to the size, 4"):
        arnoldi(lambda v: v, start, num=5)


def test_what_is_wrong_is_said() -> None:
    algorithm = played(optimizers.sgd(RATE))
    state = algorithm.init(KEY)
    with pytest.raises(ValueError, match="num is 8; it must be from 1 to the number"):
        step_multipliers(algorithm, state, {}, num=8)
    wild = played(optimizers.sgd(lambda step: jnp.where(step < 0, 0.1, jnp.nan)))
    with pytest.raises(ValueError, match="the Jacobian of the step is not finite"):
        step_multipliers(wild, wild.init(KEY), {}, num=2)
