"""BEGAN's networks by plain options."""

from __future__ import annotations

from functools import partial

from jaxgan import models
from jaxgan.config.networks.base import dtype_of, make_generator, make_network, square
from jaxgan.core.network import Network


def began_generator(
    shape: tuple[int, ...],
    latent_dim: int,
    num_classes: int | None = None,
    base_channels: int = 128,
    skips: bool = False,
    precision: str = "float32",
    remat: str = "none",
    conditioning: str = "auto",
) -> Network:
    """`models.BEGANGenerator` for images of `shape`; see there for the options.

    Example:
      >>> began_generator((8, 8, 1), latent_dim=4, base_channels=8).couples_batch
      False
    """
    size, channels = square(shape, "began")
    options = (base_channels, skips, dtype_of(precision))
    build = partial(models.BEGANGenerator, size, channels, *options)
    return make_generator(build, latent_dim, num_classes, conditioning, remat)


def began_autoencoder(
    shape: tuple[int, ...],
    num_classes: int | None = None,
    base_channels: int = 128,
    code_dim: int = 64,
    skips: bool = False,
    error: models.Error = "l1",
    precision: str = "float32",
    remat: str = "none",
) -> Network:
    """`models.BEGANAutoencoder` for images of `shape`; it looks at no labels.

    Example:
      >>> began_autoencoder((8, 8, 1), base_channels=8).couples_batch
      False
    """
    size, channels = square(shape, "began")
    module = models.BEGANAutoencoder(
        size, channels, base_channels, code_dim, skips, error, dtype_of(precision)
    )
    return make_network(module, shape, remat, num_classes, uses_label=False)
