"""Exponential moving averages of a player."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxgan.core.algorithm import Algorithm
from jaxgan.core.errors import bad_value
from jaxgan.core.network import BATCH_STATS
from jaxgan.core.ranges import DecaySchedule, checked
from jaxgan.core.schedules import at
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Array, Batch, Key, Metrics, PlayerTree, PyTree


@checked
def ema(
    algorithm: Algorithm,
    *,
    decay: DecaySchedule = 0.999,
    warmup: bool = True,
    player: str = "gen",
) -> Algorithm:
    """Keeps an exponential moving average of one player, to be sampled from.

    w̄_t = β_t w̄_{t-1} + (1 - β_t) w_t with β_t = min(β, (1 + t) / (10 + t)) during the warm-up, so
    that the random start is soon forgotten. Parameters and batch statistics are averaged; the
    player's other state is copied. The training itself is not changed.

    Args:
      algorithm: the algorithm to watch.
      decay: β per step, a number in [0, 1) or a schedule of the step.
      warmup: whether to start with a short memory.
      player: whose average is kept.

    Returns:
      An `Algorithm` whose state has `ema[player] = {"params", "net_state"}`.

    Raises:
      ValueError: if the decay is outside [0, 1).

    Example:
      >>> from jaxgan.algorithms import simultaneous
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import bilinear
      >>> from jaxgan.optimizers import sgd
      >>> plain = simultaneous(gradient(bilinear()), optimizers={"gen": sgd(0.5), "disc": sgd(0.5)})
      >>> averaged = ema(plain, decay=0.5, warmup=False)
      >>> state, _ = averaged.step(averaged.init(jax.random.key(0)), {})
      >>> state.params["gen"].tolist(), state.ema["gen"]["params"].tolist()
      ([0.5], [0.75])

    References:
      Yazıcı et al., 2019 (arXiv:1806.04498); Karras et al., 2018 (arXiv:1710.10196).
    """
    if player not in algorithm.field.game.players:
        raise ValueError(bad_value("player", player, algorithm.field.game.players))

    def init(key: Key) -> TrainState:
        state = algorithm.init(key)
        if player in state.ema:
            raise ValueError(bad_value("player", player, "one whose average is not kept yet"))
        # A copy, since a donated state may not hold the same buffer twice.
        return state._replace(ema={**state.ema, player: jax.tree.map(jnp.copy, _live(state))})

    def _live(state: TrainState) -> PlayerTree:
        return {"params": state.params[player], "net_state": state.net_state[player]}

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        # 1 - β_t rather than β_t, which float32 would round where it is near one; in a session of
        # 64 bits in these.
        weight = jnp.asarray(1.0 - at(decay, state.step), jnp.result_type(float))
        if warmup:
            weight = jnp.maximum(weight, 9.0 / (10.0 + state.step.astype(weight.dtype)))
        old = state.ema[player]
        state, metrics = algorithm.step(state, batch)

        def average(path: tuple[jax.tree_util.KeyEntry, ...], mean: Array, value: Array) -> Array:
            if not _is_averaged(path):
                return value
            return mean + weight.astype(mean.dtype) * (value - mean)

        new = jax.tree_util.tree_map_with_path(average, old, _live(state))
        return state._replace(ema={**state.ema, player: new}), metrics

    return algorithm._replace(init=init, step=step)


def averaged(state: TrainState) -> tuple[PlayerTree, PlayerTree]:
    """Parameters and network state of all players, averages in place of live ones where kept.

    Args:
      state: a training state.

    Returns:
      (params, net_state), each with one entry per player.

    Example:
      >>> key = jax.random.key(0)
      >>> kept = {"gen": {"params": 2.0, "net_state": {}}}
      >>> averaged(TrainState(step=jnp.int32(0), key=key, params={"gen": 1.0, "disc": 3.0},
      ...                     net_state={}, ema=kept))[0]
      {'gen': 2.0, 'disc': 3.0}
    """
    params = {**state.params, **{p: kept["params"] for p, kept in state.ema.items()}}
    net_state = {**state.net_state, **{p: kept["net_state"] for p, kept in state.ema.items()}}
    return params, net_state


def _is_averaged(path: PyTree) -> bool:
    names = [entry.key for entry in path if isinstance(entry, jax.tree_util.DictKey)]
    return names[0] == "params" or BATCH_STATS in names
