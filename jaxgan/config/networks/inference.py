"""Encoders and discriminators of pairs by plain options."""

from __future__ import annotations

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan import models
from jaxgan.config.networks.base import REMATS, dtype_of, square
from jaxgan.config.networks.mlp import mlp_options
from jaxgan.core.network import Network
from jaxgan.models.adapters import from_linen


def mlp_encoder(
    shape: tuple[int, ...],
    latent_dim: int,
    distribution: models.Distribution = "point",
    features: tuple[int, ...] = (128, 128),
    activation: str = "relu",
    orthogonal_gain: float = 0.0,
    precision: str = "float32",
    remat: str = "none",
) -> Network:
    """`models.MLPEncoder` of data of `shape`; see there for the options.

    Example:
      >>> mlp_encoder((2,), latent_dim=4).couples_batch
      False
    """
    options = mlp_options(activation, orthogonal_gain, precision)
    module = models.MLPEncoder(features, latent_dim, distribution, **options)
    return _network(module, remat, shape)


def dcgan_encoder(
    shape: tuple[int, ...],
    latent_dim: int,
    distribution: models.Distribution = "point",
    base_channels: int = 64,
    norm: models.Norm = "batch",
    num_extra_layers: int = 0,
    kernel_size: int = 4,
    precision: str = "float32",
    remat: str = "none",
) -> Network:
    """`models.DCGANEncoder` of images of `shape`; see there for the options.

    Example:
      >>> dcgan_encoder((8, 8, 1), latent_dim=4, base_channels=8, norm="none").couples_batch
      False
    """
    size, channels = square(shape, "dcgan")
    options = (base_channels, norm, num_extra_layers, kernel_size, dtype_of(precision))
    module = models.DCGANEncoder(size, channels, latent_dim, distribution, *options)
    return _network(module, remat, shape)


def mlp_joint_discriminator(
    shape: tuple[int, ...],
    latent_dim: int,
    features: tuple[int, ...] = (128,),
    latent_features: tuple[int, ...] = (128,),
    joint_features: tuple[int, ...] = (128,),
    activation: str = "leaky_relu",
    orthogonal_gain: float = 0.0,
    norm: models.MLPNorm = "none",
    precision: str = "float32",
    remat: str = "none",
) -> Network:
    """`models.MLPJointDiscriminator` of pairs of data of `shape` and codes.

    Example:
      >>> mlp_joint_discriminator((2,), latent_dim=4).couples_batch
      False
    """
    options = mlp_options(activation, orthogonal_gain, precision)
    widths = (features, latent_features, joint_features)
    module = models.MLPJointDiscriminator(*widths, norm=norm, **options)
    return _network(module, remat, shape, (latent_dim,))


def dcgan_joint_discriminator(
    shape: tuple[int, ...],
    latent_dim: int,
    base_channels: int = 64,
    norm: models.Norm = "batch",
    num_extra_layers: int = 0,
    kernel_size: int = 4,
    latent_features: tuple[int, ...] = (256, 256),
    joint_features: tuple[int, ...] = (256,),
    precision: str = "float32",
    remat: str = "none",
) -> Network:
    """`models.DCGANJointDiscriminator` of pairs of images of `shape` and codes.

    Example:
      >>> options = {"base_channels": 8, "latent_features": (8,), "joint_features": ()}
      >>> dcgan_joint_discriminator((16, 16, 1), latent_dim=4, **options).couples_batch
      True
    """
    size, channels = square(shape, "dcgan")
    build = partial(models.DCGANJointDiscriminator, size, channels, base_channels, norm)
    module = build(
        num_extra_layers,
        kernel_size,
        latent_features,
        joint_features,
        dtype=dtype_of(precision),
    )
    return _network(module, remat, shape, (latent_dim,))


def _network(module: nn.Module, remat: str, *shapes: tuple[int, ...]) -> Network:
    if remat not in REMATS:
        raise ValueError(f"remat is {remat!r}; allowed: {', '.join(REMATS)}")
    inputs = [jax.ShapeDtypeStruct((1, *shape), jnp.float32) for shape in shapes]
    return REMATS[remat](from_linen(module, *inputs))
