"""Multilayer perceptrons by plain options."""

from __future__ import annotations

from functools import partial
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from jaxgan import models
from jaxgan.config.base import ConfigError, Table
from jaxgan.config.networks.base import (
    How,
    dtype_of,
    make_discriminator,
    make_generator,
    make_network,
)
from jaxgan.core.network import Network

ACTIVATIONS: Table = {"leaky_relu": nn.leaky_relu, "relu": nn.relu, "tanh": nn.tanh}


def mlp_generator(
    shape: tuple[int, ...],
    latent_dim: int,
    num_classes: int | None = None,
    features: tuple[int, ...] = (128, 128),
    activation: str = "relu",
    orthogonal_gain: float = 0.0,
    precision: str = "float32",
    remat: str = "none",
    conditioning: str = "auto",
) -> Network:
    """`models.MLPGenerator` for data of `shape`: tanh at the end for images, linear for points.

    A positive `orthogonal_gain` initialises every kernel orthogonally with that gain.

    Example:
      >>> mlp_generator((2,), latent_dim=4).couples_batch
      False
    """
    build = partial(
        models.MLPGenerator,
        features,
        shape,
        out_activation=jnp.tanh if len(shape) == 3 else None,
        **mlp_options(activation, orthogonal_gain, precision),
    )
    return make_generator(build, latent_dim, num_classes, conditioning, remat)


def mlp_discriminator(
    shape: tuple[int, ...],
    num_classes: int | None = None,
    features: tuple[int, ...] = (128, 128),
    activation: str = "relu",
    orthogonal_gain: float = 0.0,
    input_scale: float = 1.0,
    precision: str = "float32",
    remat: str = "none",
    norm: models.MLPNorm = "none",
    conditioning: str = "auto",
    minibatch: str = "none",
    head: str = "logit",
    num_categories: int = 10,
    num_continuous: int = 2,
    packing: int = 1,
) -> Network:
    """`models.MLPDiscriminator` for data of `shape`, which `input_scale` multiplies first.

    Example:
      >>> mlp_discriminator((2,), input_scale=0.25).couples_batch
      False
    """
    build = partial(
        models.MLPDiscriminator,
        features,
        input_scale=input_scale,
        norm=norm,
        num_categories=num_categories,
        num_continuous=num_continuous,
        **mlp_options(activation, orthogonal_gain, precision),
    )
    how = How(conditioning, minibatch, head, packing, remat)
    return make_discriminator(build, shape, num_classes, how)


def mlp_autoencoder(
    shape: tuple[int, ...],
    num_classes: int | None = None,
    features: tuple[int, ...] = (128,),
    code_dim: int = 16,
    error: models.Error = "l1",
    activation: str = "relu",
    orthogonal_gain: float = 0.0,
    precision: str = "float32",
    remat: str = "none",
) -> Network:
    """`models.MLPAutoencoder` for data of `shape`; it looks at no labels.

    Example:
      >>> mlp_autoencoder((2,)).couples_batch
      False
    """
    options = mlp_options(activation, orthogonal_gain, precision)
    module = models.MLPAutoencoder(features, code_dim, error, **options)
    return make_network(module, shape, remat, num_classes, uses_label=False)


def mlp_options(activation: str, orthogonal_gain: float, precision: str) -> dict[str, Any]:
    """What all perceptrons are told alike.

    Args:
      activation: a key of `ACTIVATIONS`.
      orthogonal_gain: of every kernel, if it is positive.
      precision: a key of `PRECISIONS`.

    Returns:
      Keyword arguments of the modules.

    Raises:
      ConfigError: if there is no such activation.

    Example:
      >>> sorted(mlp_options("relu", 0.8, "float32"))
      ['activation', 'dtype', 'kernel_init']
    """
    if activation not in ACTIVATIONS:
        raise ConfigError(f"activation is {activation!r}; allowed: {', '.join(ACTIVATIONS)}")
    options: dict[str, Any] = {"activation": ACTIVATIONS[activation], "dtype": dtype_of(precision)}
    if orthogonal_gain > 0:
        options["kernel_init"] = nn.initializers.orthogonal(orthogonal_gain)
    return options
