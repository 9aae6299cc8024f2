"""How a game is played: the contract of an algorithm, and what all of them share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxgan.core import optimizer as opt
from jaxgan.core.field import Field
from jaxgan.core.state import Context, TrainState, stream, typed
from jaxgan.core.typing import Array, Batch, Key, Metrics, PlayerTree

Optimizers = Mapping[str, optax.GradientTransformation]


class Algorithm(NamedTuple):
    """A training method: a pure step over a state of arrays.

    Attributes:
      init: (key) -> TrainState.
      step: (TrainState, batch) -> (TrainState, metrics), metrics being scalars by name:
        `loss/gen`, `loss/disc`, `disc/r1`.
      num_batches: leading axes of `batch` in front of the batch axis: `()` where a step consumes
        one batch, `(6,)` where it consumes six, `(10, 6)` for ten such steps in one.
      field: the field that the players follow, for sampling and analysis.
      num_steps: by how many one call of `step` advances.
    """

    init: Callable[[Key], TrainState]
    step: Callable[[TrainState, Batch], tuple[TrainState, Metrics]]
    num_batches: tuple[int, ...]
    field: Field
    num_steps: int = 1


def make_init(field: Field, *, optimizers: Optimizers) -> Callable[[Key], TrainState]:
    """The initial state of an algorithm that keeps one optimizer state per player.

    Args:
      field: the field that the players follow.
      optimizers: one Optax transformation per player.

    Returns:
      (key) -> TrainState, whose key is a typed one even if it is given a raw one.

    Raises:
      ValueError: if the optimizers are not those of the game's players.

    Example:
      >>> import jax
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import bilinear
      >>> from jaxgan.optimizers import sgd
      >>> make_init(gradient(bilinear()), optimizers={"gen": sgd(0.1)})
      Traceback (most recent call last):
      ...
      ValueError: optimizers are given for ['gen']; the game's players are ['disc', 'gen']
    """
    players = field.game.players
    if set(optimizers) != set(players):
        raise ValueError(
            f"optimizers are given for {sorted(optimizers)}; "
            f"the game's players are {sorted(players)}"
        )

    def init(key: Key) -> TrainState:
        key = typed(key)
        params, net_state = field.game.init(stream(key, "init"))
        opt_state = {p: opt.init(optimizers[p], params[p]) for p in params}
        memory = field.init(params)
        return TrainState(
            step=jnp.int32(0),
            key=key,
            params=params,
            net_state=net_state,
            opt_state=opt_state,
            memory=memory,
            ema={},
        )

    return init


def make_context(
    state: TrainState, *, optimizers: Optimizers, updates: Mapping[str, Array], phase: Array | int
) -> Context:
    """The context of one update.

    Args:
      state: the state at the start of the update.
      optimizers: one Optax transformation per player.
      updates: how many updates each player has had.
      phase: which of the step's evaluations this is; each draws its own random numbers.

    Returns:
      A `Context`.

    Example:
      >>> import jax
      >>> state = TrainState(step=jnp.int32(4), key=jax.random.key(0), params={}, net_state={})
      >>> context = make_context(state, optimizers={}, updates={"disc": jnp.int32(8)}, phase=0)
      >>> int(context.num_updates("disc")), int(context.num_updates("gen"))
      (8, 4)
    """
    return Context(
        key=stream(state.key, "step", state.step, phase),
        step=state.step,
        updates=dict(updates),
        opt_state=state.opt_state,
        optimizers=tuple(sorted(optimizers.items())),
    )


def check_batches(batch: Batch, num: int) -> None:
    """Raises unless a batch has as many batches in front as a step's moves take.

    Args:
      batch: arrays, each with an axis of batches in front of the batch axis.
      num: how many a step takes.

    Raises:
      ValueError: naming the number.

    Example:
      >>> check_batches({"image": jnp.ones((3, 8, 2))}, 2)
      Traceback (most recent call last):
      ...
      ValueError: batch has 3 batches in front; it must have 2, one for each of a step's moves
    """
    for leaf in jax.tree.leaves(batch):
        found = jnp.shape(leaf)[:1]
        if found != (num,):
            shown = found[0] if found else "no"
            raise ValueError(
                f"batch has {shown} batches in front; it must have {num}, one for each of a step's "
                "moves"
            )


def flatten_metrics(metrics: Mapping[str, Mapping[str, Array]]) -> Metrics:
    """Names metrics for the log: `loss/gen` for a loss, `disc/r1` for the rest.

    Args:
      metrics: scalars by player and name.

    Returns:
      Scalars by full name.

    Example:
      >>> flatten_metrics({"disc": {"loss": 1.0, "r1": 0.5}})
      {'loss/disc': 1.0, 'disc/r1': 0.5}
    """
    return {
        f"loss/{player}" if name == "loss" else f"{player}/{name}": value
        for player, values in metrics.items()
        for name, value in values.items()
    }


def apply_updates(
    state: TrainState, grads: PlayerTree, *, optimizers: Optimizers, players: tuple[str, ...]
) -> tuple[PlayerTree, PlayerTree]:
    """One optimizer step of each of some players.

    Args:
      state: the state, with all players.
      grads: gradients of at least `players`.
      optimizers: one Optax transformation per player.
      players: who moves.

    Returns:
      (params, opt_state) with all players.

    Example:
      >>> import jax
      >>> from jaxgan import optimizers
      >>> params, sgd = {"gen": jnp.ones(1), "disc": jnp.ones(1)}, optimizers.sgd(0.5)
      >>> opt_state = {p: opt.init(sgd, w) for p, w in params.items()}
      >>> state = TrainState(step=jnp.int32(0), key=jax.random.key(0), params=params, net_state={},
      ...                    opt_state=opt_state)
      >>> sgds = {"gen": sgd, "disc": sgd}
      >>> new, _ = apply_updates(state, params, optimizers=sgds, players=("gen",))
      >>> new["gen"].tolist(), new["disc"].tolist()
      ([0.5], [1.0])
    """
    params, opt_state = dict(state.params), dict(state.opt_state)
    for player in players:
        params[player], opt_state[player] = opt.update(
            optimizers[player], grads[player], state.opt_state[player], state.params[player]
        )
    return params, opt_state
