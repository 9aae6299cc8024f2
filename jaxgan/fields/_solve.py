"""Linear systems inside a field, and how well they were solved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.sparse import linalg

from jaxgan.core.checks import is_traced
from jaxgan.core.ranges import Count, Positive, checked
from jaxgan.core.typing import Array, PyTree
from jaxgan.fields import trees

Solver = Literal["cg", "gmres"]


class Solution(NamedTuple):
    """What a solver found.

    Attributes:
      value: x, with A x ≈ b.
      residual: ‖b - A x‖ / ‖b‖, evaluated afresh.
      converged: 1 if the residual is below ten times the tolerance, else 0.
    """

    value: PyTree
    residual: Array
    converged: Array

    @property
    def guess(self) -> PyTree:
        """Where the next solve may start: the value, of which no derivative is taken."""
        return jax.tree.map(lax.stop_gradient, self.value)


@checked
def solve(
    operator: Callable[[PyTree], PyTree],
    rhs: PyTree,
    guess: PyTree,
    *,
    solver: Solver,
    tol: Positive,
    max_iterations: Count,
) -> Solution:
    """Solves A x = b, matrix-free, by a solver of `jax.scipy.sparse.linalg`.

    Args:
      operator: x -> A x; symmetric and positive definite for "cg".
      rhs: b.
      guess: where to start.
      solver: conjugate gradients or GMRES.
      tol: relative to ‖b‖.
      max_iterations: at most so many products with A.

    Returns:
      A `Solution`; differentiable in whatever A and b depend on.

    Example:
      >>> found = solve(lambda x: 4.0 * x, jnp.ones(2), jnp.zeros(2), solver="cg", tol=1e-6,
      ...               max_iterations=5)
      >>> found.value.tolist(), float(found.converged)
      ([0.25, 0.25], 1.0)
    """
    if is_traced(tol):  # When to stop has no derivative, and the solvers want none.
        tol = lax.stop_gradient(tol)
    if solver == "cg":
        value, _ = linalg.cg(operator, rhs, guess, tol=tol, maxiter=max_iterations)
    else:
        restart = min(20, max_iterations)
        value, _ = linalg.gmres(
            operator, rhs, guess, tol=tol, restart=restart, maxiter=-(-max_iterations // restart)
        )
    gap = trees.add(rhs, -1.0, operator(value))
    scale = trees.dot(rhs, rhs)
    residual = jnp.sqrt(trees.dot(gap, gap) / jnp.where(scale > 0, scale, 1.0))
    # The solver's own residual is a recurrence, and strays from the true one by rounding.
    return Solution(
        value, residual, (residual <= jnp.asarray(10 * tol, residual.dtype)).astype(residual.dtype)
    )


def with_solver_metrics(
    metrics: dict[str, dict[str, Array]], solution: Solution
) -> dict[str, dict[str, Array]]:
    """Every player's metrics with the solver's residual and whether it converged.

    Args:
      metrics: by player and name.
      solution: what the solver found.

    Returns:
      The metrics with `solver_residual` and `solver_converged`.

    Example:
      >>> found = Solution(jnp.ones(1), jnp.float32(0.5), jnp.float32(0.0))
      >>> sorted(with_solver_metrics({"gen": {}}, found)["gen"])
      ['solver_converged', 'solver_residual']
    """
    extra = {"solver_residual": solution.residual, "solver_converged": solution.converged}
    return {player: {**own, **extra} for player, own in metrics.items()}
