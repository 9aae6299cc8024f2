"""Progressive GAN, StyleGAN and StyleGAN2 by plain options."""

from __future__ import annotations

from typing import Literal

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan import models
from jaxgan.config.networks.base import dtype_of, make_network, square
from jaxgan.core.network import Network
from jaxgan.core.typing import Array, NetState
from jaxgan.models.adapters import from_linen_styles
from jaxgan.models.layers.mapping import STYLES

Told = Literal["auto", "none"]
"""Whether a network looks at labels: where there are classes, or not even there."""


def progan_generator(
    shape: tuple[int, ...],
    latent_dim: int,
    num_classes: int | None = None,
    resolution: int | None = None,
    channel_base: int = 16384,
    channel_max: int = 512,
    precision: str = "float32",
    remat: str = "none",
    conditioning: Told = "auto",
) -> Network:
    """`models.ProGANGenerator` for images of `shape`; see there for the options.

    Example:
      >>> progan_generator((8, 8, 1), latent_dim=4, channel_base=64).couples_batch
      False
    """
    size, channels = square(shape, "progan")
    told = _told(conditioning, num_classes)
    dtype = dtype_of(precision)
    module = models.ProGANGenerator(
        size, channels, channel_base, channel_max, resolution, dtype, told
    )
    return make_network(module, (latent_dim,), remat, num_classes, told is not None)


def progan_discriminator(
    shape: tuple[int, ...],
    num_classes: int | None = None,
    resolution: int | None = None,
    channel_base: int = 16384,
    channel_max: int = 512,
    smooth: bool = False,
    group_size: int = 4,
    precision: str = "float32",
    remat: str = "none",
    conditioning: Told = "auto",
) -> Network:
    """`models.ProGANDiscriminator` for images of `shape`; see there for the options.

    Example:
      >>> progan_discriminator((8, 8, 1), channel_base=64).couples_batch
      True
    """
    size, channels = square(shape, "progan")
    told = _told(conditioning, num_classes)
    module = models.ProGANDiscriminator(
        size,
        channels,
        channel_base,
        channel_max,
        resolution,
        smooth,
        group_size,
        dtype_of(precision),
        told,
    )
    side = resolution or size
    seen = (side, side, channels)
    return make_network(module, seen, remat, num_classes, told is not None, couples_batch=True)


def stylegan_generator(
    shape: tuple[int, ...],
    latent_dim: int,
    num_classes: int | None = None,
    resolution: int | None = None,
    channel_base: int = 16384,
    channel_max: int = 512,
    style_dim: int = 512,
    num_mapping_layers: int = 8,
    mapping_lr: float = 0.01,
    mixing: float = 0.9,
    decay: float = 0.995,
    precision: str = "float32",
    remat: str = "none",
    conditioning: Told = "auto",
) -> Network:
    """`models.StyleGANGenerator` for images of `shape`; see there for the options.

    Example:
      >>> network = stylegan_generator((8, 8, 1), latent_dim=4, channel_base=64, style_dim=8)
      >>> network.styles is None
      False
    """
    size, channels = square(shape, "stylegan")
    told = _told(conditioning, num_classes)
    module = models.StyleGANGenerator(
        size,
        channels,
        channel_base,
        channel_max,
        style_dim,
        num_mapping_layers,
        mapping_lr,
        mixing,
        decay,
        resolution,
        dtype_of(precision),
        told,
    )
    return _styled(module, latent_dim, remat, num_classes, told)


def stylegan_discriminator(
    shape: tuple[int, ...],
    num_classes: int | None = None,
    resolution: int | None = None,
    channel_base: int = 16384,
    channel_max: int = 512,
    group_size: int = 4,
    precision: str = "float32",
    remat: str = "none",
    conditioning: Told = "auto",
) -> Network:
    """`progan_discriminator` that blurs its maps before it averages them.

    Example:
      >>> stylegan_discriminator((8, 8, 1), channel_base=64).couples_batch
      True
    """
    square(shape, "stylegan")
    options = (channel_base, channel_max, True, group_size, precision, remat, conditioning)
    return progan_discriminator(shape, num_classes, resolution, *options)


def stylegan2_generator(
    shape: tuple[int, ...],
    latent_dim: int,
    num_classes: int | None = None,
    channel_base: int = 32768,
    channel_max: int = 512,
    style_dim: int = 512,
    num_mapping_layers: int = 8,
    mapping_lr: float = 0.01,
    mixing: float = 0.9,
    decay: float = 0.995,
    clamp: int | None = None,
    precision: str = "float32",
    remat: str = "none",
    conditioning: Told = "auto",
) -> Network:
    """`models.StyleGAN2Generator` for images of `shape`; see there for the options.

    Example:
      >>> network = stylegan2_generator((8, 8, 1), latent_dim=4, channel_base=64, style_dim=8)
      >>> variables = jax.eval_shape(network.init, jax.random.key(0))
      >>> z = jnp.ones((2, 4))
      >>> jax.eval_shape(lambda v: network.styles.mapping(*v, z, train=False), variables)[0].shape
      (2, 4, 8)
    """
    size, channels = square(shape, "stylegan2")
    told = _told(conditioning, num_classes)
    module = models.StyleGAN2Generator(
        size,
        channels,
        channel_base,
        channel_max,
        style_dim,
        num_mapping_layers,
        mapping_lr,
        mixing,
        decay,
        clamp,
        dtype_of(precision),
        told,
    )
    return _styled(module, latent_dim, remat, num_classes, told)


def stylegan2_discriminator(
    shape: tuple[int, ...],
    num_classes: int | None = None,
    channel_base: int = 32768,
    channel_max: int = 512,
    residual: bool = True,
    group_size: int = 4,
    num_stddev_channels: int = 1,
    num_mapping_layers: int = 8,
    clamp: int | None = None,
    precision: str = "float32",
    remat: str = "none",
    conditioning: Told = "auto",
) -> Network:
    """`models.StyleGAN2Discriminator` for images of `shape`; see there for the options.

    Example:
      >>> stylegan2_discriminator((8, 8, 1), channel_base=64, num_stddev_channels=0).couples_batch
      False
    """
    size, channels = square(shape, "stylegan2")
    told = _told(conditioning, num_classes)
    module = models.StyleGAN2Discriminator(
        size,
        channels,
        channel_base,
        channel_max,
        residual,
        group_size,
        num_stddev_channels,
        num_mapping_layers,
        clamp,
        dtype_of(precision),
        told,
    )
    couples = num_stddev_channels > 0
    return make_network(module, shape, remat, num_classes, told is not None, couples)


def _told(conditioning: str, num_classes: int | None) -> int | None:
    """The number of classes that a network is told."""
    if conditioning not in ("auto", "none"):
        raise ValueError(f"conditioning: got {conditioning!r}; must be 'auto' or 'none'")
    return num_classes if conditioning == "auto" else None


def _styled(
    module: nn.Module, latent_dim: int, remat: str, num_classes: int | None, told: int | None
) -> Network:
    """A generator with its styles, which are mapped with labels or without."""
    network = make_network(module, (latent_dim,), remat, num_classes, told is not None)
    inputs = [jax.ShapeDtypeStruct((1, latent_dim), jnp.float32)]
    if told:
        inputs.append(jax.ShapeDtypeStruct((1,), jnp.int32))
    styles = from_linen_styles(module, *inputs, mean=_mean_style, couples_batch=False).styles
    return network._replace(styles=styles)


def _mean_style(net_state: NetState) -> Array:
    mean: Array = net_state[STYLES]["mapping"]["mean"]
    return mean
