"""Eigenvalues without a matrix against those of the matrix, and both against closed forms."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

import jaxgan
from jaxgan import Context, penalties
from jaxgan.analysis import (
    ConvergenceError,
    flow_eigenvalues,
    leading_eigenvalues,
    ravel_players,
    stability,
)
from jaxgan.fields import Field, gradient
from tests.analysis import games

CONTEXT = Context(jax.random.key(0))


def max_distance(found: Any, expected: Any) -> float:
    """The largest distance when the two sets are paired off as well as can be."""
    assert len(found) == len(expected)
    distance = np.abs(np.asarray(found)[:, None] - np.asarray(expected)[None, :])
    return float(distance[linear_sum_assignment(distance)].max())


def upper(values: np.ndarray) -> np.ndarray:
    """Pairs as one: what a cut through a pair cannot change."""
    return values.real + 1j * np.abs(values.imag)


def leading(values: np.ndarray, num: int, which: str) -> np.ndarray:
    """The first few by NumPy, with no regard to what stands behind them in a pair."""
    size = {"LM": np.abs(values), "LR": values.real, "SR": -values.real, "LI": np.abs(values.imag)}
    return values[np.argsort(-size[which], kind="stable")[:num]]


@pytest.fixture(scope="module")
def large() -> Any:
    """A game of 2,009 parameters, and all its eigenvalues."""
    with jax.enable_x64(True):
        field = gradient(games.deep_gan())
        there = games.situation(field)
        assert ravel_players(there[0])[0].size == 2009
        return field, there, flow_eigenvalues(field, *there)


@pytest.mark.parametrize(("num", "which"), [(6, "LM"), (1, "LR"), (3, "LR"), (2, "SR"), (2, "LI")])
def test_two_thousand_parameters_without_a_matrix(
    large: Any, float64: None, num: int, which: str
) -> None:
    field, there, dense = large
    found = leading_eigenvalues(field, *there, num=num, which=which)
    assert found.dtype == np.complex128
    assert max_distance(upper(found), upper(leading(dense, num, which))) < 1e-6
    # None of them is merely tiny, which would agree whatever was computed.
    assert np.abs(found).min() > 1e-3


def test_all_eigenvalues_of_a_quadratic_game(float64: None) -> None:
    matrices = games.matrices()
    field = gradient(games.quadratic(*matrices))
    params, net_state = field.game.init(jax.random.key(0))
    found = flow_eigenvalues(field, params, net_state, {}, CONTEXT)
    expected = np.linalg.eigvals(-games.jacobian_of(*matrices))
    assert max_distance(found, expected) < 1e-12
    assert np.all(np.diff(np.abs(found)) < 1e-12)
    assert any(found.imag > 0)
    for first, second in pairwise(found):
        assert first.imag <= 0 or second == first.conjugate()


@pytest.mark.parametrize(
    ("gamma", "expected"), [(0.0, [0.5j, -0.5j]), (1.0, [-0.5, -0.5]), (0.6, [-0.3 + 0.4j] * 2)]
)
def test_the_dirac_gan(float64: None, gamma: float, expected: list[complex]) -> None:
    game = jaxgan.with_penalty(jaxgan.dirac(), penalties.r1(weight=gamma))
    params = {"gen": jnp.zeros(1), "disc": jnp.zeros(1)}
    _, net_state = game.init(jax.random.key(0))
    args = (gradient(game), params, net_state, {"image": jnp.zeros((4, 1))}, CONTEXT)
    found = flow_eigenvalues(*args)
    assert max_distance(upper(found), upper(np.array(expected))) < 1e-6
    assert stability(found).is_stable == (gamma > 0)
    # So small a game is solved densely.
    np.testing.assert_array_equal(leading_eigenvalues(*args, num=2), found)
    np.testing.assert_array_equal(leading_eigenvalues(*args, num=1, which="LI"), found[:1])


def diagonal(values: np.ndarray) -> tuple[Field, Any, Any, Any, Context]:
    """A field whose flow has these eigenvalues in the generator and -1 in the discriminator."""
    coupling = jnp.zeros((len(values), 1), values.dtype)
    game = jaxgan.quadratic(
        jnp.diag(jnp.asarray(-values)), coupling, jnp.eye(1, dtype=values.dtype)
    )
    field = gradient(game)
    params, net_state = game.init(jax.random.key(0))
    return field, params, net_state, {}, CONTEXT


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("which", "expected"),
    [("LM", [-50, -49, -48]), ("LR", [5, 4, 3]), ("SR", [-50, -49, -48])],
)
def test_both_precisions(float64: None, dtype: Any, which: str, expected: list[float]) -> None:
    args = diagonal(np.arange(-50, 6).astype(dtype))
    found = leading_eigenvalues(*args, num=3, which=which)
    np.testing.assert_allclose(found, expected, rtol=1e-5 if dtype == np.float32 else 1e-12)
    assert found.dtype == (np.complex64 if dtype == np.float32 else np.complex128)
    all_of_them = flow_eigenvalues(*args)
    assert all_of_them.dtype == found.dtype


def test_lower_precision_is_computed_in_single() -> None:
    field, params, *rest = diagonal(np.arange(-50.0, 6.0, dtype=np.float32))
    low = jax.tree.map(lambda w: w.astype(jnp.bfloat16), params)

    def apply(params: Any, *args: Any) -> Any:
        single = jax.tree.map(lambda w: w.astype(jnp.float32), params)
        pull, memory, other = field.apply(single, *args)
        return jax.tree.map(lambda g: g.astype(jnp.bfloat16), pull), memory, other

    found = leading_eigenvalues(field._replace(apply=apply), low, *rest, num=2, tol=1e-2)
    assert found.dtype == np.complex64
    np.testing.assert_allclose(found.real, [-50, -49], rtol=1e-2)


def rotations(rates: np.ndarray) -> tuple[Field, Any, Any, Any, Context]:
    field = gradient(jaxgan.bilinear(jnp.diag(jnp.asarray(rates))))
    params, net_state = field.game.init(jax.random.key(0))
    return field, params, net_state, {}, CONTEXT


def test_a_pair_that_is_cut_shows_its_upper_half(float64: None) -> None:
    args = rotations(np.arange(1.0, 31.0))
    for num in (1, 2, 3, 4):
        found = leading_eigenvalues(*args, num=num)
        np.testing.assert_allclose(found, [30j, -30j, 29j, -29j][:num], atol=1e-9)


def test_the_start_vector_is_a_matter_of_seed(float64: None) -> None:
    args = rotations(np.arange(1.0, 31.0))
    same = [leading_eigenvalues(*args, seed=seed, num=4) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(same[0], same[1])
    assert (same[0] != same[2]).any()
    np.testing.assert_allclose(same[0], same[2], atol=1e-9)


def test_what_did_not_converge_says_what_to_change(float64: None) -> None:
    args = diagonal(np.linspace(-1.0, -0.9, 400))
    options = {"num": 4, "which": "LR", "num_vectors": 8}
    message = (
        r"[0-3] of 4 eigenvalues \(LR\) converged in 1 iterations; raise max_iterations, "
        r"num_vectors \(now 8\) or tol \(now 0\.0\)"
    )
    with pytest.raises(ConvergenceError, match=message) as caught:
        leading_eigenvalues(*args, **options, max_iterations=1)
    assert len(caught.value.eigenvalues) < 4
    found = leading_eigenvalues(*args, **options | {"num_vectors": 200})
    np.testing.assert_allclose(found, np.linspace(-0.9, -1.0, 400)[:4], atol=1e-9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"which": "XX"}, "which is 'XX'; it must be 'LM'"),
        ({"num": 0}, "num is 0; it must be an integer, at least 1"),
        ({"num": 22}, "num is 22; the game has 21 eigenvalues"),
        ({"max_iterations": 0}, "max_iterations is 0; it must be an integer"),
        ({"num_vectors": 7}, r"num_vectors is 7; it must be in \[8, 21\]"),
        ({"num_vectors": 22}, r"num_vectors is 22; it must be in \[8, 21\]"),
    ],
)
def test_bad_input(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        leading_eigenvalues(*diagonal(np.arange(1.0, 21.0, dtype=np.float32)), **options)


@pytest.mark.parametrize("num", [4, 21])
def test_what_is_not_finite_is_refused(num: int) -> None:
    args = diagonal(np.append(np.arange(1.0, 20.0, dtype=np.float32), np.float32(np.nan)))
    with pytest.raises(ValueError, match="the Jacobian of the field is not finite"):
        leading_eigenvalues(*args, num=num)
