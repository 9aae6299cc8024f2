"""Competitive gradient descent."""

from __future__ import annotations

from collections.abc import Mapping

from jaxgan.core.field import Field, Linearized, Pull, linearize
from jaxgan.core.game import warn_if_detached
from jaxgan.core.ranges import Count, NonNegativeSchedule, Positive, checked
from jaxgan.core.schedules import at
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, Batch, PlayerTree, PyTree
from jaxgan.fields import trees
from jaxgan.fields._interaction import off_diagonal
from jaxgan.fields._solve import Solution, Solver, solve, with_solver_metrics


@checked
def competitive(
    field: Field,
    *,
    eta: NonNegativeSchedule | Mapping[str, NonNegativeSchedule],
    solver: Solver = "cg",
    tol: Positive = 1e-6,
    max_iterations: Count = 100,
) -> Field:
    """The Nash equilibrium of the game's local bilinear approximation: (I + J_off η)⁻¹ ξ.

    η is one step for all players, or each one's own; J_off is the Jacobian without its diagonal
    blocks: each player answers the others' answers. In a bilinear game it is the proximal point
    method and contracts for every η. Play it by descent with the same rates, `optimizers.sgd(eta)`.

    "cg" solves (I - η_x η_y J_xy J_yx) u_x = ξ_x - η_y J_xy ξ_y for one player, a positive definite
    system because the game is zero-sum, and finds the other by one product. "gmres" solves for
    all players at once, in any game. Either starts from the last solution.

    Args:
      field: any field; the plain gradient of a zero-sum game for "cg".
      eta: η, the players' step, a number or a schedule of the step; or {player: such} of all.
      solver: "cg" or "gmres".
      tol: relative residual to reach.
      max_iterations: at most so many products per evaluation.

    Returns:
      A `Field`. It logs `solver_residual` and `solver_converged`.

    Raises:
      ValueError: for a wrong option or if "cg" is given a game that is not
        zero-sum or a field that is not its gradient.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import bilinear
      >>> field = competitive(gradient(bilinear()), eta=1.0)
      >>> params, net_state = field.game.init(jax.random.key(0))
      >>> pull, _, _ = field.apply(params, field.init(params), net_state, {},
      ...                          Context(jax.random.key(0)))
      >>> pull["gen"].tolist(), pull["disc"].tolist()
      ([1.0], [0.0])

    References:
      Schäfer & Anandkumar, 2019 (arXiv:1905.12103).
    """
    warn_if_detached(field.game, "competitive")
    players = field.game.players
    eta_of = dict(eta) if isinstance(eta, Mapping) else dict.fromkeys(players, eta)
    if set(eta_of) != set(players):
        raise ValueError(
            f"eta is given for {sorted(eta_of)}; the game's players are {sorted(players)}"
        )
    if solver == "cg" and not (field.game.is_zero_sum and field.is_gradient):
        raise ValueError(
            "competitive: solver is 'cg', which needs the plain gradient of a zero-sum game "
            "(minimax or wasserstein loss, no penalty); solver='gmres' takes any field"
        )

    def apply(
        params: PlayerTree,
        memory: PyTree,
        net_state: PlayerTree,
        batch: Batch,
        context: Context,
    ) -> Pull:
        here = linearize(field, params, memory["field"], net_state, batch, context)
        step = {player: at(eta_of[player], context.step) for player in players}
        find = _by_gmres if solver == "gmres" else _by_cg
        found = find(here, step, memory["guess"], tol, max_iterations)
        net_state, metrics = here.rest
        metrics = with_solver_metrics(metrics, found)
        return found.value, {"field": here.memory, "guess": found.guess}, (net_state, metrics)

    def init(params: PlayerTree) -> PyTree:
        return {"field": field.init(params), "guess": trees.zeros(params)}

    return Field(game=field.game, init=init, apply=apply)


Steps = Mapping[str, Array | float]


def _by_gmres(
    here: Linearized, steps: Steps, guess: PlayerTree, tol: float, max_iterations: int
) -> Solution:
    def operator(u: PlayerTree) -> PlayerTree:
        moves = {player: trees.scaled(own, steps[player]) for player, own in u.items()}
        total: PlayerTree = trees.add(u, 1.0, off_diagonal(here.jvp, moves))
        return total

    return solve(operator, here.pull, guess, solver="gmres", tol=tol, max_iterations=max_iterations)


def _by_cg(
    here: Linearized, steps: Steps, guess: PlayerTree, tol: float, max_iterations: int
) -> Solution:
    first, second = here.pull

    def answer(vector: PyTree, source: str, target: str) -> PyTree:
        """J_{target, source} η_source v."""
        others = trees.without(here.pull, [target])
        move = trees.scaled(vector, steps[source])
        return here.jvp({**others, source: move})[target]

    def operator(u: PyTree) -> PyTree:
        return trees.add(u, -1.0, answer(answer(u, first, second), second, first))

    rhs = trees.add(here.pull[first], -1.0, answer(here.pull[second], second, first))
    found = solve(operator, rhs, guess[first], solver="cg", tol=tol, max_iterations=max_iterations)
    other = trees.add(here.pull[second], -1.0, answer(found.value, first, second))
    return found._replace(value={first: found.value, second: other})
