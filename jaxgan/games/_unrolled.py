"""Unrolling: a player that looks ahead through the steps its opponent is about to take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import lax

from jaxgan import optimizers as opt
from jaxgan.core.derivatives import held
from jaxgan.core.errors import bad_value
from jaxgan.core.game import Game, Played, warn_if_detached
from jaxgan.core.loops import Carry, checkpointed_scan
from jaxgan.core.ranges import Depth, OpenFraction, Repeats, checked
from jaxgan.core.state import Context, stream
from jaxgan.core.typing import Array, Params, PlayerTree, PyTree, Scene
from jaxgan.games._inner import check_differentiable, inner_optimizer
from jaxgan.games._lookahead import Lookahead, lookahead, norm


class _Opponent(NamedTuple):
    """What an inner step changes."""

    params: Params
    net_state: PyTree
    opt_state: PyTree


class _Search(NamedTuple):
    """Steps until the opponent's gradient is small, and how small it was."""

    opponent: _Opponent
    first: Array
    last: Array
    num_steps: Array

    @property
    def residual(self) -> Array:
        """‖∇_ψ L_opponent‖ at the last step, relative to the first."""
        return self.last / jnp.where(self.first > 0, self.first, 1.0)


@checked
def unrolled(
    game: Game,
    *,
    player: str | Sequence[str] = "gen",
    opponent: str = "disc",
    num_steps: Depth | Literal["auto"],
    tolerance: OpenFraction = 0.1,
    max_steps: Repeats = 100,
    mode: Literal["exact", "first_order"] = "exact",
    inner: optax.GradientTransformation | None = None,
    inner_state: Literal["live", "fresh"] = "live",
    inner_batch: Literal["same", "fresh"] = "same",
    remat: bool = True,
    unroll: Repeats = 1,
) -> Game:
    """Lets one player descend its loss against the opponent as it will be k steps later.

    L_player(θ) = L(θ, ψ_k(θ)) with ψ_0 = ψ and ψ_{i+1} = optimizer(ψ_i, ∇_ψ L_opponent(θ, ψ_i)).
    The opponent's own loss is left alone: it takes its ordinary step. The gradient is

    exact:        ∂L/∂θ + (dψ_k/dθ)ᵀ ∂L/∂ψ, through every inner step and its optimizer;
    first order:  ∂L/∂θ at (θ, ψ_k), the second term left out.

    Several players look ahead side by side: ψ_k answers all of them, and each has the gradient of
    its own loss. One call in another would trace the game 3ⁿ times for n players, this 3 times.

    The first-order gradient has the true Jacobian of that formula: a `consensus` or a spectrum on
    top of it sees how ψ_k moves. Network state changed in inner steps is dropped after them. What
    the discriminator looks at (G(z)) is made once for all inner steps where it does not depend on
    the opponent, and again in each where it does: where the opponent is the generator, or where the
    latents follow the discriminator's gradient (LOGAN).

    Args:
      game: the game as it is played without lookahead.
      player: who looks ahead, one or several.
      opponent: whose steps are foreseen.
      num_steps: k; 0 is `game` itself. "auto" steps until a step follows a gradient of at most
        `tolerance` times the norm of the first one, and logs k and that residual of whoever looks
        ahead, `unrolled_steps` and `response_residual`. What is left of `max_steps` is skipped;
        under `vmap`, where members stop at different k, it is computed and dropped.
      tolerance: of "auto"; k itself is held constant in all derivatives.
      max_steps: of "auto", the most steps.
      mode: whether dψ_k/dθ is part of the gradient.
      inner: the optimizer of the inner steps; by default the opponent's own, from the context.
      inner_state: "live" starts it from the opponent's moments and count of this moment, "fresh"
        from zero.
      inner_batch: "same" plays all inner steps and the outer loss on one batch, as Metz et al. do;
        "fresh", which "auto" refuses, splits the batch into k + 1 parts, one for each inner step
        and the last for the outer loss. The opponent's own loss sees the whole batch either way.
      remat: recompute an inner step in the backward pass instead of keeping its activations, and
        beyond 16 steps keep every √k-th state only.
      unroll: inner steps per iteration of the compiled loop: faster on a CPU, slower to compile.

    Returns:
      A `Game`. Its losses couple the examples of a batch, for the inner steps are means over it.

    Raises:
      ValueError: for a wrong argument; if the inner optimizer has no finite derivative at zero
        gradient (Adam without `eps_root`), where every unit that is dead makes the gradient NaN;
        and, when played, if there is no optimizer, its state is not that of the opponent's own, or
        the batch cannot be split.

    Example:
      On the Dirac-GAN the eigenvalues at the equilibrium gain a real part of -k η f'(0)²:

      >>> from jaxgan.games import dirac
      >>> game = unrolled(dirac(), num_steps=10, inner=opt.sgd(0.2), inner_state="fresh")
      >>> _, net_state = game.init(jax.random.key(0))
      >>> batch, context = {"image": jnp.zeros((1, 1))}, Context(jax.random.key(0))
      >>> def loss(theta):
      ...     params = {"gen": theta, "disc": jnp.zeros(1)}
      ...     scene, _ = game.generate(params, net_state, batch, context)
      ...     return game.losses(params, net_state, scene, context)[0]["gen"]
      >>> print(round(float(jax.hessian(loss)(jnp.zeros(1))[0, 0]), 6))  # 2 k η f'(0)²
      1.0

    References:
      Metz et al., 2017 (arXiv:1611.02163); checkpoints: Griewank & Walther, 2000.
    """
    ahead = lookahead(game, player=player, opponent=opponent)
    is_auto = num_steps == "auto"
    if is_auto and inner_batch == "fresh":
        raise ValueError(bad_value("inner_batch", inner_batch, "'same', as num_steps is 'auto'"))
    if inner is not None:
        params, _ = jax.eval_shape(game.init, jax.random.key(0))
        check_differentiable(inner, params[opponent])
    played = _Unrolled(
        ahead=ahead,
        num_steps=max_steps if num_steps == "auto" else num_steps,
        tolerance=tolerance if is_auto else None,
        mode=mode,
        inner=inner,
        inner_state=inner_state,
        inner_batch=inner_batch,
        remat=remat,
        unroll=unroll,
    )
    if num_steps == 0:
        return game
    if mode == "exact":
        warn_if_detached(game, "unrolled")
    return game._replace(
        generate=ahead.generate,
        losses=played.losses,
        couples_batch=True,
        is_zero_sum=False,
        is_unrolled=True,
    )


