"""What a config can name: networks, losses, penalties, fields, algorithms, optimizers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan import algorithms, fields, games, losses, models, optimizers, penalties
from jaxgan import transforms as tf
from jaxgan.config import ConfigError, Table, complete, make
from jaxgan.fields import Field
from jaxgan.losses import Loss
from jaxgan.network import Network, from_linen
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
) -> Network:
    """`models.DCGANGenerator` for images of `shape`; see there for the options.

    Example:
      >>> dcgan_generator((8, 8, 1), latent_dim=4, base_channels=8).couples_batch
      True
    """
    size, channels = _image_size(shape)
    options = (base_channels, norm, num_extra_layers, kernel_size, _dtype(precision))
    module = models.DCGANGenerator(size, channels, *options)
    return _network(module, (latent_dim,), remat)


def dcgan_discriminator(
    shape: tuple[int, ...],
    num_classes: int | None = None,
    base_channels: int = 64,
    norm: models.Norm = "batch",
    num_extra_layers: int = 0,
    kernel_size: int = 4,
    precision: str = "float32",
    remat: str = "none",
) -> Network:
    """`models.DCGANDiscriminator` for images of `shape`; see there for the options.

    Example:
      >>> dcgan_discriminator((8, 8, 1), base_channels=8, norm="none").couples_batch
      False
    """
    size, channels = _image_size(shape)
    options = (base_channels, norm, num_extra_layers, kernel_size, _dtype(precision))
    module = models.DCGANDiscriminator(size, channels, *options)
    return _network(module, shape, remat)


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
) -> Network:
    """`models.MLPGenerator` for data of `shape`: tanh at the end for images, linear for points.

    A positive `orthogonal_gain` initialises every kernel orthogonally with that gain.

    Example:
      >>> mlp_generator((2,), latent_dim=4).couples_batch
      False
    """
    module = models.MLPGenerator(
        features,
        shape,
        out_activation=jnp.tanh if len(shape) == 3 else None,
        **_mlp_options(activation, orthogonal_gain, precision),
    )
    return _network(module, (latent_dim,), remat)


def mlp_discriminator(
    shape: tuple[int, ...],
    num_classes: int | None = None,
    features: tuple[int, ...] = (128, 128),
    activation: str = "relu",
    orthogonal_gain: float = 0.0,
    input_scale: float = 1.0,
    precision: str = "float32",
    remat: str = "none",
) -> Network:
    """`models.MLPDiscriminator` for data of `shape`, which `input_scale` multiplies first.

    Example:
      >>> mlp_discriminator((2,), input_scale=0.25).couples_batch
      False
    """
    options = _mlp_options(activation, orthogonal_gain, precision)
    module = models.MLPDiscriminator(features, input_scale=input_scale, **options)
    return _network(module, shape, remat)


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


def _network(module: nn.Module, shape: tuple[int, ...], remat: str) -> Network:
    if remat not in REMATS:
        raise ValueError(f"remat is {remat!r}; allowed: {', '.join(REMATS)}")
    return REMATS[remat](from_linen(module, jax.ShapeDtypeStruct((1, *shape), jnp.float32)))


def relativistic_loss(base: Any = "non_saturating") -> Loss:
    """`losses.relativistic` over a base that is itself named by a section.

    Example:
      >>> isinstance(relativistic_loss("hinge"), Loss)
      True
    """
    return losses.relativistic(make(complete(base, LOSSES, "loss.base"), LOSSES, "loss.base"))


def gradient_field() -> Callable[[Field], Field]:
    """Every player's own gradient, as it is.

    Example:
      >>> gradient_field()("field")
      'field'
    """
    return lambda field: field


GENERATORS: Table = {"dcgan": dcgan_generator, "mlp": mlp_generator}
DISCRIMINATORS: Table = {"dcgan": dcgan_discriminator, "mlp": mlp_discriminator}
LOSSES: Table = {
    "hinge": losses.hinge,
    "least_squares": losses.least_squares,
    "minimax": losses.minimax,
    "non_saturating": losses.non_saturating,
    "relativistic": relativistic_loss,
    "wasserstein": losses.wasserstein,
}
PENALTIES: Table = {"r1": penalties.r1, "r2": penalties.r2, "wgan_gp": penalties.wgan_gp}
ALGORITHMS: Table = {
    "alternating": algorithms.alternating,
    "extragradient": algorithms.extragradient,
    "past_extragradient": algorithms.past_extragradient,
    "sequence": algorithms.sequence,
    "simultaneous": algorithms.simultaneous,
}
FIELDS: Table = {
    "competitive": fields.competitive,
    "consensus": fields.consensus,
    "follow_the_ridge": fields.follow_the_ridge,
    "gradient": gradient_field,
    "gradient_norm": fields.gradient_norm,
    "lola": fields.lola,
    "lookahead_opponent": fields.lookahead_opponent,
    "sos": fields.sos,
    "symplectic": fields.symplectic,
}
OPTIMIZERS: Table = {
    "adam": optimizers.adam,
    "optimistic": optimizers.optimistic,
    "optimistic_adam": optimizers.optimistic_adam,
    "rmsprop": optimizers.rmsprop,
    "sgd": optimizers.sgd,
}
# Sections that name no function: null, or the options of the one function there is.
OPTIONAL: Table = {"ema": tf.ema, "lookahead": tf.lookahead, "unrolled": games.unrolled}
OPTIONAL_GIVEN: Mapping[str, tuple[str, ...]] = {
    "ema": ("algorithm", "player"),
    "lookahead": ("algorithm",),
    "unrolled": ("game", "player", "opponent", "inner"),
}
PLAYERS = ("gen", "disc")
