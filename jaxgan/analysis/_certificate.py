"""What kind of equilibrium a point is: local Nash, local minimax, or neither."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from jaxgan.analysis._definite import Definiteness, definiteness
from jaxgan.core.field import Field, linearize
from jaxgan.core.game import Game, warn_if_detached
from jaxgan.core.ranges import Count, Decay, Index, OpenFraction, Positive, checked
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, Batch, PlayerTree
from jaxgan.fields import gradient, solve, stackelberg, trees

Kind = Literal[
    "local Nash", "local minimax", "local Stackelberg", "neither", "undecided", "no equilibrium"
]
Player = Literal["gen", "disc"]
Point = tuple[PlayerTree, PlayerTree, Batch, Context]


class Certificate(NamedTuple):
    """What kind of equilibrium a point of a game is.

    Attributes:
      kind: the verdict. A local Nash equilibrium of a zero-sum game is local minimax too.
      is_nash: whether it is a local Nash equilibrium; None where that is undecided.
      is_stackelberg: whether it is a local Stackelberg equilibrium, in zero-sum games a local
        minimax point; None where that is undecided, or the players are not `gen` and `disc`.
      norm: ‖ξ‖, the norm of all players' gradients.
      blocks: by player, what the Hessian of its own loss is; under `"stackelberg"` what the Schur
        complement, or the total second derivative, is, where it could be formed.
      failure: the probability that a confirmation among these is wrong, at most.
      text: all that in words.
    """

    kind: Kind
    is_nash: bool | None
    is_stackelberg: bool | None
    norm: float
    blocks: Mapping[str, Definiteness]
    failure: float
    text: str


@checked
def certificate(
    field: Field,
    params: PlayerTree,
    net_state: PlayerTree,
    batch: Batch,
    context: Context,
    *,
    leader: Player = "gen",
    max_norm: Positive = 1e-3,
    num_vectors: Count = 64,
    num_starts: Count = 2,
    failure: OpenFraction = 1e-3,
    tolerance: Decay | None = None,
    tol: Positive | None = None,
    max_iterations: Count = 500,
    seed: Index = 0,
) -> Certificate:
    r"""Whether a point is a local Nash equilibrium, a local minimax point, or neither.

    Where every player's gradient is 0, the point is a strict local Nash equilibrium if the Hessian
    of each player's own loss is positive definite, and none if one has a negative eigenvalue. In a
    zero-sum game, f the leader's loss, it is a strict local minimax point if

    .. math:: D_{22} f \prec 0, \quad D_{11} f - D_{12} f\, (D_{22} f)^{-1} D_{21} f \succ 0,

    and none if the first or, after it, the second has an eigenvalue of the wrong sign. In any other
    game of two players the second is the total second derivative of the leader's loss along the
    follower's best response, the point is one where the leader's total derivative and the
    follower's gradient are 0, and the notion is a local Stackelberg equilibrium.

    The matrices are never formed. Lanczos iterations from random starts find a Ritz value of the
    wrong sign, which disproves, or a bound above 0, which confirms with a stated probability over
    the starts (see `docs/certificates.md` for the bound). What is between is undecided; a singular
    matrix always is, and a network's often are. The verdict is that of the game on this batch and
    these latents.

    Args:
      field: any field of the game; the certificate is of the game and its own gradients.
      params: the point.
      net_state: the players' network states.
      batch: real data.
      context: what may be known about training; its key fixes all draws.
      leader: the player that moves first, in a game of `gen` and `disc`.
      max_norm: a point where the gradients are longer is no equilibrium. The Hessians are reported
        all the same.
      num_vectors: products for each random start; with as many as a player has parameters the
        verdict is sure. Memory for so many vectors of a player's parameters.
      num_starts: how many random starts.
      failure: the probability of a wrong bound that is allowed for each matrix.
      tolerance: what counts as 0, relative to the largest magnitude of a Ritz value; by default
        1e-6, and 1e-3 in single precision.
      tol: relative residual of the linear solves with the follower's Hessian; by default 1e-10,
        and 1e-5 in single precision.
      max_iterations: of these solves.
      seed: of the starts.

    Returns:
      A `Certificate`.

    Raises:
      ValueError: for a wrong option, or if a Hessian is not finite.

    Example:
      The origin is a minimax point of f = -3x² + 4xy - y², though the generator's loss is concave:

      >>> from jaxgan.games import quadratic
      >>> one, key = jnp.eye(1), jax.random.key(0)
      >>> field = gradient(quadratic(-6 * one, 4 * one, 2 * one))
      >>> origin = {"gen": jnp.zeros(1), "disc": jnp.zeros(1)}
      >>> found = certificate(field, origin, {"gen": {}, "disc": {}}, {}, Context(key))
      >>> found.kind, found.is_nash, found.blocks["stackelberg"].smallest
      ('local minimax', False, 2.0)
      >>> ones = {"gen": jnp.ones(1), "disc": jnp.ones(1)}
      >>> print(certificate(field, ones, {"gen": {}, "disc": {}}, {}, Context(key)).text[:54])
      no equilibrium: the norm of the gradients is 2.83, abo

    References:
      Jin, Netrapalli & Jordan, 2020 (arXiv:1902.00618); Fiez, Chasnov & Ratliff, 2020
      (arXiv:1906.01217); Kuczynski & Wozniakowski, 1992 (SIAM J. Matrix Anal. Appl. 13).
    """
    warn_if_detached(field.game, "certificate")
    base = _gradient(field.game)
    point: Point = (params, net_state, batch, context)
    check = partial(
        definiteness,
        num_starts=num_starts,
        num_vectors=num_vectors,
        failure=failure,
        tolerance=tolerance,
        seed=seed,
    )
    pull, _, _ = base.apply(params, base.init(params), net_state, batch, context)
    norm = _norm(pull)
    players = sorted(params, key=lambda player: (player != "gen", player))
    blocks = {p: check(_Hessian(base, p), point, ravel_pytree(params[p])[0]) for p in players}
    follower: Player = "disc" if leader == "gen" else "gen"
    is_pair, follower_norm = set(params) == {leader, follower}, norm
    if is_pair and blocks[follower].is_definite:
        vector, _ = ravel_pytree(params[leader])
        tol = tol if tol is not None else 1e-10 if vector.dtype == jnp.float64 else 1e-5
        reduced = _Reduced(base, leader, follower, tol, max_iterations)
        found = check(reduced, point, vector)
        gap = float(reduced.solved(point, jnp.asarray(found.vector, vector.dtype)))
        blocks["stackelberg"] = found if gap <= 10 * tol else _unsolved(found, follower, gap)
        if not base.game.is_zero_sum:
            follower_norm = _norm(reduced.total().apply(*_at(reduced.total(), point))[0])
    is_nash = _both(norm <= max_norm, *(blocks[player].is_definite for player in params))
    is_stackelberg = None
    if is_nash and is_pair and base.game.is_zero_sum:
        is_stackelberg = True
    elif is_pair:
        last = blocks["stackelberg"].is_definite if "stackelberg" in blocks else None
        is_stackelberg = _both(follower_norm <= max_norm, blocks[follower].is_definite, last)
    kind = _kind(base, is_nash, is_stackelberg, min(norm, follower_norm) <= max_norm)
    total = sum(block.failure for block in blocks.values() if block.is_definite)
    text = _text(kind, base, norm, max_norm, blocks)
    return Certificate(kind, is_nash, is_stackelberg, norm, blocks, total, text)


@functools.lru_cache(maxsize=16)
def _gradient(game: Game) -> Field:
    """One field for each game, so that its compiled programs are kept."""
    return gradient(game)


@dataclass(frozen=True)
class _Hessian:
    """v -> D²L v of a player's own loss, on vectors."""

    field: Field
    player: str

    def __call__(self, point: Point) -> Callable[[Array], Array]:
        params, net_state, batch, context = point
        start, unravel = ravel_pytree(params[self.player])

        def pull(own: Array) -> Array:
            here = {**params, self.player: unravel(own)}
            grads, _, _ = self.field.apply(here, self.field.init(here), net_state, batch, context)
            return ravel_pytree(grads[self.player])[0]

        return jax.linearize(pull, start)[1]


