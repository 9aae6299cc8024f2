"""Unrolling: a player that looks ahead through the steps its opponent is about to take."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import lax

from jaxgan import optimizers as opt
from jaxgan.core.derivatives import held, reaches
from jaxgan.core.game import Game, Played, warn_if_detached
from jaxgan.core.ranges import Depth, Repeats, checked
from jaxgan.core.state import Context, stream
from jaxgan.core.typing import Array, Batch, Params, PlayerTree, PyTree, Scene

_BATCH = "unrolled/batch"
_MAX_FLAT_STEPS = 16
"""Up to so many inner steps their states are all kept; beyond, every √k-th one."""


class _Opponent(NamedTuple):
    """What an inner step changes."""

    params: Params
    net_state: PyTree
    opt_state: PyTree


@checked
def unrolled(
    game: Game,
    *,
    player: str = "gen",
    opponent: str = "disc",
    num_steps: Depth,
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

    The first-order gradient has the true Jacobian of that formula: a `consensus` or a spectrum on
    top of it sees how ψ_k moves. Network state changed in inner steps is dropped after them. What
    the discriminator looks at (G(z)) is made once for all inner steps where it does not depend on
    the opponent, and again in each where it does: where the opponent is the generator, or where the
    latents follow the discriminator's gradient (LOGAN).

    Args:
      game: the game as it is played without lookahead.
      player: who looks ahead.
      opponent: whose steps are foreseen.
      num_steps: k; 0 is `game` itself.
      mode: whether dψ_k/dθ is part of the gradient.
      inner: the optimizer of the inner steps; by default the opponent's own, from the context.
      inner_state: "live" starts it from the opponent's moments and count of this moment, "fresh"
        from zero.
      inner_batch: "same" plays all inner steps and the outer loss on one batch, as Metz et al. do;
        "fresh" splits the batch into k + 1 parts, one for each inner step and the last for the
        outer loss. The opponent's own loss sees the whole batch either way.
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
    played = _Unrolled(
        game=game,
        player=player,
        opponent=opponent,
        num_steps=num_steps,
        mode=mode,
        inner=inner,
        inner_state=inner_state,
        inner_batch=inner_batch,
        remat=remat,
        unroll=unroll,
    )
    played.check()
    if num_steps == 0:
        return game
    if mode == "exact":
        warn_if_detached(game, "unrolled")
    return game._replace(
        generate=played.generate,
        losses=played.losses,
        couples_batch=True,
        is_zero_sum=False,
        is_unrolled=True,
    )


@dataclass(frozen=True, eq=False)
class _Unrolled:
    game: Game
    player: str
    opponent: str
    num_steps: int
    mode: Literal["exact", "first_order"]
    inner: optax.GradientTransformation | None
    inner_state: Literal["live", "fresh"]
    inner_batch: Literal["same", "fresh"]
    remat: bool
    unroll: int

    def check(self) -> None:
        players, player, opponent = self.game.players, self.player, self.opponent
        for name, who in (("player", player), ("opponent", opponent)):
            if who not in players:
                raise ValueError(f"{name} is {who!r}; the game's players are {list(players)}")
        if player == opponent:
            raise ValueError(f"player and opponent are both {player!r}; they must differ")
        if self.inner is not None:
            params, _ = jax.eval_shape(self.game.init, jax.random.key(0))
            check_differentiable(self.inner, params[opponent])

    def generate(
        self, params: PlayerTree, net_state: PlayerTree, batch: Batch, context: Context
    ) -> tuple[Scene, PlayerTree]:
        scene, new_state = self.game.generate(params, net_state, batch, context)
        if self.depends(params, net_state, batch, context):
            scene = {**scene, _BATCH: batch}
        return scene, new_state

    def depends(
        self, params: PlayerTree, net_state: PlayerTree, batch: Batch, context: Context
    ) -> bool:
        """Whether the scene depends on what a lookahead changes of the opponent."""
        opponent = self.opponent

        def scene(changed: PyTree, params: PlayerTree, net_state: PlayerTree) -> Scene:
            own, own_state = changed
            everyone, states = {**params, opponent: own}, {**net_state, opponent: own_state}
            return self.game.generate(everyone, states, batch, context)[0]

        changed = (params[opponent], net_state[opponent])
        jaxpr = jax.make_jaxpr(scene)(changed, params, net_state).jaxpr
        return reaches(jaxpr, len(jax.tree.leaves(changed)))

    def losses(
        self, params: PlayerTree, net_state: PlayerTree, scene: Scene, context: Context
    ) -> Played:
        player, opponent = self.player, self.opponent
        values, (new_state, metrics, outputs) = self.game.losses(params, net_state, scene, context)
        last = scene
        if self.inner_batch == "fresh":
            scene = _split(scene, self.num_steps + 1)
            last = _part(scene, self.num_steps)
        own, own_state = self.look_ahead(params, net_state, scene, context)
        if self.mode == "first_order":
            own, own_state = held((own, own_state), params)
        ahead, (ahead_state, ahead_metrics, _) = self.play(
            {**params, opponent: own}, {**net_state, opponent: own_state}, last, context
        )
        values = {**values, player: ahead[player]}
        new_state = {**new_state, player: ahead_state[player]}
        metrics = {**metrics, player: ahead_metrics[player]}
        return values, (new_state, metrics, outputs)

    def play(
        self, params: PlayerTree, net_state: PlayerTree, scene: Scene, context: Context
    ) -> Played:
        """The game's losses; a scene that depends on the opponent is generated again."""
        if _BATCH in scene:
            scene, net_state = self.game.generate(params, net_state, scene[_BATCH], context)
        return self.game.losses(params, net_state, scene, context)

    def look_ahead(
        self, params: PlayerTree, net_state: PlayerTree, scene: Scene, context: Context
    ) -> tuple[Params, PyTree]:
        """The opponent's parameters and network state after the inner steps."""
        opponent = self.opponent
        optimizer, opt_state = self.inner_optimizer(context, params[opponent])

        def loss(
            params: PlayerTree, net_state: PlayerTree, scene: Scene, context: Context
        ) -> tuple[Array, PlayerTree]:
            values, (new_state, _, _) = self.play(params, net_state, scene, context)
            return values[opponent], new_state

        def step(carry: _Opponent, index: Array) -> tuple[_Opponent, None]:
            part = scene
            here = replace(
                context,
                updates={**context.updates, opponent: context.num_updates(opponent) + index},
                opt_state={**context.opt_state, opponent: carry.opt_state},
            )
            if self.inner_batch == "fresh":
                part = _part(scene, index)
                here = replace(here, key=stream(context.key, "unrolled", index))
            # In all players' parameters, as the base field has it, for what is `held` in them.
            grads, states = jax.grad(loss, has_aux=True)(
                {**params, opponent: carry.params},
                {**net_state, opponent: carry.net_state},
                part,
                here,
            )
            moved, opt_state = opt.update(optimizer, grads[opponent], carry.opt_state, carry.params)
            return _Opponent(moved, states[opponent], opt_state), None

        start = _Opponent(params[opponent], net_state[opponent], opt_state)
        end = _scan(step, start, self.num_steps, self.remat, self.unroll)
        return end.params, end.net_state

    def inner_optimizer(
        self, context: Context, params: Params
    ) -> tuple[optax.GradientTransformation, PyTree]:
        """The optimizer of the inner steps, and the state that it starts from."""
        opponent = self.opponent
        if self.inner is not None:
            optimizer = self.inner
        elif opponent in dict(context.optimizers):
            optimizer = dict(context.optimizers)[opponent]
            check_differentiable(optimizer, params)
        else:
            raise ValueError(
                f"unrolled: the context has no optimizer of {opponent!r} to foresee; give inner=, "
                "or a Context with optimizers and opt_state"
            )
        if self.inner_state == "fresh":
            return optimizer, opt.init(optimizer, params)
        if opponent not in context.opt_state:
            raise ValueError(
                f"unrolled: the context has no live optimizer state of {opponent!r}; "
                "give inner_state='fresh', or a Context with opt_state"
            )
        live = context.opt_state[opponent]
        fresh = jax.eval_shape(lambda: opt.init(optimizer, params))
        if jax.tree.map(jnp.shape, live) != jax.tree.map(jnp.shape, fresh):
            raise ValueError(
                f"unrolled: the live optimizer state of {opponent!r} is not one of the inner "
                "optimizer's; give inner_state='fresh', or leave inner= away"
            )
        return optimizer, live


