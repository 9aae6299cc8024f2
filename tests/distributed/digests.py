"""Trains a game on several numbers of devices, and prints a digest of each final state.

    XLA_FLAGS="--xla_force_host_platform_device_count=4 --xla_cpu_max_isa=AVX" \
        python -m tests.distributed.digests NAME NUM_STEPS NUM_DEVICES ...
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

import jaxgan
from jaxgan import Algorithm, Game, augment, distributed, fields, losses, penalties
from tests import helpers

NUM_SHARDS = 8
BATCH = 16
Split = Callable[[Game], Game]
PENALTY = penalties.r1(weight=0.5) + penalties.r2(weight=0.5)


def gan(**options: Any) -> Game:
    return helpers.mlp_gan(penalty=PENALTY, **options)


def simultaneous(field: fields.Field) -> Algorithm:
    return jaxgan.simultaneous(field, optimizers=helpers.adams())


def adaptive(split: Split) -> Algorithm:
    shifted = augment.adjustable(lambda key, x: x + 0.1 * jax.random.normal(key, x.shape))
    return simultaneous(jaxgan.gradient(split(jaxgan.ada(gan(), augment=shifted))))


CASES: dict[str, Callable[[Split], Algorithm]] = {
    "penalties": lambda split: simultaneous(jaxgan.gradient(split(gan()))),
    "relativistic": lambda split: jaxgan.ema(
        jaxgan.alternating(
            jaxgan.gradient(split(gan(loss=losses.relativistic()))), optimizers=helpers.adams()
        ),
        decay=0.9,
    ),
    "adaptive": adaptive,
    "batch norm": lambda split: simultaneous(
        jaxgan.gradient(split(gan(gen_batch_norm=True, disc_batch_norm=True)))
    ),
    "consensus": lambda split: simultaneous(
        fields.consensus(jaxgan.gradient(split(helpers.mlp_gan())), gamma=1.0)
    ),
    "unrolled": lambda split: jaxgan.substeps(
        simultaneous(jaxgan.gradient(jaxgan.unrolled(split(gan()), num_steps=3))), num_steps=2
    ),
    "microbatch": lambda split: simultaneous(
        fields.microbatch(jaxgan.gradient(split(gan())), num_parts=2)
    ),
}


def digest(name: str, num_steps: int, num_devices: int) -> str:
    """sha256 of the bytes of all leaves of the state after so many steps."""
    mesh = distributed.make_mesh(num_devices)

    def split(game: Game) -> Game:
        return distributed.reproducible(game, num_shards=NUM_SHARDS, mesh=mesh)

    algorithm = CASES[name](split)
    state = jax.jit(algorithm.init)(jax.random.key(0))
    shardings = distributed.state_shardings(state, mesh)
    placed = distributed.batch_sharding(mesh, algorithm.num_batches)
    step = distributed.jit_step(algorithm, mesh, shardings)
    state = jax.device_put(state, shardings)
    random = np.random.default_rng(0)
    for _ in range(num_steps):
        points = random.normal(size=(*algorithm.num_batches, BATCH, helpers.DIM))
        batch = {"image": points.astype(np.float32)}
        state, _ = step(state, jax.device_put(batch, placed))
    seen = hashlib.sha256()
    for leaf in jax.tree.leaves(state._replace(key=jax.random.key_data(state.key))):
        seen.update(np.asarray(leaf).tobytes())
    return seen.hexdigest()


if __name__ == "__main__":
    name, num_steps, *devices = sys.argv[1:]
    print(json.dumps({num: digest(name, int(num_steps), int(num)) for num in devices}))