@dataclass(frozen=True)
class _Reduced:
    """v -> the leader's second derivative along the follower's best response, on vectors."""

    field: Field
    leader: Player
    follower: Player
    tol: float
    max_iterations: int

    def __call__(self, point: Point) -> Callable[[Array], Array]:
        product = self._make(point)
        return lambda v: product(v)[0]

    @partial(jax.jit, static_argnums=0)
    def solved(self, point: Point, vector: Array) -> Array:
        """The relative residual of the solve with the follower's Hessian in one product."""
        return self._make(point)(vector)[1]

    def total(self) -> Field:
        """The leader's total derivative and the follower's gradient."""
        return stackelberg(
            self.field, leader=self.leader, tol=self.tol, max_iterations=self.max_iterations
        )

    def _make(self, point: Point) -> Callable[[Array], tuple[Array, Array]]:
        params, net_state, batch, context = point
        leader, follower = self.leader, self.follower
        memory = self.field.init(params)
        jvp = linearize(self.field, params, memory, net_state, batch, context).jvp
        none, unravel = trees.zeros(params), ravel_pytree(params[leader])[1]
        total = None if self.field.game.is_zero_sum else self.total()

        def product(v: Array) -> tuple[Array, Array]:
            own = {**none, leader: unravel(v)}
            moved = jvp(own)
            found = solve(
                lambda x: jvp({**none, follower: x})[follower],
                trees.scaled(moved[follower], -1.0),
                none[follower],
                solver="cg",
                tol=self.tol,
                max_iterations=self.max_iterations,
            )
            answer = {**none, follower: found.value}
            if total is None:
                out = trees.add(moved[leader], 1.0, jvp(answer)[leader])
            else:
                out = _derivative(total, point, {**own, follower: found.value})[leader]
            return ravel_pytree(out)[0], found.residual

        return product


