"""How much either player of a zero-sum game could still gain."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax

from jaxgan.core import optimizer as opt
from jaxgan.core.errors import InputError
from jaxgan.core.game import Game
from jaxgan.core.ranges import Count, Index, checked
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, Batch, Key, PlayerTree, PyTree
from jaxgan.fields import Field
from jaxgan.optimizers import adam

SIGNS = {"gen": 1.0, "disc": -1.0}
"""Of f in each player's loss."""


class DualityGap(NamedTuple):
    """What the players of a zero-sum game could gain by answering alone.

    Attributes:
      gap: highest - lowest, a lower bound of the duality gap.
      value: f at the point, the generator's loss.
      highest: f at the best discriminator that was found against this generator.
      lowest: f at the best generator that was found against this discriminator.
      starts: by player, f at the best response from each start, of shape [num_starts]; the first
        start is the point itself.
    """

    gap: float
    value: float
    highest: float
    lowest: float
    starts: Mapping[str, np.ndarray]


@checked
def duality_gap(
    field: Field,
    params: PlayerTree,
    net_state: PlayerTree,
    batch: Batch,
    context: Context,
    *,
    optimizer: optax.GradientTransformation | None = None,
    num_steps: Count = 1000,
    num_starts: Count = 4,
    test: tuple[Batch, Context] | None = None,
    seed: Index = 0,
) -> DualityGap:
    """A lower bound of the duality gap of a zero-sum game, by trained best responses.

    DG(x, y) = max_y' f(x, y') - min_x' f(x', y), which is 0 at a Nash equilibrium and positive
    everywhere else. Each player is trained alone against the other as it is, from the point and
    from fresh parameters, side by side; the best response met on the way counts. Training finds no
    better one than there is, so that the true gap of this batch and these latents is at least what
    is returned: a large gap is a fact, a small one may be a response that was not found.

    Args:
      field: any field of the game.
      params: the point (x, y).
      net_state: the players' network states.
      batch: real data, the same at all steps; the larger, the less a response can fit it alone.
      context: what may be known about training; its key fixes the latents.
      optimizer: of the responses; Adam with a rate of 1e-3 by default.
      num_steps: of each response.
      num_starts: how many starts of each player.
      test: (batch, context) on which the responses are compared with the point instead, so that
        nobody gains by memorizing the batch. It is then an estimate, and no bound.
      seed: of the fresh parameters.

    Returns:
      A `DualityGap`.

    Raises:
      InputError: if the game is not zero-sum.

    Example:
      For f = ½ x² + x y - ½ y² at (1, 1) the best answers are y = 1 and x = -1, so that the gap is
      1 - (-1):

      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import quadratic
      >>> from jaxgan.optimizers import sgd
      >>> one, context = jnp.eye(1), Context(jax.random.key(0))
      >>> field = gradient(quadratic(one, one, one))
      >>> params, net_state = field.game.init(context.key)
      >>> found = duality_gap(field, params, net_state, {}, context, optimizer=sgd(0.5),
      ...                     num_steps=50)
      >>> found.value, found.highest, round(found.lowest, 4), round(found.gap, 4)
      (1.0, 1.0, -1.0, 2.0)

    References:
      Grnarova et al., 2019 (arXiv:1811.05512).
    """
    if not field.game.is_zero_sum:
        raise InputError(
            "duality_gap: the game is not zero-sum (minimax or wasserstein loss, no penalty), and "
            "other games have no duality gap"
        )
    made = _adam() if optimizer is None else optimizer
    point, scored = (params, net_state, batch, context), test or (batch, context)
    key, starts, best = jax.random.key(seed), {}, {}
    for player, sign in SIGNS.items():
        own, last = _responses(field.game, made, player, num_steps, num_starts, point, scored, key)
        starts[player] = sign * np.asarray(last)
        best[player] = float(starts[player][int(np.nanargmin(own))])
    value = _value(field.game, params, net_state, *scored)
    return DualityGap(best["disc"] - best["gen"], float(value), best["disc"], best["gen"], starts)


@functools.cache
def _adam() -> optax.GradientTransformation:
    """The same at each call, so that the compiled program is kept."""
    return adam(1e-3)


@partial(jax.jit, static_argnums=(0, 1, 2, 3, 4))
def _responses(
    game: Game,
    optimizer: optax.GradientTransformation,
    player: str,
    num_steps: int,
    num_starts: int,
    point: tuple[PlayerTree, PlayerTree, Batch, Context],
    scored: tuple[Batch, Context],
    key: Key,
) -> tuple[Array, Array]:
    """A player's own loss at its best response from each start, where it was found and `scored`."""
    params, net_state, batch, context = point

    def loss(own: PyTree, own_state: PyTree, seen: tuple[Batch, Context]) -> tuple[Array, PyTree]:
        everyone, states = {**params, player: own}, {**net_state, player: own_state}
        scene, states = game.generate(everyone, states, *seen)
        values, (states, _, _) = game.losses(everyone, states, scene, seen[1])
        return values[player], states[player]

    def keep(best: PyTree, value: Array, own: PyTree, own_state: PyTree) -> PyTree:
        # A response that is lost in NaN is no better.
        return jax.tree.map(partial(jnp.where, value < best[0]), (value, own, own_state), best)

    def train(own: PyTree, own_state: PyTree) -> tuple[Array, Array]:
        def step(carry: PyTree, _: None) -> tuple[PyTree, None]:
            own, own_state, opt_state, best = carry
            (value, after), grads = jax.value_and_grad(loss, has_aux=True)(
                own, own_state, (batch, context)
            )
            best = keep(best, value, own, own_state)
            moved, opt_state = opt.update(optimizer, grads, opt_state, own)
            return (moved, after, opt_state, best), None

        first = loss(own, own_state, (batch, context))[0]
        begin = (own, own_state, opt.init(optimizer, own), (first, own, own_state))
        (own, own_state, _, best), _ = lax.scan(step, begin, None, length=num_steps)
        best = keep(best, loss(own, own_state, (batch, context))[0], own, own_state)
        return best[0], loss(best[1], best[2], scored)[0]

    def start(index: Array) -> PyTree:
        fresh = game.init(jax.random.fold_in(key, index))
        here = (params[player], net_state[player])
        there = tuple(tree[player] for tree in fresh)
        return jax.tree.map(partial(jnp.where, index == 0), here, there)

    return jax.vmap(train)(*jax.vmap(start)(jnp.arange(num_starts)))


@partial(jax.jit, static_argnums=0)
def _value(
    game: Game, params: PlayerTree, net_state: PlayerTree, batch: Batch, context: Context
) -> Array:
    scene, net_state = game.generate(params, net_state, batch, context)
    value: Array = game.losses(params, net_state, scene, context)[0]["gen"]
    return value
