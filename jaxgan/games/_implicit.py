"""Unrolling to infinity: a player that looks ahead to its opponent's best response."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
import optax
from jax import lax

from jaxgan import optimizers as opt
from jaxgan.core.derivatives import held
from jaxgan.core.game import Game, Played, warn_if_detached
from jaxgan.core.ranges import Count, Depth, NonNegative, Positive, Several, checked
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, Params, PlayerTree, PyTree, Scene
from jaxgan.fields import Solution, solve, trees
from jaxgan.games._inner import inner_optimizer
from jaxgan.games._lookahead import Lookahead, lookahead, norm

_Seen = tuple[PlayerTree, PlayerTree, Scene]
"""All that the opponent answers to: parameters, network states, what is looked at."""

_Root = Callable[[_Seen, Params], Params]
"""r(θ, ψ), the second argument being ψ."""


@checked
def implicit(
    game: Game,
    *,
    player: str | Sequence[str] = "gen",
    opponent: str = "disc",
    num_steps: Depth = 10,
    newton_steps: Several = 2,
    inner: optax.GradientTransformation | None = None,
    damping: NonNegative = 0.0,
    solver: Literal["cg", "gmres", "neumann"] = "cg",
    neumann_rate: Positive = 0.1,
    tol: Positive = 1e-6,
    max_iterations: Count = 20,
) -> Game:
    r"""Lets a player descend its loss at the opponent's best response: `unrolled` for k -> ∞.

    .. math::
        L_{player}(\theta) = L(\theta, \psi^*(\theta)), \quad
        r(\theta, \psi) = \nabla_\psi L_{opponent}(\theta, \psi) + \delta (\psi - \psi_0), \quad
        r(\theta, \psi^*(\theta)) = 0

    with the opponent's parameters ψ₀ of this moment. By the implicit function theorem

    .. math::
        \frac{dL}{d\theta} = \frac{\partial L}{\partial\theta}
        - \left(\frac{\partial r}{\partial\theta}\right)^T v, \quad
        \left(\frac{\partial r}{\partial\psi}\right)^T v = \frac{\partial L}{\partial\psi},

    one linear system by matrix-free products, whatever led to ψ*. It is found by `num_steps` steps
    of an optimizer, then of Newton's method; a Newton step is taken only if it descends and the
    norm of r falls, so that none leads to a maximum. The opponent's own loss is left alone.

    Jacobians of the pull are true to the third derivative of ψ*, up to how far ψ* is from the root:
    a `consensus` or a spectrum on top sees how ψ* and v move. Network state, randomness and lazy
    penalties are those of this moment throughout.

    Look at the metrics of whoever looks ahead. `response_residual` is ‖r(ψ*)‖ / ‖r(ψ₀)‖: near 0 the
    answer was found, near 1 or above there is none within reach, and the gradient is that of
    `fields.stackelberg` at where the search ended; 1 it is too where ψ₀ is the answer to rounding.
    `solver_residual` is that of v. Where there is no best response at all, as of a linear
    discriminator without penalty, the loss is NaN, and `transforms.skip_nonfinite` acts on it.

    Args:
      game: the game as it is played without lookahead.
      player: who looks ahead; several do side by side, each at the same ψ*.
      opponent: whose best response is meant.
      num_steps: steps of the optimizer; 0 for Newton's method alone.
      newton_steps: steps of Newton's method after them, a linear solve each.
      inner: their optimizer, from a fresh state; by default the opponent's own, from its live one.
      damping: δ, for an opponent whose loss is flat or concave somewhere: the answer is then the
        best one near ψ₀. About 1 / (k η) is as far as k steps of rate η go.
      solver: `"cg"` where the opponent's loss is convex about ψ*, else `"gmres"`; `"neumann"` sums
        `max_iterations` terms of η Σ (I - η ∂r/∂ψ)ⁱ: as many steps of descent see.
      neumann_rate: η, below 2 / λ_max of ∂r/∂ψ; for `"neumann"` alone.
      tol: relative residual of the other two.
      max_iterations: at most so many products in each linear solve.

    Returns:
      A `Game`. Its losses couple the examples of a batch.

    Raises:
      ValueError: for a wrong argument; when played, if there is no optimizer.

    Example:
      In f = ½ x² + x y - ½ y² the answer to x is y = x, so x descends x², of slope 2 x:

      >>> from jaxgan.games import quadratic
      >>> one = jnp.eye(1)
      >>> game = implicit(quadratic(one, one, one), num_steps=0)
      >>> params, net_state = game.init(jax.random.key(0))
      >>> def loss(x):
      ...     everyone = {"gen": x, "disc": jnp.zeros(1)}
      ...     return game.losses(everyone, net_state, {}, Context(jax.random.key(0)))[0]["gen"]
      >>> jax.grad(loss)(params["gen"]).tolist()
      [2.0]

    References:
      Lorraine, Vicol & Duvenaud, 2020 (arXiv:1911.02590); Fiez, Chasnov & Ratliff, 2020
      (arXiv:1906.01217); the damping: Rajeswaran et al., 2019 (arXiv:1909.04630).
    """
    ahead = lookahead(game, player=player, opponent=opponent)
    warn_if_detached(game, "implicit")

    def solved(operator: Callable[[Params], Params], rhs: Params) -> Solution:
        if solver == "neumann":
            return _neumann(operator, rhs, neumann_rate, max_iterations)
        none = trees.zeros(rhs)
        return solve(operator, rhs, none, solver=solver, tol=tol, max_iterations=max_iterations)

    played = _Implicit(ahead, num_steps, newton_steps, inner, damping, solved)
    return game._replace(
        generate=ahead.generate,
        losses=played.losses,
        couples_batch=True,
        is_zero_sum=False,
        is_unrolled=True,
    )


@dataclass(frozen=True, eq=False)
class _Implicit:
    ahead: Lookahead
    num_steps: int
    newton_steps: int
    inner: optax.GradientTransformation | None
    damping: Array | float
    solved: Callable[[Callable[[Params], Params], Params], Solution]

    def losses(
        self, params: PlayerTree, net_state: PlayerTree, scene: Scene, context: Context
    ) -> Played:
        ahead, opponent = self.ahead, self.ahead.opponent

        def root(seen: _Seen, own: Params) -> Params:
            params, net_state, scene = seen
            here = {**params, opponent: own}
            grads, _ = ahead.opponents_gradient(here, net_state, scene, context)
            return trees.add(grads, self.damping, trees.add(own, -1.0, params[opponent]))

        def play(seen: _Seen, own: Params) -> Played:
            params, net_state, scene = seen
            return ahead.play({**params, opponent: own}, net_state, scene, context)

        now = (params, net_state, scene)
        # Constants of the gradient, whose own derivatives see them move.
        seen = held(now, params)
        best = self.best_response(root, seen, context)
        there, curvature = jax.linearize(partial(root, seen), best)
        residual = _relative(there, root(seen, params[opponent]))
        values, (new_state, metrics, outputs) = play(now, best)
        for player in ahead.players:
            stake = jax.grad(lambda own, player=player: play(seen, own)[0][player])(best)
            found = self.solved(curvature, stake)
            moved = trees.dot(found.value, root(now, best))
            # Of value 0: the loss is that at ψ*, and its derivative the total one.
            values = {**values, player: values[player] - (moved - held(moved, params))}
            said = {"response_residual": residual, "solver_residual": found.residual}
            metrics = {**metrics, player: {**metrics[player], **said}}
        plain = ahead.game.losses(params, net_state, scene, context)
        return ahead.answered(plain, (values, (new_state, metrics, outputs)))

    def best_response(self, root: _Root, seen: _Seen, context: Context) -> Params:
        """ψ*, whose derivatives are those of Newton's method: true ones at a root."""
        seen_now = _stopped(seen)
        own: Params = seen_now[0][self.ahead.opponent]
        if self.num_steps:
            optimizer, opt_state = inner_optimizer(
                self.inner,
                caller="implicit",
                is_fresh=self.inner is not None,
                opponent=self.ahead.opponent,
                params=own,
                context=context,
            )

            def step(carry: tuple[Params, PyTree], _: None) -> tuple[tuple[Params, PyTree], None]:
                own, opt_state = carry
                return opt.update(optimizer, root(seen_now, own), opt_state, own), None

            (own, _), _ = lax.scan(step, (own, opt_state), length=self.num_steps)
        own = lax.fori_loop(
            0, self.newton_steps - 2, lambda _, own: self.newton(root, seen_now, own), _stopped(own)
        )
        # From any fixed start at the root, two steps have its derivatives to the third.
        return self.newton(root, seen, self.newton(root, seen, _stopped(own)))

    def newton(self, root: _Root, seen: _Seen, own: Params) -> Params:
        """A step that is taken if it descends, with the derivative of one that is."""
        there, curvature = jax.linearize(partial(root, seen), own)
        move = self.solved(curvature, there).value
        moved = trees.add(own, -1.0, move)
        is_smaller = norm(root(_stopped(seen), _stopped(moved))) < norm(there)
        is_taken = is_smaller & (trees.dot(move, there) > 0)
        value = jax.tree.map(partial(jnp.where, is_taken), _stopped(moved), _stopped(own))
        change = trees.add(moved, -1.0, _stopped(moved))  # 0, of the derivative that is meant
        return trees.add(value, 1.0, change)


def _stopped(tree: PyTree) -> PyTree:
    return jax.tree.map(lax.stop_gradient, tree)


def _relative(tree: Params, other: Params) -> Array:
    """‖tree‖ / ‖other‖; of zeros, ‖tree‖."""
    scale = norm(other)
    return norm(tree) / jnp.where(scale > 0, scale, 1.0)


def _neumann(
    operator: Callable[[Params], Params], rhs: Params, rate: Array | float, num_terms: int
) -> Solution:
    """η Σ_{i < n} (I - η A)ⁱ b, about A⁻¹ b where it contracts."""

    def gap(total: Params) -> Params:
        return trees.add(rhs, -1.0, operator(total))

    def term(total: Params, _: None) -> tuple[Params, None]:
        return trees.add(total, rate, gap(total)), None

    total, _ = lax.scan(term, trees.zeros(rhs), length=num_terms)
    residual = _relative(gap(total), rhs)
    return Solution(total, residual, (residual < 1.0).astype(residual.dtype))
