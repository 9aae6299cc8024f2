"""The solver of fields against SciPy's, stopped early: iterations and restarts are those asked."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.sparse import linalg

from jaxgan.fields import solve

SIZE = 60
DRAW = np.random.default_rng(0)
EIGENVALUES = np.linspace(1.0, 400.0, SIZE)
RHS = DRAW.normal(size=SIZE)
ROTATED = np.diag(EIGENVALUES) + np.triu(DRAW.normal(size=(SIZE, SIZE)), 1)


@pytest.mark.parametrize("num", [3, 20, 21, 50])
def test_gmres_restarts_after_twenty_iterations(num: int, float64: None) -> None:
    found = solve(
        lambda x: jnp.asarray(ROTATED) @ x,
        jnp.asarray(RHS),
        jnp.zeros(SIZE),
        solver="gmres",
        tol=1e-12,
        max_iterations=num,
    )
    cycles = {3: 1, 20: 1, 21: 2, 50: 3}[num]
    expected, _ = linalg.gmres(ROTATED, RHS, restart=min(num, 20), maxiter=cycles, rtol=1e-12)
    np.testing.assert_allclose(found.value, expected, rtol=1e-6, atol=1e-9)
    gap = np.linalg.norm(RHS - ROTATED @ expected) / np.linalg.norm(RHS)
    np.testing.assert_allclose(found.residual, gap, rtol=1e-6)
    assert found.converged == 0.0


@pytest.mark.parametrize("num", [1, 7])
def test_conjugate_gradients_stop_at_the_limit(num: int, float64: None) -> None:
    matrix = np.diag(EIGENVALUES)
    found = solve(
        lambda x: jnp.asarray(matrix) @ x,
        jnp.asarray(RHS),
        jnp.zeros(SIZE),
        solver="cg",
        tol=1e-12,
        max_iterations=num,
    )
    expected, _ = linalg.cg(matrix, RHS, maxiter=num, rtol=1e-12)
    np.testing.assert_allclose(found.value, expected, rtol=1e-9)