@dataclass(frozen=True, eq=False)
class _Unrolled:
    ahead: Lookahead
    num_steps: int
    tolerance: Array | float | None
    mode: Literal["exact", "first_order"]
    inner: optax.GradientTransformation | None
    inner_state: Literal["live", "fresh"]
    inner_batch: Literal["same", "fresh"]
    remat: bool
    unroll: int

    def losses(
        self, params: PlayerTree, net_state: PlayerTree, scene: Scene, context: Context
    ) -> Played:
        opponent = self.ahead.opponent
        played = self.ahead.game.losses(params, net_state, scene, context)
        last = scene
        if self.inner_batch == "fresh":
            scene = _split(scene, self.num_steps + 1)
            last = _part(scene, self.num_steps)
        own, own_state, said = self.look_ahead(params, net_state, scene, context)
        if self.mode == "first_order":
            own, own_state = held((own, own_state), params)
        values, (states, metrics, outputs) = self.ahead.play(
            {**params, opponent: own}, {**net_state, opponent: own_state}, last, context
        )
        metrics = {player: {**one, **said} for player, one in metrics.items()}
        return self.ahead.answered(played, (values, (states, metrics, outputs)))

    def look_ahead(
        self, params: PlayerTree, net_state: PlayerTree, scene: Scene, context: Context
    ) -> tuple[Params, PyTree, dict[str, Array]]:
        """The opponent's parameters and network state after the inner steps, and metrics."""
        opponent = self.ahead.opponent
        optimizer, opt_state = inner_optimizer(
            self.inner,
            caller="unrolled",
            is_fresh=self.inner_state == "fresh",
            opponent=opponent,
            params=params[opponent],
            context=context,
        )
        if self.inner is None:
            check_differentiable(optimizer, params[opponent])

        def step(carry: _Opponent, index: Array) -> tuple[_Opponent, Params]:
            """One step, and the gradient that it followed."""
            part = scene
            here = replace(
                context,
                updates={**context.updates, opponent: context.num_updates(opponent) + index},
                opt_state={**context.opt_state, opponent: carry.opt_state},
            )
            if self.inner_batch == "fresh":
                part = _part(scene, index)
                here = replace(here, key=stream(context.key, "unrolled", index))
            everyone = {**params, opponent: carry.params}
            states = {**net_state, opponent: carry.net_state}
            grads, own_state = self.ahead.opponents_gradient(everyone, states, part, here)
            moved, opt_state = opt.update(optimizer, grads, carry.opt_state, carry.params)
            return _Opponent(moved, own_state, opt_state), grads

        start = _Opponent(params[opponent], net_state[opponent], opt_state)
        if self.tolerance is None:
            end = self.scan(lambda carry, index: (step(carry, index)[0], None), start)
            return end.params, end.net_state, {}
        search = self.searched(step, start)
        said = {
            "response_residual": search.residual,
            "unrolled_steps": search.num_steps.astype(search.last.dtype),
        }
        return search.opponent.params, search.opponent.net_state, said

    def searched(
        self, step: Callable[[_Opponent, Array], tuple[_Opponent, Params]], start: _Opponent
    ) -> _Search:
        """Steps until the gradient is small, in a loop of fixed length that skips the rest."""

        def go(search: _Search) -> _Search:
            moved, grads = step(search.opponent, search.num_steps)
            last = norm(grads)
            first = jnp.where(search.num_steps == 0, last, search.first)
            return _Search(moved, first, last, search.num_steps + 1)

        def until(search: _Search, _: Array) -> tuple[_Search, None]:
            is_done = search.residual <= jnp.asarray(self.tolerance, search.last.dtype)
            return lax.cond(is_done, lambda same: same, go, search), None

        scale = jnp.ones_like(norm(start.params))
        search = _Search(start, scale, scale * jnp.inf, jnp.int32(0))
        return self.scan(until, search)

    def scan(self, step: Callable[[Carry, Array], tuple[Carry, None]], start: Carry) -> Carry:
        return checkpointed_scan(
            step,
            start,
            jnp.arange(self.num_steps, dtype=jnp.int32),
            length=self.num_steps,
            remat=self.remat,
            unroll=self.unroll,
        )


def _split(scene: Scene, num_parts: int) -> Scene:
    """The scene with an axis of parts in front of the batch's."""
    sizes = {jnp.shape(leaf)[:1] for leaf in jax.tree.leaves(scene)}
    if any(not size or size[0] % num_parts for size in sizes):
        raise ValueError(
            f"inner_batch is 'fresh': a batch of {sorted(size[0] for size in sizes if size)} "
            f"does not split into num_steps + 1 = {num_parts} parts"
        )
    parts: Scene = jax.tree.map(
        lambda x: x.reshape(num_parts, x.shape[0] // num_parts, *x.shape[1:]), scene
    )
    return parts


def _part(scene: Scene, index: Array | int) -> Scene:
    part: Scene = jax.tree.map(lambda x: lax.dynamic_index_in_dim(x, index, keepdims=False), scene)
    return part
