"""Instance norm without parameters, and the choice between it and batch norm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.models.layers.precision import widen
from jaxgan.typing import Array

PlainNorm = Literal["batch", "instance", "none"]
PLAIN_NORMS = ("batch", "instance", "none")

EPSILON = 1e-5


def instance_norm(x: Array, epsilon: float = EPSILON) -> Array:
    r"""Every channel of every example with mean 0 and variance 1.

    .. math:: y = \frac{x - \mu(x)}{\sqrt{\sigma^2(x) + \epsilon}}

    with μ and σ² over the pixels of one channel of one example. Nothing is learned.

    Args:
        x: [B, H, W, C].
        epsilon: added to the variance.

    Returns:
        An array like `x`; statistics are taken in at least 32 bits.

    >>> instance_norm(jnp.asarray([-3.0, 3.0]).reshape(1, 1, 2, 1)).round(3).ravel().tolist()
    [-1.0, 1.0]

    References:
        Ulyanov et al., 2016 (arXiv:1607.08022).
    """
    wide = widen(x)
    centred = wide - jnp.mean(wide, axis=(1, 2), keepdims=True)
    variance = jnp.mean(jnp.square(centred), axis=(1, 2), keepdims=True)
    return (centred * jax.lax.rsqrt(variance + epsilon)).astype(x.dtype)


def near_one(key: Array, shape: tuple[int, ...], dtype: jnp.dtype = jnp.float32) -> Array:
    """Initialises the scales of a batch norm from N(1, 0.02²), as DCGAN's and pix2pix's codes do.

    >>> near_one(jax.random.key(0), (3,)).shape
    (3,)
    """
    noise: Array = 0.02 * jax.random.normal(key, shape, dtype)
    return 1.0 + noise


def plain_norm(
    x: Array,
    norm: PlainNorm,
    train: bool,
    name: str,
    scale_init: Callable[..., Array] = near_one,
) -> Array:
    """Batch norm, instance norm or none; called inside a compact method, which owns parameters.

    Args:
        x: [B, H, W, C].
        norm: `"batch"` with a scale and a bias of each channel, `"instance"` without, or `"none"`.
        train: whether batch statistics are the batch's.
        name: of the batch norm.
        scale_init: Flax initialiser of its scales.

    Returns:
        An array like `x`.

    >>> plain_norm(jnp.ones((1, 2, 2, 3)), "instance", True, "norm").shape
    (1, 2, 2, 3)
    """
    if norm == "none":
        return x
    if norm == "instance":
        return instance_norm(x)
    layer = nn.BatchNorm(not train, momentum=0.9, scale_init=scale_init, name=name)
    return layer(widen(x)).astype(x.dtype)


def check_plain_norm(norm: str) -> None:
    """Raises unless `norm` is one of `PLAIN_NORMS`.

    Args:
        norm: its name.

    Raises:
        ValueError: with what is allowed.

    >>> check_plain_norm("instance")
    """
    if norm not in PLAIN_NORMS:
        raise ValueError(f"norm: got {norm!r}; must be 'batch', 'instance' or 'none'")
