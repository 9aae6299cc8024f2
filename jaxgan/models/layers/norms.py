"""The normalisations that a network can be given by name."""

from __future__ import annotations

from typing import Literal

from flax import linen as nn

from jaxgan.core.typing import Array
from jaxgan.models.layers.precision import to_float32
from jaxgan.models.layers.renorm import BatchRenorm
from jaxgan.models.layers.spectral import spectral_norm
from jaxgan.models.layers.virtual import VirtualBatchNorm

Norm = Literal["batch", "instance", "layer", "none", "renorm", "spectral", "virtual"]


def check_reference(norm: Norm, num_reference: int) -> None:
    """Raises unless a network has the reference batch that its normalization needs.

    Args:
        norm: its name.
        num_reference: examples of a reference batch that the network is given.

    Raises:
        ValueError: if it has none.

    >>> check_reference("batch", 0)
    """
    if norm == "virtual" and num_reference < 1:
        raise ValueError(
            "norm is 'virtual', which needs num_reference and a reference batch "
            "(network.with_reference): it is for Python only"
        )


def has_own_bias(norm: str) -> bool:
    """Whether a normalisation makes the bias of the layer before it superfluous.

    >>> has_own_bias("batch"), has_own_bias("spectral")
    (True, False)
    """
    return norm in ("batch", "instance", "renorm", "virtual")


def normalise(x: Array, norm: str, train: bool, num_reference: int = 0) -> Array:
    """Normalises what a layer gave; called inside a compact method, which owns its parameters.

    Args:
        x: [B, ..., C].
        norm: `"batch"` over batch and pixels, `"renorm"` and `"virtual"` as their classes say,
            `"instance"` over pixels, `"layer"` over pixels and channels with a scale and a bias of
            each channel; `"none"` and `"spectral"`, which is the layer's own, for nothing.
        train: whether batch statistics are the batch's.
        num_reference: of `"virtual"`: examples of the reference batch.

    Returns:
        An array like `x`; statistics are taken in at least 32 bits.

    >>> import jax.numpy as jnp
    >>> normalise(jnp.ones((2, 3)), "none", train=True).shape
    (2, 3)
    """
    if norm in ("none", "spectral"):
        return x
    wide = to_float32(x)
    if norm == "batch":
        y = nn.BatchNorm(use_running_average=not train, momentum=0.9)(wide)
    elif norm == "renorm":
        y = BatchRenorm()(wide, train)
    elif norm == "virtual":
        y = VirtualBatchNorm(num_reference)(wide)
    elif norm == "instance":
        y = nn.InstanceNorm(use_fast_variance=False)(wide)
    else:
        axes = tuple(range(1, x.ndim))
        y = nn.LayerNorm(reduction_axes=axes, feature_axes=-1, use_fast_variance=False)(wide)
    normalized: Array = y.astype(x.dtype)
    return normalized


def apply_layer(
    layer: nn.Module, x: Array, norm: str, train: bool, name: str | None = None
) -> Array:
    """Applies a layer, with its kernel normalised if `norm` is `"spectral"`.

    Args:
        layer: such as `Conv` or `Dense`.
        x: its input.
        norm: the network's normalisation.
        train: whether power iterations move.
        name: of the state of the power iteration; numbered by default.

    Returns:
        The layer's output.
    """
    y: Array = spectral_norm(layer, x, train, name=name) if norm == "spectral" else layer(x)
    return y
