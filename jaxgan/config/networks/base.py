"""What all networks that a config can name share: precision, memory, labels, packing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.config.base import ConfigError
from jaxgan.core.network import Network, packed, unconditional
from jaxgan.core.network import remat as recompute
from jaxgan.models.adapters import from_linen

# None: that of the inputs, which are float32.
PRECISIONS: Mapping[str, Any] = {"bfloat16": jnp.bfloat16, "float32": None}
REMATS: Mapping[str, Callable[[Network], Network]] = {
    "none": lambda network: network,
    "full": recompute,
}


def dtype_of(precision: str) -> Any:
    """The dtype of products and activations.

    Args:
      precision: a key of `PRECISIONS`.

    Returns:
      A dtype, or None for that of the inputs.

    Raises:
      ValueError: if there is no such precision.

    Example:
      >>> dtype_of("float32") is None
      True
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision is {precision!r}; allowed: {', '.join(PRECISIONS)}")
    return PRECISIONS[precision]


class How(NamedTuple):
    """What all discriminators share: see `models.DCGANDiscriminator`, `packed` and `remat`."""

    conditioning: str
    minibatch: str
    head: str
    packing: int
    remat: str


def square(shape: tuple[int, ...], family: str) -> tuple[int, int]:
    """Side and channels of square images.

    Args:
      shape: of one example of the data.
      family: of the network, for the message.

    Returns:
      (size, channels).

    Raises:
      ConfigError: if the data are no square images.

    Example:
      >>> square((28, 28, 1), "dcgan")
      (28, 1)
    """
    if len(shape) != 3 or shape[0] != shape[1]:
        raise ConfigError(
            f"data of shape {shape}; {family} makes square images [size, size, channels]"
        )
    return shape[0], shape[2]


def make_generator(
    build: Callable[..., nn.Module],
    latent_dim: int,
    num_classes: int | None,
    conditioning: str,
    remat: str,
) -> Network:
    """A generator that is given labels by concatenation in a conditional game, unless told else.

    Args:
      build: the module, given `conditioning` and `num_classes`.
      latent_dim: length of z.
      num_classes: of a conditional game.
      conditioning: `"auto"`, or what the module knows.
      remat: a key of `REMATS`.

    Returns:
      A `Network`.

    Example:
      See `mlp_generator`.
    """
    if conditioning == "auto":
        conditioning = "concat" if num_classes else "none"
    module = build(conditioning=conditioning, num_classes=num_classes)
    return make_network(module, (latent_dim,), remat, num_classes, conditioning != "none")


def make_discriminator(
    build: Callable[..., nn.Module], shape: tuple[int, ...], num_classes: int | None, how: How
) -> Network:
    """A discriminator that is given labels in one way only, unless it is told otherwise.

    Args:
      build: the module, given `conditioning`, `minibatch`, `head` and `num_classes`.
      shape: of one example.
      num_classes: of a conditional game.
      how: what all discriminators share.

    Returns:
      A `Network`.

    Raises:
      ValueError: if the head cannot judge packs.

    Example:
      See `mlp_discriminator`.
    """
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
    return make_network(module, wide, how.remat, num_classes, uses_label, couples, how.packing)


def make_network(
    module: nn.Module,
    shape: tuple[int, ...],
    remat: str,
    num_classes: int | None,
    uses_label: bool,
    couples_batch: bool | None = None,
    packing: int = 1,
) -> Network:
    """Of (inputs), or of (inputs, label) in a conditional game, whether it uses labels or not.

    Args:
      module: of (inputs), or of (inputs, label) where it uses labels.
      shape: of one input.
      remat: a key of `REMATS`.
      num_classes: of a conditional game.
      uses_label: whether the module is given labels.
      couples_batch: see `from_linen`.
      packing: examples that are judged together.

    Returns:
      A `Network`.

    Raises:
      ValueError: if there is no such remat.

    Example:
      >>> network = make_network(nn.Dense(3), (2,), "none", None, uses_label=False)
      >>> network.couples_batch
      False
    """
    if remat not in REMATS:
        raise ValueError(f"remat is {remat!r}; allowed: {', '.join(REMATS)}")
    inputs = [jax.ShapeDtypeStruct((1, *shape), jnp.float32)]
    if uses_label:
        label_shape = (1,) if packing == 1 else (1, packing)
        inputs.append(jax.ShapeDtypeStruct(label_shape, jnp.int32))
    network = REMATS[remat](from_linen(module, *inputs, couples_batch=couples_batch))
    network = network if packing == 1 else packed(network, packing)
    return unconditional(network) if num_classes and not uses_label else network
