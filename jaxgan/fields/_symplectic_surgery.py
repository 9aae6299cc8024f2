"""Local symplectic surgery."""

from __future__ import annotations

import jax.numpy as jnp

from jaxgan.core.field import Field, Pull, linearize
from jaxgan.core.game import warn_if_detached
from jaxgan.core.ranges import Count, NonNegativeSchedule, Positive, checked
from jaxgan.core.schedules import at
from jaxgan.core.state import Context
from jaxgan.core.typing import Batch, PlayerTree, PyTree
from jaxgan.fields import trees
from jaxgan.fields._solve import solve, with_solver_metrics


@checked
def symplectic_surgery(
    field: Field,
    *,
    damping: NonNegativeSchedule = 1e-4,
    tol: Positive = 1e-6,
    max_iterations: Count = 5,
) -> Field:
    r"""Half the field, and half of what a symmetric Jacobian would make of it.

    .. math:: \tfrac12 \big(\xi + J^T (J^T J + \lambda I)^{-1} J^T \xi\big),
        \quad \lambda = \delta \, (1 - e^{-\lVert \xi \rVert^2})

    At a stationary point of a zero-sum game its Jacobian is the symmetric part of J: the curvatures
    of the two players without what rotates. So it does not oscillate there, and its stable points
    are the local Nash equilibria and no others, where gradients are also drawn to points at which a
    player could still gain. λ vanishes at stationary points, and only there.

    Args:
      field: the gradient of a zero-sum game.
      damping: δ, a number or a schedule of the step.
      tol: relative residual to reach.
      max_iterations: at most so many steps of conjugate gradients, from the last solution. The
        authors take one step of gradient descent on the same least squares, with a rate of its own.

    Returns:
      A `Field`. It logs `solver_residual` and `solver_converged`.

    Raises:
      ValueError: for a wrong option.

    Example:
      f = ½ x² + x y - ½ y² turns about the origin; the field points there:

      >>> import jax
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import quadratic
      >>> one = jnp.eye(1)
      >>> field = symplectic_surgery(gradient(quadratic(one, one, one)), damping=0.0)
      >>> params, net_state = field.game.init(jax.random.key(0))
      >>> pull, _, _ = field.apply(params, field.init(params), net_state, {},
      ...                          Context(jax.random.key(0)))
      >>> pull["gen"].round(4).tolist(), pull["disc"].round(4).tolist()
      ([1.0], [1.0])

    References:
      Mazumdar, Jordan & Sastry, 2019 (arXiv:1901.00838).
    """
    warn_if_detached(field.game, "symplectic_surgery")

    def apply(
        params: PlayerTree,
        memory: PyTree,
        net_state: PlayerTree,
        batch: Batch,
        context: Context,
    ) -> Pull:
        here = linearize(field, params, memory["field"], net_state, batch, context)
        length = trees.dot(here.pull, here.pull)
        shift = -jnp.asarray(at(damping, context.step), length.dtype) * jnp.expm1(-length)

        def operator(v: PlayerTree) -> PlayerTree:
            moved: PlayerTree = trees.add(here.vjp(here.jvp(v)), shift, v)
            return moved

        found = solve(
            operator,
            here.vjp(here.pull),
            memory["guess"],
            solver="cg",
            tol=tol,
            max_iterations=max_iterations,
        )
        pull = trees.scaled(trees.add(here.pull, 1.0, here.vjp(found.value)), 0.5)
        net_state, metrics = here.rest
        rest = (net_state, with_solver_metrics(metrics, found))
        return pull, {"field": here.memory, "guess": found.guess}, rest

    def init(params: PlayerTree) -> PyTree:
        return {"field": field.init(params), "guess": trees.zeros(params)}

    return Field(game=field.game, init=init, apply=apply)