def _derivative(field: Field, point: Point, tangent: PlayerTree) -> PlayerTree:
    params, memory, net_state, batch, context = _at(field, point)

    def pull(params: PlayerTree) -> PlayerTree:
        return field.apply(params, memory, net_state, batch, context)[0]

    derivative: PlayerTree = jax.jvp(pull, (params,), (tangent,))[1]
    return derivative


def _at(field: Field, point: Point) -> tuple[PlayerTree, Any, PlayerTree, Batch, Context]:
    params, net_state, batch, context = point
    return params, field.init(params), net_state, batch, context


def _norm(pull: PlayerTree) -> float:
    return float(jnp.sqrt(trees.dot(pull, pull)))


def _unsolved(found: Definiteness, follower: str, residual: float) -> Definiteness:
    text = (
        f"undecided: the solve with the Hessian of {follower} stopped at a relative residual of "
        f"{residual:.2g}; raise max_iterations"
    )
    return found._replace(is_definite=None, lower=-math.inf, failure=1.0, text=text)


def _both(is_equilibrium: bool, *conditions: bool | None) -> bool | None:
    """Whether all of them hold; None if that is open."""
    if not is_equilibrium or False in conditions:
        return False
    return None if None in conditions else True


def _kind(
    field: Field, is_nash: bool | None, is_stackelberg: bool | None, is_equilibrium: bool
) -> Kind:
    if not is_equilibrium:
        return "no equilibrium"
    if is_nash:
        return "local Nash"
    if is_stackelberg:
        return "local minimax" if field.game.is_zero_sum else "local Stackelberg"
    return "undecided" if is_nash is None or is_stackelberg is None else "neither"


def _text(
    kind: Kind,
    field: Field,
    norm: float,
    max_norm: float,
    blocks: Mapping[str, Definiteness],
) -> str:
    above = f", above {max_norm:.3g}" if norm > max_norm else ""
    reduced = "Schur complement" if field.game.is_zero_sum else "total second derivative"
    said = [
        f"the {reduced} {block.text}"
        if name == "stackelberg"
        else f"the Hessian of {name} {block.text}"
        for name, block in blocks.items()
    ]
    return f"{kind}: the norm of the gradients is {norm:.3g}{above}; {'; '.join(said)}"
