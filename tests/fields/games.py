"""Games of the tests of fields: quadratic losses of known matrices, and a curved one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import jaxgan
from jaxgan import Context, Game


class Matrices(NamedTuple):
    """Each player's number of parameters and M_i, symmetric."""

    sizes: dict[str, int]
    losses: dict[str, np.ndarray]

    def part(self, player: str) -> slice:
        start = 0
        for name, size in self.sizes.items():
            if name == player:
                return slice(start, start + size)
            start += size
        raise KeyError(player)

    @property
    def jacobian(self) -> np.ndarray:
        return np.concatenate([m[self.part(player)] for player, m in self.losses.items()])

    @property
    def off_diagonal(self) -> np.ndarray:
        rest = self.jacobian
        for player in self.sizes:
            rest[self.part(player), self.part(player)] = 0.0
        return rest

    def split(self, w: np.ndarray) -> dict[str, np.ndarray]:
        return {player: w[..., self.part(player)] for player in self.sizes}

    def join(self, tree: Mapping[str, Any]) -> np.ndarray:
        return np.concatenate([np.asarray(tree[player]) for player in self.sizes], axis=-1)


def matrices(name: str) -> Matrices:
    draw = np.random.default_rng(2)
    if name == "zero_sum":  # f = ½ xᵀ A x + xᵀ B y - ½ yᵀ C y
        a, b, c = (draw.normal(size=size) for size in ((3, 3), (3, 4), (4, 4)))
        f = np.block([[a + a.T, b], [b.T, -(c + c.T)]]) / 2
        return Matrices({"gen": 3, "disc": 4}, {"gen": f, "disc": -f})
    if name == "diagonal":  # Likewise; each of x meets one of y alone.
        a, b, c = (np.diag(draw.normal(size=3)) for _ in range(3))
        f = np.block([[a, b], [b, -c]])
        return Matrices({"gen": 3, "disc": 3}, {"gen": f, "disc": -f})
    sizes = {"gen": 3, "disc": 4} if name == "general" else {"a": 1, "b": 2, "c": 3}
    shape = (sum(sizes.values()),) * 2
    own = {player: draw.normal(size=shape) for player in sizes}
    return Matrices(sizes, {player: (m + m.T) / 2 for player, m in own.items()})


def game_of(m: Matrices, dtype: Any = np.float64) -> Game:
    def init(key: Any) -> Any:
        params = {player: jnp.ones(size, dtype) for player, size in m.sizes.items()}
        return params, {player: {} for player in m.sizes}

    def values(params: Any, net_state: Any, scene: Any, context: Context) -> Any:
        w = jnp.concatenate([params[player] for player in m.sizes])
        each = {p: 0.5 * w @ jnp.asarray(own, dtype) @ w for p, own in m.losses.items()}
        return each, (net_state, {player: {} for player in m.sizes}, {})

    return Game(
        init=init,
        generate=lambda params, net_state, batch, context: ({}, net_state),
        losses=values,
        critic=lambda *arguments: None,
        is_zero_sum=len(m.sizes) == 2 and not np.any(sum(m.losses.values())),
    )


def curved() -> Game:
    """A zero-sum game without a straight line in it, of 3 and 2 parameters."""
    coupling = jnp.asarray(np.random.default_rng(1).normal(size=(3, 2)))

    def value(params: Any, batch: Any, context: Context) -> jax.Array:
        x, y = params["gen"], params["disc"]
        bent = jnp.tanh(x @ coupling) @ jnp.sin(y)
        return bent + 0.2 * jnp.sum(x**4) - 0.5 * jnp.sum(y**2) * (1.5 + jnp.sum(jnp.sin(x)))

    return jaxgan.zero_sum(lambda key: {"gen": jnp.ones(3), "disc": jnp.ones(2)}, value)
