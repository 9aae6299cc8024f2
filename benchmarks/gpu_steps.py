"""Training steps of DCGAN, SNGAN, R3GAN at 32 pixels and of StyleGAN2 at 64, on one GPU.

At the batches that their authors give to one GPU, with the penalties that their recipes have, on
random images that are on the device already; DCGAN with ten steps in a call and at eight times the
batch, too, as its step alone does not fill a large card.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import gpu_measure
import gpu_session
import jax
import jax.numpy as jnp

import jaxgan as jg
from jaxgan import losses, penalties
from jaxgan.config import networks

SUBSTEPS, LARGE = 10, 8


class Lazy(NamedTuple):
    """A penalty that is due in every n-th update."""

    make: Callable[[int], jg.Penalty]
    every: int


class Recipe(NamedTuple):
    """A training.

    Attributes:
      size: of the images, per side.
      latent: length of z.
      batch: images of one batch.
      gen: the generator, given shape, latent and precision.
      disc: the discriminator, given shape and precision.
      loss: of the game.
      lazies: its penalties.
      n_critic: updates of the discriminator per step; 0 for both players at once.
      rate: Adam's learning rate.
      b1: Adam's.
      averaged: whether an average of the generator is kept.
    """

    size: int
    latent: int
    batch: int
    gen: Callable[..., jg.Network]
    disc: Callable[..., jg.Network]
    loss: jg.Loss
    lazies: tuple[Lazy, ...] = ()
    n_critic: int = 1
    rate: float = 2e-4
    b1: float = 0.0
    averaged: bool = False


def dcgan(toy: bool) -> Recipe:
    """Radford et al., 2016, at 32 pixels; as benchmarks/dcgan_step.py has it in PyTorch."""
    width: dict[str, Any] = {"base_channels": 4 if toy else 64}
    gen = partial(networks.dcgan_generator, **width)
    disc = partial(networks.dcgan_discriminator, **width)
    loss = losses.non_saturating()
    size, batch = (8, 4) if toy else (32, 128)
    return Recipe(size, 100, batch, gen, disc, loss, n_critic=0, b1=0.5)


def sngan(toy: bool) -> Recipe:
    """Miyato et al., 2018: five updates of the discriminator to one."""
    width: dict[str, Any] = {"base_channels": 4 if toy else None}
    gen = partial(networks.sngan_generator, **width)
    disc = partial(networks.sngan_discriminator, **width)
    return Recipe(32, 128, 2 if toy else 64, gen, disc, losses.hinge(), n_critic=1 if toy else 5)


def r3gan(toy: bool) -> Recipe:
    """Huang et al., 2024: R1 and R2 in every step; they give each of eight GPUs 64 images."""
    small: dict[str, Any] = {"widths": (8, 4), "cardinalities": (4, 2), "num_blocks": (1, 1)}
    gen = partial(networks.r3gan_generator, **(small if toy else {}))
    disc = partial(networks.r3gan_discriminator, **(small if toy else {}))
    loss = losses.relativistic(losses.non_saturating())
    both = Lazy(lambda every: penalties.r1(0.05, every=every) + penalties.r2(0.05, every=every), 1)
    size, batch = (8, 4) if toy else (32, 64)
    return Recipe(size, 64, batch, gen, disc, loss, (both,), n_critic=0, averaged=True)


def stylegan2(toy: bool) -> Recipe:
    """Karras et al., 2020: R1 in every 16th update, path lengths in every fourth."""
    width: dict[str, Any] = (
        {"channel_base": 64, "channel_max": 4} if toy else {"channel_base": 16384}
    )
    style: dict[str, Any] = {"style_dim": 8, "num_mapping_layers": 2} if toy else {}
    gen = partial(networks.stylegan2_generator, **width, **style)
    disc = partial(networks.stylegan2_discriminator, **width)
    lazies = (
        Lazy(lambda every: penalties.r1(1.0, every=every), 2 if toy else 16),
        Lazy(lambda every: penalties.path_length(2.0, every=every, shrink=2), 1 if toy else 4),
    )
    size, latent, batch = (8, 8, 4) if toy else (64, 512, 32)
    loss = losses.non_saturating()
    return Recipe(size, latent, batch, gen, disc, loss, lazies, rate=2e-3, averaged=True)


RECIPES = {"dcgan": dcgan, "sngan": sngan, "r3gan": r3gan, "stylegan2": stylegan2}


def make_algorithm(recipe: Recipe, precision: str, lazies: tuple[Lazy, ...]) -> jg.Algorithm:
    """The training, with some of its penalties."""
    shape = (recipe.size, recipe.size, 3)
    gen = recipe.gen(shape, recipe.latent, precision=precision)
    disc = recipe.disc(shape, precision=precision)
    game = jg.gan(gen, disc, latent=recipe.latent, loss=recipe.loss)
    for lazy in lazies:
        game = jg.with_penalty(game, lazy.make(lazy.every))
    adam = jg.optimizers.adam(recipe.rate, b1=recipe.b1, b2=0.99)
    field, optimizers = jg.gradient(game), {"gen": adam, "disc": adam}
    if recipe.n_critic:
        algorithm = jg.alternating(field, optimizers=optimizers, n_critic=recipe.n_critic)
    else:
        algorithm = jg.simultaneous(field, optimizers=optimizers)
    return jg.ema(algorithm, decay=0.999) if recipe.averaged else algorithm


def make_batch(algorithm: jg.Algorithm, recipe: Recipe) -> dict[str, jax.Array]:
    """Random images for one call, on the device."""
    shape = (*algorithm.num_batches, recipe.batch, recipe.size, recipe.size, 3)
    return {"image": jax.random.uniform(jax.random.key(1), shape, jnp.float32, -1.0, 1.0)}


def images_of(recipe: Recipe) -> int:
    """Real images that a step takes."""
    return recipe.batch * (recipe.n_critic + 1 if recipe.n_critic else 1)


def mean_flops(recipe: Recipe, precision: str) -> dict[str, Any]:
    """Floating-point operations of a step and of an image, lazy penalties counted when due.

    f = f_0 + Σ_k (f_k - f_0) / n_k, where f_0 is the step without lazy penalties, and f_k the one
    in which the k-th of them is always due.
    """

    def count(lazies: tuple[Lazy, ...]) -> float:
        algorithm = make_algorithm(recipe, precision, lazies)
        return gpu_measure.flops_of(algorithm, make_batch(algorithm, recipe))

    always = tuple(lazy for lazy in recipe.lazies if lazy.every == 1)
    least = count(always)
    seldom = (lazy for lazy in recipe.lazies if lazy.every > 1)
    more = ((count((*always, lazy._replace(every=1))) - least) / lazy.every for lazy in seldom)
    flops = least + sum(more)
    return {"flops_per_step": flops, "flops_per_image": flops / images_of(recipe)}


def step(
    recipe: Recipe, precision: str, setting: gpu_session.Setting, num: int = 1
) -> dict[str, Any]:
    """Measures a training, `num` steps in a call."""
    algorithm = make_algorithm(recipe, precision, recipe.lazies)
    if num > 1:
        algorithm = jg.substeps(algorithm, num_steps=num)
    period = max([lazy.every for lazy in recipe.lazies], default=1)
    found = gpu_measure.measure_step(
        algorithm,
        make_batch(algorithm, recipe),
        setting,
        images=images_of(recipe),
        steps_per_call=num,
        period=period,
    )
    return {"batch": recipe.batch, **found}


def rows(
    setting: gpu_session.Setting, *, network: str, precision: str
) -> dict[str, Callable[[], dict[str, Any]]]:
    """The rows of the part `network`_`precision`."""
    recipe = RECIPES[network](setting.toy)
    found: dict[str, Callable[[], dict[str, Any]]] = {
        "step": partial(step, recipe, precision, setting),
        "flops": partial(mean_flops, recipe, precision),
    }
    if network == "dcgan" and precision == "bfloat16":
        found[f"{SUBSTEPS} steps in a call"] = partial(step, recipe, precision, setting, SUBSTEPS)
        # Last: the peak of memory is that of the process so far.
        large = recipe._replace(batch=LARGE * recipe.batch)
        found[f"step, batch {large.batch}"] = partial(step, large, precision, setting)
    return found
