"""Play against the opponents of the past."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.core.field import Field, Pull
from jaxgan.core.ranges import Count, checked
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, Batch, PlayerTree, PyTree
from jaxgan.fields import trees


@checked
def fictitious_play(field: Field, *, num_past: Count = 5, every: Count = 100) -> Field:
    r"""Each player descends its mean loss against its opponents of now and of the past.

    .. math:: u_i = \frac{1}{1 + m} \left(\xi_i(w_i, w_{-i})
        + \textstyle\sum_{s=1}^m \xi_i(w_i, w_{-i}^{(s)})\right)

    with the last m ≤ `num_past` snapshots of all players, one taken at the start of every
    `every`-th step. Opponents that have moved on still have to be answered, which keeps players
    from chasing each other round a cycle. In fictitious play (Brown, 1951) a player's answer to the
    mixture of all that its opponent has ever played is the best one; here it is a step of descent,
    and the mixture has a window: with `every=1` and as many snapshots as steps it is of the whole
    past. It is not `penalties.historical_averaging`, which keeps a player near its own past.

    Args:
      field: such as `gradient(game)`.
      num_past: snapshots that are kept, at most.
      every: steps between two.

    Returns:
      A `Field`, whose memory is `num_past` copies of all players' parameters; opponents of the past
      play with the network states of now. An evaluation costs as many more
      for each player, one after the other.

    Raises:
      ValueError: if a number is not positive.

    Example:
      On f = x y the pull of x is the mean of y now and at the start:

      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import bilinear
      >>> field = fictitious_play(gradient(bilinear()))
      >>> params, net_state = field.game.init(jax.random.key(0))
      >>> context, memory = Context(jax.random.key(0)), field.init(params)
      >>> _, memory, _ = field.apply(params, memory, net_state, {}, context)
      >>> moved = {"gen": jnp.ones(1), "disc": jnp.full(1, 3.0)}
      >>> pull, _, _ = field.apply(moved, memory, net_state, {}, context)
      >>> pull["gen"].tolist()
      [2.0]

    References:
      Brown, "Iterative Solution of Games by Fictitious Play", 1951; for GANs: Ge et al., 2018
      (arXiv:1803.08647).
    """
    players = field.game.players

    def apply(
        params: PlayerTree,
        memory: PyTree,
        net_state: PlayerTree,
        batch: Batch,
        context: Context,
    ) -> Pull:
        now = jnp.asarray(context.step, jnp.int32)
        is_due = (now % every == 0) & (memory["step"] != now)
        here, own, rest = field.apply(params, memory["field"], net_state, batch, context)

        def against(total: PlayerTree, past: tuple[Array, PlayerTree]) -> tuple[PlayerTree, None]:
            index, others = past
            is_there = index < memory["count"]
            pull = {}
            for player in players:
                point = {**others, player: params[player]}
                found = field.apply(point, memory["field"], net_state, batch, context)[0]
                pull[player] = found[player]
            return trees.add(total, is_there, pull), None

        indices = jnp.arange(num_past, dtype=jnp.int32)
        total, _ = lax.scan(against, here, (indices, memory["past"]))
        num = 1 + jnp.minimum(memory["count"], num_past)
        mean = jax.tree.map(lambda x: x / num.astype(x.dtype), total)
        slot = memory["count"] % num_past
        past = jax.tree.map(
            lambda kept, new: jnp.where(is_due, kept.at[slot].set(new), kept),
            memory["past"],
            params,
        )
        moved = {
            "field": own,
            "past": past,
            "count": memory["count"] + is_due.astype(jnp.int32),
            "step": now,
        }
        return mean, moved, rest

    def init(params: PlayerTree) -> PyTree:
        return {
            "field": field.init(params),
            "past": jax.tree.map(lambda x: jnp.stack([x] * num_past), params),
            "count": jnp.int32(0),
            "step": jnp.int32(-1),
        }

    return Field(game=field.game, init=init, apply=apply)
