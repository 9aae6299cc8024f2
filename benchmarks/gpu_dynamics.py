"""The ring, methods that look ahead, and many seeds at once, on one GPU.

Eight Gaussians on a ring, batch 512, perceptrons of 2 x 128, latents of 16, Adam; data and latents
are drawn inside the step. Costs are to be held against simultaneous descent, seeds at once against
as many runs one after the other: gpu_report.py does.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import gpu_measure
import gpu_session
import jax
import jax.numpy as jnp

import jaxgan as jg
from jaxgan import fields
from jaxgan.config import networks

BATCH, LATENT, WIDTH, RATE = 512, 16, 128, 1e-3
RADIUS, STD, MODES = 2.0, 0.02, 8
SEEDS, INNER = (16, 64), (5, 10)


def draw(key: jax.Array, num: int) -> dict[str, jax.Array]:
    """Points of the ring."""
    where, how = jax.random.split(key)
    angle = 2 * math.pi / MODES * jax.random.randint(where, (num,), 0, MODES).astype(jnp.float32)
    modes = RADIUS * jnp.stack([jnp.cos(angle), jnp.sin(angle)], axis=1)
    return {"image": modes + STD * jax.random.normal(how, (num, 2))}


def make_game(toy: bool, loss: jg.Loss) -> jg.Game:
    """The ring game."""
    features = (8,) if toy else (WIDTH, WIDTH)
    gen = networks.mlp_generator((2,), LATENT, features=features)
    disc = networks.mlp_discriminator((2,), features=features)
    return jg.gan(gen, disc, latent=LATENT, loss=loss)


def play(field: jg.Field) -> jg.Algorithm:
    """Simultaneous play with Adam, fed on the device."""
    adam = jg.optimizers.adam(RATE, b1=0.5)
    return jg.device_data(
        jg.simultaneous(field, optimizers={"gen": adam, "disc": adam}),
        sample=draw,
        batch_size=BATCH,
    )


def measure(
    make: Callable[[], jg.Algorithm],
    setting: gpu_session.Setting,
    num_steps: int,
    num_seeds: int = 1,
) -> dict[str, Any]:
    """Measures `num_steps` in a call."""
    algorithm = make()
    if num_seeds > 1:
        algorithm = jg.seeds(algorithm, num_seeds=num_seeds)
    num_steps = min(num_steps, 2) if setting.toy else num_steps
    many = jg.substeps(algorithm, num_steps=num_steps) if num_steps > 1 else algorithm
    images = BATCH * num_seeds
    return gpu_measure.measure_step(
        many, {}, setting, images=images, steps_per_call=num_steps, period=1
    )


def rows(setting: gpu_session.Setting, *, what: str) -> dict[str, Callable[[], dict[str, Any]]]:
    """The rows of the parts `ring`, `seeds` and `dynamics`."""
    of = partial(make_game, setting.toy)

    def plain(loss: jg.Loss) -> Callable[[], jg.Algorithm]:
        return lambda: play(jg.gradient(of(loss)))

    non_saturating, minimax = jg.losses.non_saturating(), jg.losses.minimax()
    if what == "ring":
        make = plain(non_saturating)
        return {
            "100 steps in a call": partial(measure, make, setting, 100),
            "one step in a call": partial(measure, make, setting, 1),
        }
    if what == "seeds":
        make = plain(non_saturating)
        counts = (1, 2) if setting.toy else (1, *SEEDS)
        return {f"{num} seeds": partial(measure, make, setting, 100, num) for num in counts}
    methods: dict[str, Callable[[], jg.Algorithm]] = {
        "simultaneous": plain(minimax),
        "consensus": lambda: play(fields.consensus(jg.gradient(of(minimax)))),
    }
    for k in (2,) if setting.toy else INNER:
        methods[f"unrolled, exact, k={k}"] = partial(_unrolled, of(minimax), k)
    return {name: partial(measure, make, setting, 10) for name, make in methods.items()}


def _unrolled(game: jg.Game, num_steps: int) -> jg.Algorithm:
    return play(jg.gradient(jg.unrolled(game, num_steps=num_steps, remat=False)))
