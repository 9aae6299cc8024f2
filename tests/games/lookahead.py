"""A GAN of two MLPs after some training, and its lookahead as a plain loop of Optax updates."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree
from jax.nn import softplus

import jaxgan
from jaxgan import Context, Game, optimizers
from jaxgan.fields import gradient
from tests import helpers


class Setting(NamedTuple):
    game: Game
    params: Any
    net_state: Any
    batch: Any
    context: Context


OPTIMIZERS = {
    "sgd": optimizers.sgd(0.1),
    "momentum": optimizers.sgd(0.1, momentum=0.5),
    "adam": optimizers.adam(1e-2, b1=0.5),
}
SLOW_ADAM = optimizers.adam(3e-3, b1=0.5)


@functools.cache
def trained(name: str = "adam", num_updates: int = 0) -> Setting:
    """After three steps of the plain game, so that moments and counts are those of training."""
    game, chosen = helpers.mlp_gan(jnp.float64), dict.fromkeys(("gen", "disc"), OPTIMIZERS[name])
    algorithm = jaxgan.simultaneous(gradient(game), optimizers=chosen)
    state, _ = helpers.run(algorithm, algorithm.init(jax.random.key(0)), 3, np.float64)
    batch = helpers.real_batch(seed=9, dtype=np.float64)
    batch["latent"] = jax.random.normal(jax.random.key(1), (helpers.BATCH, helpers.LATENT))
    context = Context(
        jax.random.key(2),
        step=jnp.int32(3),
        updates={"gen": jnp.int32(3), "disc": jnp.int32(3 + num_updates)},
        opt_state=state.opt_state,
        optimizers=tuple(sorted(chosen.items())),
    )
    return Setting(game, state.params, state.net_state, batch, context)


def hand_mlp(params: Any, x: Any) -> jax.Array:
    for index in range(len(params)):
        layer = params[f"Dense_{index}"]
        x = (jnp.tanh(x) if index else x) @ layer["kernel"] + layer["bias"][None]
    return x


def hand_losses(params: Any, batch: Any, penalty: Any = 0.0) -> dict[str, jax.Array]:
    """The non-saturating losses, with R1 of some weight."""

    def logits(images: Any) -> jax.Array:
        return hand_mlp(params["disc"], images)[:, 0]

    fake = hand_mlp(params["gen"], batch["latent"])
    slopes = jax.grad(lambda images: logits(images).sum())(batch["image"])
    r1 = 0.5 * penalty * jnp.mean(jnp.sum(slopes**2, axis=1))
    disc = jnp.mean(softplus(-logits(batch["image"])) + softplus(logits(fake)))
    return {"gen": jnp.mean(softplus(-logits(fake))), "disc": disc + r1}


@functools.cache
def hand_step(optimizer: Any, opponent: str) -> Callable[..., Any]:
    @jax.jit
    def step(params: Any, opt_state: Any, batch: Any, penalty: Any) -> Any:
        grads = jax.grad(
            lambda own: hand_losses({**params, opponent: own}, batch, penalty)[opponent]
        )(params[opponent])
        with jax.numpy_dtype_promotion("standard"):
            updates, opt_state = optimizer.update(grads, opt_state, params[opponent])
            return optax.apply_updates(params[opponent], updates), opt_state

    return step


def hand_ahead(
    params: Any,
    opt_state: Any,
    optimizer: Any,
    parts: list[Any],
    opponent: str = "disc",
    due: Any = (),
) -> Any:
    """The opponent after one step on each part; `due` are the weights of R1 in the first steps."""
    step, ahead = hand_step(optimizer, opponent), params[opponent]
    for index, part in enumerate(parts):
        penalty = float(due[index]) if due else 0.0
        ahead, opt_state = step({**params, opponent: ahead}, opt_state, part, penalty)
    return ahead


def hand_loss(setting: Setting, num_steps: int, player: str = "gen", **changes: Any) -> Any:
    """params of `player` -> its loss `num_steps` of the opponent's steps later."""
    opponent = {"gen": "disc", "disc": "gen"}[player]
    options = {
        "optimizer": dict(setting.context.optimizers)[opponent],
        "opt_state": setting.context.opt_state[opponent],
        "parts": [setting.batch] * num_steps,
        **changes,
    }
    last = options.pop("last", setting.batch)

    def loss(own: Any) -> jax.Array:
        params = {**setting.params, player: own}
        ahead = hand_ahead(params, opponent=opponent, **options)
        return hand_losses({**params, opponent: ahead}, last)[player]

    return loss


def pull(game: Game, setting: Setting, player: str | None = None, compiled: bool = False) -> Any:
    """ξ of one player, or everything that the field returns."""

    def apply(params: Any, net_state: Any, batch: Any, context: Context) -> Any:
        found = gradient(game).apply(params, (), net_state, batch, context)
        return found if player is None else found[0][player]

    with jax.disable_jit(not compiled):
        return jax.jit(apply)(setting.params, setting.net_state, setting.batch, setting.context)


def distance(tree: Any, other: Any) -> float:
    """‖tree - other‖ / ‖other‖."""
    x, y = ravel_pytree(tree)[0], ravel_pytree(other)[0]
    assert x.dtype == y.dtype == jnp.float64
    return float(jnp.linalg.norm(x - y) / jnp.linalg.norm(y))


def central_differences(loss: Callable[[Any], jax.Array], at: Any, step: float = 1e-5) -> Any:
    flat, unravel = ravel_pytree(at)
    moves = step * jnp.concatenate([jnp.eye(flat.size), -jnp.eye(flat.size)])
    values = jax.vmap(lambda move: loss(unravel(flat + move)))(moves)
    return unravel((values[: flat.size] - values[flat.size :]) / (2 * step))


def parts_of(batch: Any, num: int) -> list[Any]:
    size = helpers.BATCH // num
    return [jax.tree.map(lambda x, i=i: x[i * size : (i + 1) * size], batch) for i in range(num)]
