"""SNGAN and SAGAN by plain options."""

from __future__ import annotations

from typing import Literal

from jaxgan import models
from jaxgan.config.networks.base import dtype_of, make_network, square
from jaxgan.core.network import Network
from jaxgan.models.layers.heads import Head
from jaxgan.models.layers.resblocks import KernelNorm, Upsampling
from jaxgan.models.sngan import TABLES

Conditioning = Literal["auto", "none", "norm"]
ToldHead = Literal["auto"] | Head


def sngan_generator(
    shape: tuple[int, ...],
    latent_dim: int,
    num_classes: int | None = None,
    base_channels: int | None = None,
    conditioning: Conditioning = "auto",
    kernel_norm: KernelNorm = "none",
    attention: int = 0,
    precision: str = "float32",
    remat: str = "none",
    upsampling: Upsampling = "bilinear",
) -> Network:
    """`models.SNGANGenerator` for images of `shape`; see there for the options.

    Example:
      >>> sngan_generator((32, 32, 3), latent_dim=8, base_channels=8).couples_batch
      True
    """
    size, channels = square(shape, "sngan")
    if conditioning == "auto":
        conditioning = "norm" if num_classes else "none"
    module = models.SNGANGenerator(
        size,
        channels,
        _width(size, 0) if base_channels is None else base_channels,
        conditioning,
        num_classes,
        kernel_norm,
        attention,
        dtype_of(precision),
        upsampling,
    )
    return make_network(module, (latent_dim,), remat, num_classes, conditioning != "none")


def sngan_discriminator(
    shape: tuple[int, ...],
    num_classes: int | None = None,
    base_channels: int | None = None,
    head: ToldHead = "auto",
    attention: int = 0,
    rectified_shortcut: bool = True,
    num_categories: int = 10,
    num_continuous: int = 2,
    precision: str = "float32",
    remat: str = "none",
) -> Network:
    """`models.SNGANDiscriminator` for images of `shape`; see there for the options.

    Example:
      >>> sngan_discriminator((32, 32, 3), base_channels=8).couples_batch
      False
    """
    size, channels = square(shape, "sngan")
    head = told_head(head, num_classes)
    module = models.SNGANDiscriminator(
        size,
        channels,
        _width(size, 1) if base_channels is None else base_channels,
        head,
        num_classes,
        attention,
        rectified_shortcut,
        num_categories,
        num_continuous,
        dtype_of(precision),
    )
    return make_network(module, shape, remat, num_classes, head == "projection")


def sagan_generator(
    shape: tuple[int, ...],
    latent_dim: int,
    num_classes: int | None = None,
    base_channels: int | None = None,
    conditioning: Conditioning = "auto",
    attention: int | None = None,
    precision: str = "float32",
    remat: str = "none",
    upsampling: Upsampling = "bilinear",
) -> Network:
    """`sngan_generator` with spectral norm and self-attention, at a quarter of the resolution.

    Example:
      >>> sagan_generator((32, 32, 3), latent_dim=8, base_channels=8).couples_batch
      True
    """
    size, _ = square(shape, "sagan")
    return sngan_generator(
        shape,
        latent_dim,
        num_classes,
        base_channels,
        conditioning,
        "spectral",
        SAGAN_ATTENTION.get(size, (0, 0))[0] if attention is None else attention,
        precision,
        remat,
        upsampling,
    )


def sagan_discriminator(
    shape: tuple[int, ...],
    num_classes: int | None = None,
    base_channels: int | None = None,
    head: ToldHead = "auto",
    attention: int | None = None,
    rectified_shortcut: bool = True,
    num_categories: int = 10,
    num_continuous: int = 2,
    precision: str = "float32",
    remat: str = "none",
) -> Network:
    """`sngan_discriminator` with self-attention.

    Example:
      >>> sagan_discriminator((32, 32, 3), base_channels=8).couples_batch
      False
    """
    size, _ = square(shape, "sagan")
    return sngan_discriminator(
        shape,
        num_classes,
        base_channels,
        head,
        SAGAN_ATTENTION.get(size, (0, 0))[1] if attention is None else attention,
        rectified_shortcut,
        num_categories,
        num_continuous,
        precision,
        remat,
    )


SAGAN_ATTENTION = {28: (14, 14), 32: (16, 8), 48: (24, 12), 64: (32, 16), 128: (32, 32)}
"""Size of the map that attends to itself, of generator and discriminator, by image size."""


def told_head(head: ToldHead, num_classes: int | None) -> Head:
    """The head that is meant: of `"auto"` a projection where there are classes.

    Example:
      >>> told_head("auto", 10), told_head("auto", None), told_head("classifier", 10)
      ('projection', 'logit', 'classifier')
    """
    if head != "auto":
        return head
    return "projection" if num_classes else "logit"


def _width(size: int, player: int) -> int:
    return TABLES[size].width[player] if size in TABLES else 1