def check_differentiable(optimizer: optax.GradientTransformation, params: Params) -> None:
    """Raises if an optimizer's update has no finite derivative at a gradient of zero.

    Args:
      optimizer: any Optax transformation.
      params: arrays or their shapes; the probe uses the same tree with small leaves.

    Raises:
      ValueError: naming `eps_root`.

    Example:
      >>> check_differentiable(opt.adam(1e-3), jnp.zeros(3))
      >>> check_differentiable(optax.adam(1e-3), jnp.zeros(3))
      Traceback (most recent call last):
      ...
      ValueError: the inner optimizer's derivative at zero gradient is not finite, so a dead unit \
would make the unrolled gradient NaN: give Adam eps_root > 0 (jaxgan.optimizers do, 1e-16), and \
leave out clipping by a norm that may be 0

    References:
      Adam inside MAML: the eps_root of `optax.adam`.
    """

    def is_finite(parity: int) -> bool:
        """Where every other leaf of the gradient is zero, and a part of each of the rest."""
        leaves, structure = jax.tree.flatten(probe)
        grads = [
            jnp.zeros_like(x) if i % 2 == parity or not x.ndim else x.at[..., 0].set(0)
            for i, x in enumerate(leaves)
        ]
        # In reverse, as it will be used: a branch not taken passes NaN on in that mode only.
        _, pull_back = jax.vjp(twice, jax.tree.unflatten(structure, grads))
        return all(bool(jnp.isfinite(x).all()) for x in jax.tree.leaves(pull_back(probe)))

    def twice(grads: PyTree) -> Params:
        moved, opt_state = opt.update(optimizer, grads, opt.init(optimizer, probe), probe)
        return opt.update(optimizer, grads, opt_state, moved)[0]

    with jax.ensure_compile_time_eval():
        probe = jax.tree.map(lambda x: jnp.ones((2,) * x.ndim, x.dtype), params)
        try:
            is_safe = is_finite(0) and is_finite(1)
        except jax.errors.ConcretizationTypeError:
            return  # Under `vmap` over learning rates there is no number to look at.
    if not is_safe:
        raise ValueError(
            "the inner optimizer's derivative at zero gradient is not finite, so a dead unit would "
            "make the unrolled gradient NaN: give Adam eps_root > 0 (jaxgan.optimizers do, 1e-16), "
            "and leave out clipping by a norm that may be 0"
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


def _scan(
    step: Callable[[_Opponent, Array], tuple[_Opponent, None]],
    start: _Opponent,
    num_steps: int,
    remat: bool,
    unroll: int,
) -> _Opponent:
    """`num_steps` steps; the backward pass keeps about 2 √k states when they are many."""

    def keep(body: Callable[[_Opponent, Array], Any]) -> Callable[[_Opponent, Array], Any]:
        # Inside a scan nothing is merged with the forward pass, so no barrier is needed.
        return jax.checkpoint(body, prevent_cse=False) if remat else body

    def run(carry: _Opponent, indices: Array) -> tuple[_Opponent, None]:
        return lax.scan(keep(step), carry, indices, unroll=unroll)

    indices = jnp.arange(num_steps, dtype=jnp.int32)
    if not remat or num_steps <= _MAX_FLAT_STEPS:
        return run(start, indices)[0]
    size = math.isqrt(num_steps)
    whole = num_steps - num_steps % size
    end, _ = lax.scan(keep(run), start, indices[:whole].reshape(-1, size))
    return run(end, indices[whole:])[0] if whole < num_steps else end
