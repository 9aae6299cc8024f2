"""Game dynamics on one device and on eight: the same losses and gradients, step after step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxgan
from jaxgan import Algorithm, Game, Network, fields, optimizers, parallel
from jaxgan.fields import Field, gradient
from tests import helpers

NUM_STEPS = 20


def small_gan(dtype: Any) -> Game:
    """A linear generator against one hidden layer: all that matters here, and soon compiled."""

    def gen_init(key: Any) -> Any:
        return jax.random.normal(key, (helpers.LATENT, helpers.DIM), dtype), {}

    def disc_init(key: Any) -> Any:
        first, second = jax.random.split(key)
        return {
            "in": jax.random.normal(first, (helpers.DIM, 6), dtype),
            "out": jax.random.normal(second, (6,), dtype),
        }, {}

    def disc_apply(w: Any, state: Any, x: Any, *, train: bool = True, key: Any = None) -> Any:
        return jnp.tanh(x @ w["in"]) @ w["out"], state

    return jaxgan.gan(
        Network(gen_init, lambda w, state, z, **_: (z @ w, state)),
        Network(disc_init, disc_apply),
        latent=lambda key, shape: jax.random.normal(key, (*shape, helpers.LATENT), dtype),
    )


def lookahead(game: Game) -> Game:
    return jaxgan.unrolled(game, num_steps=3)


FIELDS: dict[str, Callable[[Game], Field]] = {
    "unrolled": lambda game: gradient(lookahead(game)),
    "consensus": lambda game: fields.consensus(1.0)(gradient(game)),
    "both": lambda game: fields.consensus(1.0)(gradient(lookahead(game))),
}


def remembering(optimizer: optax.GradientTransformation) -> optax.GradientTransformation:
    """The optimizer, with the last gradient that it has seen in the first part of its state."""

    def update(grads: Any, state: Any, params: Any = None) -> Any:
        return grads, grads

    def init(params: Any) -> Any:
        return jax.tree.map(jnp.zeros_like, params)

    return optax.chain(optax.GradientTransformation(init, update), optimizer)


def play(algorithm: Algorithm, num_devices: int, num_steps: int, dtype: Any) -> list[Any]:
    """The losses and the gradients of every step."""
    mesh = parallel.make_mesh(num_devices)
    whole = parallel.replicated(mesh)
    sharding = parallel.batch_sharding(mesh, algorithm.num_batches)
    state = jax.jit(algorithm.init, out_shardings=whole)(jax.random.key(0))
    step, seen = jax.jit(algorithm.step, out_shardings=(whole, whole)), []
    for index in range(num_steps):
        batch = helpers.real_batch(algorithm.num_batches, seed=index, dtype=dtype)
        batch = jax.device_put(batch, sharding)
        assert len(batch["image"].sharding.device_set) == num_devices
        state, metrics = step(state, batch)
        values = [metrics["loss/gen"], metrics["loss/disc"]]
        grads = [state.opt_state[player][0] for player in ("gen", "disc")]
        seen.append(jax.device_get((values, grads)))
    assert {x.dtype for x in jax.tree.leaves(seen)} == {np.dtype(dtype)}
    return seen


def distance(tree: Any, other: Any) -> float:
    x, y = (np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(t)]) for t in (tree, other))
    return float(np.linalg.norm(x.astype(np.float64) - y) / np.linalg.norm(y))


def make(algorithm: str, field: str, dtype: Any, optimizer: str) -> Algorithm:
    chosen = {"adam": optimizers.adam(1e-2, b1=0.5), "sgd": optimizers.sgd(0.1)}[optimizer]
    both = dict.fromkeys(("gen", "disc"), remembering(chosen))
    factory = {"simultaneous": jaxgan.simultaneous, "alternating": jaxgan.alternating}[algorithm]
    return factory(FIELDS[field](small_gan(dtype)), both)


def compare(made: Algorithm, num_steps: int, dtype: Any, tolerance: float) -> None:
    one, eight = (play(made, num, num_steps, dtype) for num in (1, 8))
    for index, ((losses, grads), (other_losses, other_grads)) in enumerate(
        zip(eight, one, strict=True)
    ):
        assert distance(losses, other_losses) < tolerance, index
        assert distance(grads, other_grads) < tolerance, index
    if num_steps > 1:  # it has been a training: losses and gradients were others at the end
        assert distance(one[-1], one[0]) > 1e-2


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("algorithm", ["simultaneous", "alternating"])
def test_twenty_steps_in_float64(algorithm: str, field: str, float64: None) -> None:
    compare(make(algorithm, field, np.float64, "adam"), NUM_STEPS, np.float64, 1e-10)


# From zero moments the derivative of Adam is a difference of nearly equal numbers: consensus on
# top of it agrees to 5e-6 only in float32, so that pair is played with plain descent.
@pytest.mark.parametrize(
    ("algorithm", "field", "optimizer"),
    [
        ("alternating", "unrolled", "adam"),
        ("simultaneous", "consensus", "adam"),
        ("simultaneous", "both", "sgd"),
    ],
)
def test_the_first_step_in_float32(algorithm: str, field: str, optimizer: str) -> None:
    compare(make(algorithm, field, np.float32, optimizer), 1, np.float32, 1e-6)
