"""Networks for data of a shape, by plain options: what a config can name as a player."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan import models
from jaxgan.config import ConfigError, Table
from jaxgan.network import Network, from_linen, packed, unconditional
from jaxgan.network import remat as recompute

ACTIVATIONS: Table = {"leaky_relu": nn.leaky_relu, "relu": nn.relu, "tanh": nn.tanh}
# None: that of the inputs, which are float32.
PRECISIONS: Mapping[str, Any] = {"bfloat16": jnp.bfloat16, "float32": None}
REMATS: Mapping[str, Callable[[Network], Network]] = {
    "none": lambda network: network,
    "full": recompute,
}


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
) -> Network:
    """`models.DCGANGenerator` for images of `shape`; see there for the options.

    Example:
      >>> dcgan_generator((8, 8, 1), latent_dim=4, base_channels=8).couples_batch
      True
    """
    size, channels = _image_size(shape)
    options = (base_channels, norm, num_extra_layers, kernel_size, _dtype(precision))
    build = partial(models.DCGANGenerator, size, channels, *options)
    return _generator(build, latent_dim, num_classes, conditioning, remat)


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
) -> Network:
    """`models.DCGANDiscriminator` for images of `shape`; see there for the options.

    Example:
      >>> dcgan_discriminator((8, 8, 1), base_channels=8, norm="none").couples_batch
      False
    """
    size, channels = _image_size(shape)
    options = (base_channels, norm, num_extra_layers, kernel_size, _dtype(precision))
    build = partial(models.DCGANDiscriminator, size, packing * channels, *options)
    codes = {"num_categories": num_categories, "num_continuous": num_continuous}
    how = _How(conditioning, minibatch, head, packing, remat)
    return _discriminator(partial(build, **codes), shape, num_classes, how)


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
    size, channels = _image_size(shape)
    options = (base_channels, norm, num_extra_layers, kernel_size, _dtype(precision))
    module = models.DCGANAutoencoder(size, channels, code_dim, error, *options)
    return _network(module, shape, remat, num_classes, uses_label=False)


def _image_size(shape: tuple[int, ...]) -> tuple[int, int]:
    if len(shape) != 3 or shape[0] != shape[1]:
        raise ConfigError(
            f"data of shape {shape}; dcgan makes square images [size, size, channels]"
        )
    return shape[0], shape[2]


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
        **_mlp_options(activation, orthogonal_gain, precision),
    )
    return _generator(build, latent_dim, num_classes, conditioning, remat)


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
        **_mlp_options(activation, orthogonal_gain, precision),
    )
    how = _How(conditioning, minibatch, head, packing, remat)
    return _discriminator(build, shape, num_classes, how)


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
    options = _mlp_options(activation, orthogonal_gain, precision)
    module = models.MLPAutoencoder(features, code_dim, error, **options)
    return _network(module, shape, remat, num_classes, uses_label=False)


def _mlp_options(activation: str, orthogonal_gain: float, precision: str) -> dict[str, Any]:
    if activation not in ACTIVATIONS:
        raise ConfigError(f"activation is {activation!r}; allowed: {', '.join(ACTIVATIONS)}")
    options: dict[str, Any] = {"activation": ACTIVATIONS[activation], "dtype": _dtype(precision)}
    if orthogonal_gain > 0:
        options["kernel_init"] = nn.initializers.orthogonal(orthogonal_gain)
    return options


def _dtype(precision: str) -> Any:
    if precision not in PRECISIONS:
        raise ValueError(f"precision is {precision!r}; allowed: {', '.join(PRECISIONS)}")
    return PRECISIONS[precision]


class _How(NamedTuple):
    """What all discriminators share: see `models.DCGANDiscriminator`, `packed` and `remat`."""

    conditioning: str
    minibatch: str
    head: str
    packing: int
    remat: str


def _generator(
    build: Callable[..., nn.Module],
    latent_dim: int,
    num_classes: int | None,
    conditioning: str,
    remat: str,
) -> Network:
    if conditioning == "auto":
        conditioning = "concat" if num_classes else "none"
    module = build(conditioning=conditioning, num_classes=num_classes)
    return _network(module, (latent_dim,), remat, num_classes, conditioning != "none")


def _discriminator(
    build: Callable[..., nn.Module], shape: tuple[int, ...], num_classes: int | None, how: _How
) -> Network:
    """A discriminator that is given labels in one way only, unless it is told otherwise."""
    if how.packing < 1 or (how.packing > 1 and how.head not in ("features", "logit")):
        raise ValueError(
            f"packing is {how.packing} with head {how.head!r}; it must be at least 1, "
            "and 1 for heads other than 'logit' and 'features'"
        )
    conditioning = how.conditioning
    if conditioning == "auto":
        is_told = num_classes and how.head in ("codes", "features", "logit")
        conditioning = "concat" if is_told else "none"
    module = build(
        conditioning=conditioning, minibatch=how.minibatch, head=how.head, num_classes=num_classes
    )
    wide = (*shape[:-1], how.packing * shape[-1])
    uses_label = conditioning != "none" or how.head == "projection"
    couples = None if how.minibatch == "none" else True
    return _network(module, wide, how.remat, num_classes, uses_label, couples, how.packing)


def _network(
    module: nn.Module,
    shape: tuple[int, ...],
    remat: str,
    num_classes: int | None,
    uses_label: bool,
    couples_batch: bool | None = None,
    packing: int = 1,
) -> Network:
    """Of (inputs), or of (inputs, label) in a conditional game, whether it uses labels or not."""
    if remat not in REMATS:
        raise ValueError(f"remat is {remat!r}; allowed: {', '.join(REMATS)}")
    inputs = [jax.ShapeDtypeStruct((1, *shape), jnp.float32)]
    if uses_label:
        label_shape = (1,) if packing == 1 else (1, packing)
        inputs.append(jax.ShapeDtypeStruct(label_shape, jnp.int32))
    network = REMATS[remat](from_linen(module, *inputs, couples_batch=couples_batch))
    network = network if packing == 1 else packed(network, packing)
    return unconditional(network) if num_classes and not uses_label else network
