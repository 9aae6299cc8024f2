"""The gradient of a leader whose follower answers."""

from __future__ import annotations

from typing import Literal

import jax

from jaxgan.core.field import Field, Pull, linearize
from jaxgan.core.game import warn_if_detached
from jaxgan.core.ranges import Count, NonNegativeSchedule, Positive, checked
from jaxgan.core.schedules import at
from jaxgan.core.state import Context
from jaxgan.core.typing import Batch, PlayerTree, PyTree
from jaxgan.fields import trees
from jaxgan.fields._solve import Solver, solve, with_solver_metrics


@checked
def stackelberg(
    field: Field,
    *,
    leader: Literal["gen", "disc"] = "gen",
    damping: NonNegativeSchedule = 0.0,
    solver: Solver = "cg",
    tol: Positive = 1e-6,
    max_iterations: Count = 5,
) -> Field:
    r"""The leader follows the total derivative of its loss, the follower its own gradient.

    .. math:: \xi_1 = D_1 f_1 - D_{21} f_2^T (D_{22} f_2 + \delta I)^{-1} D_2 f_1,
        \quad \xi_2 = D_2 f_2

    for a leader 1 and a follower 2. By the implicit function theorem -(D₂₂f₂)⁻¹ D₂₁f₂ is how the
    follower's best response moves with the leader; the field takes it where the follower is now,
    also if that is no best response. In a zero-sum game D₂f₁ = -D₂f₂, so that the correction
    vanishes where the follower has answered; `games.unrolled` and this field are then one. Give the
    follower the higher learning rate.

    Args:
      field: the plain gradient of a game of two players.
      leader: who leads.
      damping: δ, for a follower whose loss is flat somewhere; a number or a schedule of the step.
      solver: `"cg"` for a follower whose loss is convex about where it is, else `"gmres"`.
      tol: relative residual to reach.
      max_iterations: at most so many products, from the last solution.

    Returns:
      A `Field`. It logs `solver_residual` and `solver_converged`.

    Raises:
      ValueError: for a wrong option, or if the field is no plain gradient of a game of two players.

    Example:
      In f = ½ x² + x y - ½ y² the answer to x is y = x, so the leader's loss is x², of slope 2:

      >>> import jax.numpy as jnp
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import quadratic
      >>> one = jnp.eye(1)
      >>> field = stackelberg(gradient(quadratic(one, one, one)))
      >>> params, net_state = field.game.init(jax.random.key(0))
      >>> pull, _, _ = field.apply(params, field.init(params), net_state, {},
      ...                          Context(jax.random.key(0)))
      >>> params["gen"].tolist(), pull["gen"].tolist()
      ([1.0], [2.0])

    References:
      Fiez, Chasnov & Ratliff, 2020 (arXiv:1906.01217), equation 3.
    """
    warn_if_detached(field.game, "stackelberg")
    follower = _follower(field, leader)

    def stake(params: PlayerTree, net_state: PlayerTree, batch: Batch, context: Context) -> PyTree:
        """D₂f₁."""

        def loss(own: PyTree) -> jax.Array:
            everyone = {**params, follower: own}
            scene, state = field.game.generate(everyone, net_state, batch, context)
            return field.game.losses(everyone, state, scene, context)[0][leader]

        return jax.grad(loss)(params[follower])

    def apply(
        params: PlayerTree,
        memory: PyTree,
        net_state: PlayerTree,
        batch: Batch,
        context: Context,
    ) -> Pull:
        here = linearize(field, params, memory["field"], net_state, batch, context)
        none, delta = trees.zeros(here.pull), at(damping, context.step)
        if field.game.is_zero_sum:
            own = trees.scaled(here.pull[follower], -1.0)
        else:
            own = stake(params, net_state, batch, context)

        def curvature(v: PyTree) -> PyTree:
            return trees.add(here.jvp({**none, follower: v})[follower], delta, v)

        found = solve(
            curvature,
            own,
            memory["guess"],
            solver=solver,
            tol=tol,
            max_iterations=max_iterations,
        )
        correction = here.vjp({**none, follower: found.value})[leader]
        total = trees.add(here.pull[leader], -1.0, correction)
        net_state, metrics = here.rest
        rest = (net_state, with_solver_metrics(metrics, found))
        return {**here.pull, leader: total}, {"field": here.memory, "guess": found.guess}, rest

    def init(params: PlayerTree) -> PyTree:
        return {"field": field.init(params), "guess": trees.zeros(params[follower])}

    return Field(game=field.game, init=init, apply=apply)


def _follower(field: Field, leader: str) -> str:
    others = [player for player in field.game.players if player != leader]
    if len(others) != 1 or not field.is_gradient:
        raise ValueError(
            f"stackelberg: the field is not the plain gradient of a game of {leader!r} and one "
            "other player"
        )
    return others[0]
