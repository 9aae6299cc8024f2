"""One training, on any number of devices and processes: what it is played on, and what was seen.

    python -m tests.devices OUT [COORDINATOR NUM_PROCESSES PROCESS_ID]

plays every game of GAMES in float64 and writes the losses and gradients of every step to OUT.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh

import jaxgan
from jaxgan import Algorithm, Game, Network, distributed, fields, models, optimizers, penalties
from jaxgan.fields import Field, gradient
from tests import helpers

NUM_STEPS = 20
IMAGE = (8, 8, 1)


def small_gan(dtype: Any, minibatch: bool = False) -> Game:
    """A linear generator against one hidden layer: all that matters here, and soon compiled."""

    def gen_init(key: Any) -> Any:
        return jax.random.normal(key, (helpers.LATENT, helpers.DIM), dtype), {}

    def disc_init(key: Any) -> Any:
        first, second = jax.random.split(key)
        return {
            "in": jax.random.normal(first, (helpers.DIM, 6), dtype),
            "out": jax.random.normal(second, (6 + minibatch,), dtype),
        }, {}

    def disc_apply(w: Any, state: Any, x: Any, *, train: bool = True, key: Any = None) -> Any:
        hidden = jnp.tanh(x @ w["in"])
        if minibatch:
            # Karras et al. 2018, section 3: the mean deviation over the batch, as one feature more.
            spread = jnp.mean(jnp.sqrt(jnp.var(hidden, axis=0) + 1e-8))
            hidden = jnp.concatenate([hidden, jnp.full((len(x), 1), spread)], axis=1)
        return hidden @ w["out"], state

    return jaxgan.gan(
        Network(init=gen_init, apply=lambda w, state, z, **_: (z @ w, state)),
        Network(init=disc_init, apply=disc_apply, couples_batch=minibatch),
        latent=lambda key, shape: jax.random.normal(key, (*shape, helpers.LATENT), dtype),
    )


def dcgan(dtype: Any) -> Game:
    """DCGAN with batch norm in both players and R1."""

    def cast(network: Network) -> Network:
        # Flax promotes to the parameters' type.
        def init(key: Any) -> Any:
            return jax.tree.map(lambda x: x.astype(dtype), network.init(key))

        def apply(*args: Any, **options: Any) -> Any:
            # Flax's batch norm promotes float64 and float32 to find which is wider.
            with jax.numpy_dtype_promotion("standard"):
                return network.apply(*args, **options)

        return network._replace(init=init, apply=apply)

    gen = models.DCGANGenerator(IMAGE[0], IMAGE[2], base_channels=4)
    disc = models.DCGANDiscriminator(IMAGE[0], IMAGE[2], base_channels=4)
    game = jaxgan.gan(
        cast(jaxgan.from_linen(gen, jnp.zeros((1, helpers.LATENT), jnp.float32))),
        cast(jaxgan.from_linen(disc, jnp.zeros((1, *IMAGE), jnp.float32))),
        latent=lambda key, shape: jax.random.normal(key, (*shape, helpers.LATENT), dtype),
    )
    return jaxgan.with_penalty(game, penalties.r1(weight=0.1))


def lookahead(game: Game) -> Game:
    return jaxgan.unrolled(game, num_steps=3)


FIELDS: dict[str, Callable[[Any], Field]] = {
    "unrolled": lambda dtype: gradient(lookahead(small_gan(dtype))),
    "implicit": lambda dtype: gradient(
        jaxgan.implicit(small_gan(dtype), num_steps=2, damping=2.0, tol=1e-13, max_iterations=30)
    ),
    "consensus": lambda dtype: fields.consensus(gradient(small_gan(dtype)), gamma=1.0),
    "both": lambda dtype: fields.consensus(gradient(lookahead(small_gan(dtype))), gamma=1.0),
    "minibatch": lambda dtype: gradient(small_gan(dtype, minibatch=True)),
    "dcgan": lambda dtype: gradient(dcgan(dtype)),
}


def remembering(optimizer: optax.GradientTransformation) -> optax.GradientTransformation:
    """The optimizer, with the last gradient that it has seen in the first part of its state."""

    def update(grads: Any, state: Any, params: Any = None) -> Any:
        return grads, grads

    def init(params: Any) -> Any:
        return jax.tree.map(jnp.zeros_like, params)

    return optax.chain(optax.GradientTransformation(init, update), optimizer)


def make(algorithm: str, field: str, dtype: Any, optimizer: str = "adam") -> Algorithm:
    """A training with an average of the generator."""
    chosen = {"adam": optimizers.adam(1e-2, b1=0.5), "sgd": optimizers.sgd(0.1)}[optimizer]
    both = dict.fromkeys(("gen", "disc"), remembering(chosen))
    factory = {"simultaneous": jaxgan.simultaneous, "alternating": jaxgan.alternating}[algorithm]
    return jaxgan.ema(factory(FIELDS[field](dtype), optimizers=both), decay=0.9)


def batch_of(algorithm: Algorithm, shape: tuple[int, ...], index: int, dtype: Any) -> Any:
    """The global batch of a step, on the host."""
    if shape == (helpers.DIM,):
        return np.asarray(helpers.real_batch(algorithm.num_batches, index, dtype)["image"])
    lead = (*algorithm.num_batches, helpers.BATCH)
    return np.random.default_rng(index).uniform(-1, 1, (*lead, *shape)).astype(dtype)


def play(algorithm: Algorithm, mesh: Mesh, num_steps: int, dtype: Any) -> list[Any]:
    """Losses, gradients, and the averages and batch statistics of every step."""
    sharding = distributed.batch_sharding(mesh, algorithm.num_batches)
    shardings = distributed.state_shardings(
        jax.eval_shape(algorithm.init, jax.random.key(0)), mesh, min_size=8
    )
    state = jax.jit(algorithm.init, out_shardings=shardings)(jax.random.key(0))
    kernel = jax.tree.leaves(state.params["gen"])[-1]
    shape = (helpers.DIM,) if kernel.shape[-1] == helpers.DIM else IMAGE
    step, seen = distributed.jit_step(algorithm, mesh, shardings), []
    for index in range(num_steps):
        whole = batch_of(algorithm, shape, index, dtype)
        batch = {"image": jax.make_array_from_callback(whole.shape, sharding, whole.__getitem__)}
        assert len(batch["image"].sharding.device_set) == mesh.size
        state, metrics = step(state, batch)
        values = [metrics["loss/gen"], metrics["loss/disc"]]
        grads = [state.opt_state[player][0] for player in ("gen", "disc")]
        seen.append(
            jax.device_get(distributed.gather((values, grads, (state.ema, state.net_state)), mesh))
        )
    assert {x.dtype for x in jax.tree.leaves(seen)} == {np.dtype(dtype)}
    return seen


def distance(tree: Any, other: Any) -> float:
    """Relative difference, L2 over all leaves."""
    x, y = (np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(t)]) for t in (tree, other))
    return float(np.linalg.norm(x.astype(np.float64) - y) / np.linalg.norm(y))


def assert_same_training(one: list[Any], other: list[Any], tolerance: float) -> None:
    for index, (seen, expected) in enumerate(zip(other, one, strict=True)):
        for part, value in zip(seen, expected, strict=True):
            assert distance(part, value) < tolerance, index


def main() -> None:
    out, *job = sys.argv[1:]
    if job:
        jax.distributed.initialize(job[0], int(job[1]), int(job[2]))
    mesh = distributed.make_mesh()
    with jax.enable_x64(True):
        seen = {
            f"{algorithm}/{field}": play(make(algorithm, field, np.float64), mesh, 20, np.float64)
            for algorithm, field in (("alternating", "dcgan"), ("simultaneous", "both"))
        }
    if jax.process_index() == 0:
        leaves = {name: jax.tree.leaves(steps) for name, steps in seen.items()}
        flat = {f"{name}/{i:05}": x for name, xs in leaves.items() for i, x in enumerate(xs)}
        np.savez(Path(out), **flat)


if __name__ == "__main__":
    main()
