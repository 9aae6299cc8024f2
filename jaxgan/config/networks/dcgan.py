"""DCGAN by plain options."""

from __future__ import annotations

from functools import partial

from jaxgan import models
from jaxgan.config.networks.base import (
    How,
    dtype_of,
    make_discriminator,
    make_generator,
    make_network,
    square,
)
from jaxgan.core.network import Network


def dcgan_generator(
    shape: tuple[int, ...],
    latent_dim: int,
    num_classes: int | None = None,
    base_channels: int = 64,
    norm: models.Norm = "batch",
    num_extra_layers: int = 0,
    kernel_size: int = 4,
    precision: str = "float32",
    remat: str = "none",
    conditioning: str = "auto",
    dense_features: int = 0,
) -> Network:
    """`models.DCGANGenerator` for images of `shape`; see there for the options.

    Example:
      >>> dcgan_generator((8, 8, 1), latent_dim=4, base_channels=8).couples_batch
      True
    """
    size, channels = square(shape, "dcgan")
    options = (base_channels, norm, num_extra_layers, kernel_size, dtype_of(precision))
    build = partial(models.DCGANGenerator, size, channels, *options, dense_features=dense_features)
    return make_generator(build, latent_dim, num_classes, conditioning, remat)


def dcgan_discriminator(
    shape: tuple[int, ...],
    num_classes: int | None = None,
    base_channels: int = 64,
    norm: models.Norm = "batch",
    num_extra_layers: int = 0,
    kernel_size: int = 4,
    precision: str = "float32",
    remat: str = "none",
    conditioning: str = "auto",
    minibatch: str = "none",
    head: str = "logit",
    num_categories: int = 10,
    num_continuous: int = 2,
    packing: int = 1,
    dense_features: int = 0,
) -> Network:
    """`models.DCGANDiscriminator` for images of `shape`; see there for the options.

    Example:
      >>> dcgan_discriminator((8, 8, 1), base_channels=8, norm="none").couples_batch
      False
    """
    size, channels = square(shape, "dcgan")
    options = (base_channels, norm, num_extra_layers, kernel_size, dtype_of(precision))
    build = partial(models.DCGANDiscriminator, size, packing * channels, *options)
    further = {
        "num_categories": num_categories,
        "num_continuous": num_continuous,
        "dense_features": dense_features,
    }
    how = How(conditioning, minibatch, head, packing, remat)
    return make_discriminator(partial(build, **further), shape, num_classes, how)


def dcgan_autoencoder(
    shape: tuple[int, ...],
    num_classes: int | None = None,
    base_channels: int = 64,
    norm: models.Norm = "batch",
    num_extra_layers: int = 0,
    kernel_size: int = 4,
    code_dim: int = 64,
    error: models.Error = "l1",
    precision: str = "float32",
    remat: str = "none",
) -> Network:
    """`models.DCGANAutoencoder` for images of `shape`; it looks at no labels.

    Example:
      >>> dcgan_autoencoder((8, 8, 1), base_channels=8, norm="none").couples_batch
      False
    """
    size, channels = square(shape, "dcgan")
    options = (base_channels, norm, num_extra_layers, kernel_size, dtype_of(precision))
    module = models.DCGANAutoencoder(size, channels, code_dim, error, *options)
    return make_network(module, shape, remat, num_classes, uses_label=False)
