"""Algorithms played by hand on f = xy, and a game that writes down what each update sees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan import Penalty
from jaxgan.penalties import Term, View
from tests import helpers

# (rates, x, y, *memory) -> (x, y, *memory).

Rates = tuple[float, float]  # of gen (x), of disc (y)
Play = Callable[..., tuple[float, ...]]


def in_turn(*moves: str) -> Play:
    """Each move is the players that move at once, by their letters."""

    def step(rates: Rates, x: float, y: float) -> tuple[float, ...]:
        for move in moves:
            old_x, old_y = x, y
            x = old_x - rates[0] * old_y if "x" in move else x
            y = old_y + rates[1] * old_x if "y" in move else y
        return x, y

    return step


def extragradient_by_hand(rates: Rates, x: float, y: float) -> tuple[float, ...]:
    half_x, half_y = x - rates[0] * y, y + rates[1] * x
    return x - rates[0] * half_y, y + rates[1] * half_x


def past_extragradient_by_hand(
    rates: Rates, x: float, y: float, past_x: float = 0.0, past_y: float = 0.0
) -> tuple[float, ...]:
    half_x, half_y = x - rates[0] * past_x, y - rates[1] * past_y
    return x - rates[0] * half_y, y + rates[1] * half_x, half_y, -half_x


def extra_anchored_by_hand(rates: Rates, x: float, y: float, *memory: float) -> tuple[float, ...]:
    x0, y0, time = memory or (x, y, 0.0)
    base_x, base_y = x + (x0 - x) / (time + 2), y + (y0 - y) / (time + 2)
    half_x, half_y = base_x - rates[0] * y, base_y + rates[1] * x
    return base_x - rates[0] * half_y, base_y + rates[1] * half_x, x0, y0, time + 1


# What an update sees, written down by a penalty of weight zero that remembers.


def recorder(size: int) -> Penalty:
    def init(params: Any) -> Any:
        shapes = {"real": (helpers.DIM,), "latent": (helpers.LATENT,)}
        logs = {k: jnp.zeros((size, helpers.BATCH, *shape)) for k, shape in shapes.items()}
        params, _ = jax.eval_shape(helpers.mlp_gen(batch_norm=True).init, jax.random.key(0))
        logs["params"] = jax.tree.map(lambda x: jnp.zeros((size, *x.shape)), params)
        counts = {name: jnp.zeros(size, jnp.int32) for name in ("step", "gen", "disc")}
        return {**logs, **counts, "row": jnp.int32(0)}

    def values(view: View, state: Any) -> tuple[jax.Array, Any]:
        row, context = state["row"], view.context
        seen = {
            "real": view.scene["real"],
            "latent": view.scene["latent"],
            "params": view.params["gen"],
            "step": context.step,
            "gen": context.num_updates("gen"),
            "disc": context.num_updates("disc"),
        }
        kept = {name: state[name] for name in seen}
        logs = jax.tree.map(lambda log, value: log.at[row].set(value), kept, seen)
        return jnp.zeros(()), {**logs, "row": row + 1}

    return Penalty((Term(name="recorder", values=values, weight=0.0, init=init),))
