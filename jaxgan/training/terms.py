"""Watching the terms of the players' losses while a game is trained."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import jax
import numpy as np
from jax.sharding import Mesh

from jaxgan import analysis, distributed
from jaxgan.core.algorithm import Optimizers, make_context
from jaxgan.core.game import Game
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Batch
from jaxgan.training.hooks import Hook, Moment
from jaxgan.transforms import member

logger = logging.getLogger(__name__)

_REST = "rest"
"""What `analysis.term_gradients` calls all that has no name."""


def make_terms(
    games: Mapping[int, Game], optimizers: Optimizers, batch: Batch, *, every: int, mesh: Mesh
) -> Hook:
    """Logs how strong each term of a loss is, and whether it pulls as the others do.

    `term_norm/PLAYER/TERM` is the norm of the term's gradient in its player's parameters, and
    `term_cosine/PLAYER/TERM` the cosine with the sum of the others', see
    `analysis.term_gradients`; `rest` is what is in the loss beside the terms, where there is
    anything. They are taken where training stands, on one fixed batch, in a program of their own
    over all devices: the step costs what it did. Lazy terms are taken as in an update in which they
    are due, every n-th. Of a run with several seeds it watches the first.

    Args:
      games: the game, by the first step at which it is played; of most, `{0: game}`.
      optimizers: one Optax transformation per player, for games that foresee them.
      batch: real data, the whole of it in every process.
      every: steps between two looks.
      mesh: the devices.

    Returns:
      A `Hook`. Where they cannot be had it logs a warning and returns.

    Example:
      >>> from jaxgan.algorithms import simultaneous
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import dirac, with_penalty
      >>> from jaxgan.optimizers import sgd
      >>> from jaxgan.penalties import r1
      >>> from jaxgan.training.telemetry import Log
      >>> game, sgds = with_penalty(dirac(), r1(weight=2.0)), {"gen": sgd(0.1), "disc": sgd(0.1)}
      >>> state = simultaneous(gradient(game), optimizers=sgds).init(jax.random.key(0))
      >>> batch, mesh = {"image": np.zeros((4, 1), np.float32)}, distributed.make_mesh(1)
      >>> hook = make_terms({0: game}, sgds, batch, every=10, mesh=mesh)
      >>> found = hook.call(Moment(step=10, state=state, log=Log()))
      >>> found["term_norm/disc/r1"], found["term_cosine/disc/r1"]
      (2.0, 1.0)

    References:
      See `analysis.term_gradients`.
    """
    sharding = distributed.batch_sharding(mesh)

    def whole(leaf: np.ndarray) -> jax.Array:
        return jax.make_array_from_callback(leaf.shape, sharding, lambda index: leaf[index])

    data = jax.tree.map(lambda leaf: whole(np.asarray(leaf)), batch)

    def measure(
        game: Game, state: TrainState, data: Batch
    ) -> dict[str, dict[str, analysis.TermGradient]]:
        state = member(state, 0) if state.key.ndim else state
        updates = dict.fromkeys(state.params, state.step * 0)  # where all terms are due
        context = make_context(state, optimizers=optimizers, updates=updates, phase=0)
        return analysis.term_gradients(game, state.params, state.net_state, data, context)

    run = jax.jit(measure, static_argnums=0, out_shardings=distributed.replicated(mesh))

    def look(now: Moment) -> Mapping[str, float]:
        game = games[max(first for first in games if first <= now.step)]
        found: Mapping[str, dict[str, analysis.TermGradient]]
        try:
            found = jax.device_get(run(game, now.state, data))
        except ValueError as error:
            logger.warning("step %d: no gradients of the terms: %s", now.step, error)
            return {}
        logged = {}
        for player, own in found.items():
            for name, term in own.items():
                if name != _REST or term.norm > 0:
                    logged[f"term_norm/{player}/{name}"] = float(term.norm)
                    logged[f"term_cosine/{player}/{name}"] = float(term.cosine)
        return logged

    return Hook(every, "the gradients of the terms", look)
