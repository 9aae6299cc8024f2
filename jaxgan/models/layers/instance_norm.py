"""Instance norm without parameters, and the choice between it and batch norm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.core.typing import Array
from jaxgan.models.layers.precision import to_float32

PlainNorm = Literal["batch", "instance", "none"]

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
    wide = to_float32(x)
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


class ImageBatchNorm(nn.BatchNorm):
    r"""Batch norm that out of training takes each image's own statistics, not running ones.

    In training it is Flax's. Out of it, it is what that does to a batch of one image,

    .. math:: y = \gamma \frac{x - \mu(x)}{\sqrt{\sigma^2(x) + \epsilon}} + \beta

    with μ and σ² over the pixels of one channel of one example, so that what becomes of an image
    does not depend on the images beside it.

    >>> layer = ImageBatchNorm(use_running_average=True)
    >>> x = jnp.asarray([-3.0, 3.0]).reshape(1, 1, 2, 1)
    >>> layer.init_with_output(jax.random.key(0), x)[0].round(3).ravel().tolist()
    [-1.0, 1.0]

    References:
        How pix2pix samples (Isola et al., 2017, arXiv:1611.07004, section 3.4).
    """

    @nn.compact
    def __call__(
        self, x: Array, use_running_average: bool | None = None, *, mask: Array | None = None
    ) -> Array:
        """Map [B, H, W, C]."""
        if not self.use_running_average:
            y: Array = super().__call__(x, use_running_average, mask=mask)
            return y
        shape = (x.shape[-1],)
        for name, start in (("mean", jnp.zeros), ("var", jnp.ones)):  # kept, and not looked at
            self.variable("batch_stats", name, start, shape, jnp.float32)
        scale = self.param("scale", self.scale_init, shape, self.param_dtype)
        bias = self.param("bias", self.bias_init, shape, self.param_dtype)
        wide: Array = instance_norm(x, self.epsilon)
        return wide * scale[None, None, None] + bias[None, None, None]


def plain_norm(
    x: Array,
    norm: PlainNorm,
    train: bool,
    name: str,
    scale_init: Callable[..., Array] = near_one,
    layer: type[nn.BatchNorm] = nn.BatchNorm,
) -> Array:
    """Batch norm, instance norm or none; called inside a compact method, which owns parameters.

    Args:
        x: [B, H, W, C].
        norm: `"batch"` with a scale and a bias of each channel, `"instance"` without, or `"none"`.
        train: whether batch statistics are the batch's.
        name: of the batch norm.
        scale_init: Flax initialiser of its scales.
        layer: the batch norm, such as `ImageBatchNorm`.

    Returns:
        An array like `x`.

    >>> plain_norm(jnp.ones((1, 2, 2, 3)), "instance", True, "norm").shape
    (1, 2, 2, 3)
    """
    if norm == "none":
        return x
    if norm == "instance":
        return instance_norm(x)
    batch_norm = layer(not train, momentum=0.9, scale_init=scale_init, name=name)
    y: Array = batch_norm(to_float32(x)).astype(x.dtype)
    return y
