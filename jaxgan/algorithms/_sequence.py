"""Players that move one after the other, in any pattern."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.core.algorithm import (
    Algorithm,
    Optimizers,
    apply_updates,
    check_batches,
    flatten_metrics,
    make_context,
    make_init,
)
from jaxgan.core.field import Field
from jaxgan.core.ranges import checked
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Array, Batch, Metrics

Move = tuple[str, ...]
"""The players that move at once."""


@checked
def sequence(
    field: Field, *, optimizers: Optimizers, pattern: Sequence[str | Move] = ("disc", "gen")
) -> Algorithm:
    """The players move in a fixed pattern, each move seeing what the one before has changed.

    Each move has fresh latents and a fresh real batch. What it does not change (the other
    players' gradients, batch statistics and metrics) is not computed.

    Args:
      field: such as `gradient(game)`.
      optimizers: one Optax transformation per player.
      pattern: who moves in a step, in order: a player, or a tuple of players that move at once;
        `("disc", "gen", "gen")` gives the generator two moves for each of the discriminator's.

    Returns:
      An `Algorithm` that consumes one batch per move; a player's metrics are means over its moves.

    Raises:
      ValueError: if the pattern is empty or does not let every player move, or the optimizers are
        not those of the game's players or, when played, there is not a batch for each move.

    Example:
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import bilinear
      >>> from jaxgan.optimizers import sgd
      >>> sgds = {"gen": sgd(0.5), "disc": sgd(0.5)}
      >>> pattern = ("disc", "gen", "gen")
      >>> algorithm = sequence(gradient(bilinear()), optimizers=sgds, pattern=pattern)
      >>> state, _ = algorithm.step(algorithm.init(jax.random.key(0)), {})
      >>> state.params["disc"].tolist(), state.params["gen"].tolist(), algorithm.num_batches
      ([1.5], [-0.5], (3,))

    References:
      Goodfellow et al., 2014 (arXiv:1406.2661), algorithm 1, has k moves of the discriminator.
    """
    players = field.game.players
    moves = [(move,) if isinstance(move, str) else tuple(move) for move in pattern]
    if () in moves:
        raise ValueError(f"pattern is {list(pattern)}; each move needs a player")
    for name in itertools.chain(*moves):
        if name not in players:
            raise ValueError(f"pattern has {name!r}; the game's players are {list(players)}")
    if idle := [player for player in players if player not in itertools.chain(*moves)]:
        raise ValueError(f"pattern is {list(pattern)}; {idle} would never move")
    init = make_init(field, optimizers=optimizers)
    per_step = {player: sum(player in move for move in moves) for player in players}
    # Equal moves in a row become one loop.
    runs = [(move, len(list(group))) for move, group in itertools.groupby(moves)]

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        check_batches(batch, len(moves))
        counts = {player: state.step * per_step[player] for player in players}
        sums: Metrics = {}
        times: dict[str, int] = {}
        start = 0
        for movers, length in runs:

            def body(
                state: TrainState,
                xs: tuple[Array | int, Batch],
                movers: Move = movers,
                counts: dict[str, Array] = counts,
                start: int = start,
            ) -> tuple[TrainState, Metrics]:
                phase, piece = xs
                now = {p: c + (phase - start) if p in movers else c for p, c in counts.items()}
                return _move(field, optimizers, movers, state, piece, now, phase)

            if length == 1:
                piece = jax.tree.map(lambda x, i=start: x[i], batch)
                state, metrics = body(state, (start, piece))
            else:
                pieces = jax.tree.map(lambda x, i=start, n=length: x[i : i + n], batch)
                phases = jnp.arange(start, start + length, dtype=jnp.int32)
                state, metrics = lax.scan(body, state, (phases, pieces))
                metrics = jax.tree.map(lambda x: jnp.sum(x, axis=0), metrics)
            counts = {p: c + length if p in movers else c for p, c in counts.items()}
            for name, value in metrics.items():
                sums[name] = sums[name] + value if name in sums else value
                times[name] = times.get(name, 0) + length
            start += length
        means = {name: value / times[name] for name, value in sums.items()}
        return state._replace(step=state.step + 1), means

    return Algorithm(init=init, step=step, num_batches=(len(moves),), field=field)


def _move(
    field: Field,
    optimizers: Optimizers,
    movers: Move,
    state: TrainState,
    batch: Batch,
    counts: dict[str, Array],
    phase: Array | int,
) -> tuple[TrainState, Metrics]:
    """One move; only a player's own update keeps that player's network state and metrics."""
    context = make_context(state, optimizers=optimizers, updates=counts, phase=phase)
    grads, memory, (net_state, metrics) = field.apply(
        state.params, state.memory, state.net_state, batch, context
    )
    params, opt_state = apply_updates(state, grads, optimizers=optimizers, players=movers)
    net_state = {p: net_state[p] if p in movers else state.net_state[p] for p in net_state}
    metrics = {player: metrics[player] for player in movers}
    state = state._replace(params=params, net_state=net_state, opt_state=opt_state, memory=memory)
    return state, flatten_metrics(metrics)
