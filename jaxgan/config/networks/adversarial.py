"""Generators, discriminators and autoencoders of a game of latents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import jax.numpy as jnp

from jaxgan import models
from jaxgan.config.networks.base import (
    DISCRIMINATOR,
    GENERATOR,
    Data,
    Decision,
    Family,
    Option,
    Options,
)
from jaxgan.config.networks.fields import (
    AUTO,
    AUTO_OR_NONE,
    DISCRIMINATOR_OPTIONS,
    PERCEPTRON,
    PERCEPTRON_OPTIONS,
    SQUARE,
    auto,
    classes,
)
from jaxgan.core.errors import ConfigError
from jaxgan.core.ranges import Index, Width
from jaxgan.models.biggan import check_latent
from jaxgan.models.sngan import TABLES

BASE_SIZES = (4, 7)
SAGAN_ATTENTION = {28: (14, 14), 32: (16, 8), 48: (24, 12), 64: (32, 16), 128: (32, 32)}
"""Size of the map that attends to itself, of generator and discriminator, by image size."""


mlp_generator = Family(
    "mlp",
    models.MLPGenerator,
    GENERATOR,
    from_data={
        **PERCEPTRON,
        "out_shape": lambda data, options: data.shape,
        "out_activation": lambda data, options: jnp.tanh if len(data.shape) == 3 else None,
        "conditioning": auto("concat"),
    },
    fixed={"input_scale": 1.0},
    options={**PERCEPTRON_OPTIONS, **AUTO, "features": Option((128, 128))},
)
mlp_discriminator = Family(
    "mlp",
    models.MLPDiscriminator,
    DISCRIMINATOR,
    from_data={**PERCEPTRON, "conditioning": auto("concat")},
    options={**PERCEPTRON_OPTIONS, **DISCRIMINATOR_OPTIONS, "features": Option((128, 128))},
)
mlp_autoencoder = Family(
    "mlp",
    models.MLPAutoencoder,
    DISCRIMINATOR,
    from_data=PERCEPTRON,
    options={**PERCEPTRON_OPTIONS, "features": Option((128,))},
)

dcgan_generator = Family(
    "dcgan",
    models.DCGANGenerator,
    GENERATOR,
    from_data={**SQUARE, "conditioning": auto("concat")},
    options=AUTO,
)
dcgan_discriminator = Family(
    "dcgan",
    models.DCGANDiscriminator,
    DISCRIMINATOR,
    from_data={**SQUARE, "conditioning": auto("concat")},
    options=DISCRIMINATOR_OPTIONS,
)
dcgan_autoencoder = Family("dcgan", models.DCGANAutoencoder, DISCRIMINATOR, from_data=SQUARE)

began_generator = Family(
    "began",
    models.BEGANGenerator,
    GENERATOR,
    from_data={**SQUARE, "conditioning": auto("concat")},
    options=AUTO,
)
began_autoencoder = Family("began", models.BEGANAutoencoder, DISCRIMINATOR, from_data=SQUARE)


def _check_split(data: Data, options: Options) -> None:
    if options["hierarchical"]:
        check_latent(data.latent_dim, data.shape[0])


biggan_generator = Family(
    "biggan", models.BigGANGenerator, GENERATOR, from_data=SQUARE, check=_check_split
)
biggan_discriminator = Family("biggan", models.BigGANDiscriminator, DISCRIMINATOR, from_data=SQUARE)


def _width(player: int) -> Decision:
    def base_channels(data: Data, options: Options) -> int:
        table, given = TABLES.get(data.shape[0]), options["base_channels"]
        width: int = (table.width[player] if table else 1) if given is None else given
        return width

    return base_channels


def _attention(player: int) -> Decision:
    def attention(data: Data, options: Options) -> int:
        given = options["attention"]
        size: int = SAGAN_ATTENTION.get(data.shape[0], (0, 0))[player] if given is None else given
        return size

    return attention


def _head(data: Data, options: Options) -> str:
    head: str = options["head"]
    if head != "auto":
        return head
    return "projection" if data.num_classes else "logit"


WIDTH = Option(None, Width | None)
ATTENTION = Option(None, Index | None)

sngan_generator = Family(
    "sngan",
    models.SNGANGenerator,
    GENERATOR,
    from_data={**SQUARE, "base_channels": _width(0), "conditioning": auto("norm")},
    options={"base_channels": WIDTH, "conditioning": Option("auto")},
)
sngan_discriminator = Family(
    "sngan",
    models.SNGANDiscriminator,
    DISCRIMINATOR,
    from_data={**SQUARE, "base_channels": _width(1), "head": _head},
    options={"base_channels": WIDTH, "head": Option("auto")},
)
sagan_generator = replace(
    sngan_generator,
    name="sagan",
    from_data={**sngan_generator.from_data, "attention": _attention(0)},
    fixed={"kernel_norm": "spectral"},
    options={**sngan_generator.options, "attention": ATTENTION},
)
sagan_discriminator = replace(
    sngan_discriminator,
    name="sagan",
    from_data={**sngan_discriminator.from_data, "attention": _attention(1)},
    options={**sngan_discriminator.options, "attention": ATTENTION},
)


def _base_size(data: Data, options: Options) -> int:
    num, size = len(options["widths"]), data.shape[0]
    ratio = 2 ** (num - 1) if num else 0
    sizes = [base * ratio for base in BASE_SIZES]
    if size not in sizes:
        raise ConfigError(
            f"widths: {num} stages make images of {' or '.join(map(str, sizes))} pixels; "
            f"the data's are of {size}"
        )
    return size // ratio


_STAGES: Mapping[str, Decision] = {"num_classes": classes, **SQUARE, "base_size": _base_size}

r3gan_generator = Family(
    "r3gan", models.R3GANGenerator, GENERATOR, from_data=_STAGES, options=AUTO_OR_NONE
)
r3gan_discriminator = Family(
    "r3gan",
    models.R3GANDiscriminator,
    DISCRIMINATOR,
    from_data=_STAGES,
    options={**AUTO_OR_NONE, "embedding_dim": Option(768)},
)
