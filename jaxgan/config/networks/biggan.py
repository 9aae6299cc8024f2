"""BigGAN by plain options."""

from __future__ import annotations

from jaxgan import models
from jaxgan.config.networks.base import dtype_of, make_network, square
from jaxgan.core.network import Network
from jaxgan.models.biggan import check_latent
from jaxgan.models.layers.heads import Head
from jaxgan.models.layers.resblocks import KernelNorm


def biggan_generator(
    shape: tuple[int, ...],
    latent_dim: int,
    num_classes: int | None = None,
    base_channels: int = 64,
    embedding_dim: int = 128,
    hierarchical: bool = True,
    attention: int | None = None,
    kernel_norm: KernelNorm = "spectral",
    precision: str = "float32",
    remat: str = "none",
) -> Network:
    """`models.BigGANGenerator` for images of `shape`; see there for the options.

    Example:
      >>> biggan_generator((32, 32, 3), 8, num_classes=10, base_channels=4).couples_batch
      True
    """
    size, channels = square(shape, "biggan")
    module = models.BigGANGenerator(
        size,
        channels,
        num_classes,
        base_channels,
        embedding_dim,
        hierarchical,
        attention,
        kernel_norm,
        dtype_of(precision),
    )
    if hierarchical:
        check_latent(latent_dim, size)
    return make_network(module, (latent_dim,), remat, num_classes, uses_label=True)


def biggan_discriminator(
    shape: tuple[int, ...],
    num_classes: int | None = None,
    base_channels: int = 64,
    wide: bool = True,
    attention: int | None = None,
    head: Head = "projection",
    num_categories: int = 10,
    num_continuous: int = 2,
    precision: str = "float32",
    remat: str = "none",
) -> Network:
    """`models.BigGANDiscriminator` for images of `shape`; see there for the options.

    Example:
      >>> biggan_discriminator((32, 32, 3), num_classes=10, base_channels=4).couples_batch
      False
    """
    size, channels = square(shape, "biggan")
    module = models.BigGANDiscriminator(
        size,
        channels,
        num_classes,
        base_channels,
        wide,
        attention,
        head,
        num_categories,
        num_continuous,
        dtype_of(precision),
    )
    return make_network(module, shape, remat, num_classes, head == "projection")
