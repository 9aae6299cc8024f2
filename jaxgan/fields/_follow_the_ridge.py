"""Follow-the-Ridge."""

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
def follow_the_ridge(
    field: Field,
    *,
    ratio: NonNegativeSchedule = 1.0,
    damping: NonNegativeSchedule = 0.01,
    tol: Positive = 1e-6,
    max_iterations: Count = 5,
) -> Field:
    """The discriminator stays on its ridge while the generator moves.

    x ← x - η_x ∇_x f;  y ← y + η_y ∇_y f + η_x f_yy⁻¹ f_yx ∇_x f. The last term cancels what the
    generator's step does to the discriminator's gradient, so that there is no rotation between the
    two, and its fixed points are the local minimax points and no others.

    With H = ∂ξ_y/∂y, M = ∂ξ_y/∂x and b = M ξ_x the correction of the field is -ρ H⁻¹ b,
    ρ = η_x / η_y; it is found from (H² + δ g²) v = H b, positive definite whatever the sign of H.
    g² = ‖M s‖² / ‖s‖², with random signs s, is the mean square by which the discriminator's
    gradient answers the generator's moves, so that f and 0.01 f have the same ridge. Along an
    eigenvector of H the correction is h² / (h² + δ g²) of the method's: all of it where the
    curvature h is well above √δ g, none where the discriminator's loss is flat and has no ridge.

    Args:
      field: the plain gradient of a zero-sum game.
      ratio: ρ, the generator's learning rate over the discriminator's.
      damping: δ, relative to g²; 0 is the method as written. The correction is at most about
        1 / (2 √δ) times as long as the generator's pull, 5 times by default.
      tol: relative residual to reach.
      max_iterations: at most so many steps of conjugate gradients, from the last solution.

    Returns:
      A `Field`. It logs `solver_residual` and `solver_converged`.

    Raises:
      ValueError: for a wrong option or if the game is not zero-sum or the field
        not its gradient.

    Example:
      For f = ½ x² + x y - ½ y² it takes the rotation away, at the ridge y = x:

      >>> import jax, jax.numpy as jnp
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import quadratic
      >>> one = jnp.eye(1)
      >>> field = follow_the_ridge(gradient(quadratic(one, one, one)), damping=0.0)
      >>> params, net_state = field.game.init(jax.random.key(0))
      >>> pull, _, _ = field.apply(params, field.init(params), net_state, {},
      ...                          Context(jax.random.key(0)))
      >>> pull["gen"].tolist(), pull["disc"].tolist()
      ([2.0], [2.0])

    References:
      Wang, Zhang & Ba, 2020 (arXiv:1910.07512).
    """
    warn_if_detached(field.game, "follow_the_ridge")
    _check_field(field)

    def apply(
        params: PlayerTree,
        memory: PyTree,
        net_state: PlayerTree,
        batch: Batch,
        context: Context,
    ) -> Pull:
        here = linearize(field, params, memory["field"], net_state, batch, context)
        delta = at(damping, context.step)

        def curvature(v: PyTree) -> PyTree:
            return here.jvp({**trees.zeros(here.pull), "disc": v})["disc"]

        def answer(others: PlayerTree) -> PyTree:
            return here.jvp(trees.without(others, ["disc"]))["disc"]

        signs = trees.without(trees.signs(context.stream("ridge"), here.pull), ["disc"])
        answered = answer(signs)
        square = trees.dot(answered, answered) / trees.dot(signs, signs)
        # In units of g², so that the square of a small curvature is still a number.
        unit = 1.0 / jnp.where(square > 0, square, 1.0)

        def operator(v: PyTree) -> PyTree:
            return trees.add(curvature(trees.scaled(curvature(v), unit)), delta, v)

        found = solve(
            operator,
            curvature(trees.scaled(answer(here.pull), unit)),
            memory["guess"],
            solver="cg",
            tol=tol,
            max_iterations=max_iterations,
        )
        ridge = trees.add(here.pull["disc"], -at(ratio, context.step), found.value)
        net_state, metrics = here.rest
        rest = (net_state, with_solver_metrics(metrics, found))
        new_memory = {"field": here.memory, "guess": found.guess}
        return {**here.pull, "disc": ridge}, new_memory, rest

    def init(params: PlayerTree) -> PyTree:
        return {"field": field.init(params), "guess": trees.zeros(params["disc"])}

    return Field(game=field.game, init=init, apply=apply)


def _check_field(field: Field) -> None:
    if not (field.game.is_zero_sum and field.is_gradient):
        raise ValueError(
            "follow_the_ridge: the field is not the plain gradient of a zero-sum game "
            "(minimax or wasserstein loss, no penalty), and the method is for those"
        )
