"""Conditional batch normalisation: a gain and a bias for each class, or of a code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import jax.numpy as jnp
from flax import linen as nn

from jaxgan.core.ranges import Decay, Width, checked
from jaxgan.core.typing import Array
from jaxgan.models.layers.dense import Dense
from jaxgan.models.layers.labels import one_hot
from jaxgan.models.layers.norms import apply_layer
from jaxgan.models.layers.precision import to_float32


@checked
class ConditionalBatchNorm(nn.Module):
    r"""Batch norm with a gain and a bias of each class.

    .. math:: y = (1 + s_c) \frac{x - \mu_B}{\sqrt{\sigma_B^2 + \epsilon}} + b_c

    for examples of class c, with s and b zero at the start. Examples without a class have neither.

    Args:
        num_classes: how many there are.
        momentum: of the running averages, in `batch_stats`.
        scale_init: Flax initialiser of s.

    >>> import jax
    >>> layer = ConditionalBatchNorm(num_classes=10)
    >>> x, label = jnp.ones((2, 4, 4, 3)), jnp.asarray([0, 9])
    >>> y, variables = layer.init_with_output(jax.random.key(0), x, label)
    >>> y.shape, variables["params"]["scale"].shape
    ((2, 4, 4, 3), (10, 3))

    References:
        Dumoulin et al., 2017 (arXiv:1610.07629); de Vries et al., 2017 (arXiv:1707.00683).
    """

    num_classes: Width
    momentum: Decay = 0.9
    scale_init: Callable[..., Array] = nn.initializers.zeros

    @nn.compact
    def __call__(self, x: Array, label: Array | None, train: bool = True) -> Array:
        """Normalise [B, ..., C] with labels [B]."""
        normed = _plain(self.momentum, train)(to_float32(x))
        shape = (self.num_classes, x.shape[-1])
        scale = self.param("scale", self.scale_init, shape, jnp.float32)
        bias = self.param("bias", nn.initializers.zeros, shape, jnp.float32)
        codes = one_hot(label, self.num_classes, normed.dtype)
        return _modulated(normed, codes @ scale, codes @ bias).astype(x.dtype)


@checked
class CodeBatchNorm(nn.Module):
    r"""Batch norm whose gain and bias are linear maps of a code.

    .. math:: y = (1 + W_s h) \frac{x - \mu_B}{\sqrt{\sigma_B^2 + \epsilon}} + W_b h

    BigGAN's code h is a class embedding, shared by all layers, beside a part of the latent. Both
    maps are without biases.

    Args:
        norm: `"none"`, or `"spectral"` for both maps.
        momentum: of the running averages, in `batch_stats`.
        kernel_init: Flax initialiser of both maps.
        dtype: of both maps' products; by default that of the code.

    >>> import jax
    >>> x, code = jnp.ones((2, 4, 4, 3)), jnp.ones((2, 8))
    >>> CodeBatchNorm().init_with_output(jax.random.key(0), x, code)[0].shape
    (2, 4, 4, 3)

    References:
        Brock et al., 2019 (arXiv:1809.11096), appendix B.
    """

    norm: Literal["none", "spectral"] = "none"
    momentum: Decay = 0.9
    kernel_init: Callable[..., Array] = nn.initializers.lecun_normal()
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Array, code: Array, train: bool = True) -> Array:
        """Normalise [B, ..., C] as [B, S] says."""
        normed = _plain(self.momentum, train)(to_float32(x))

        def linear(name: str) -> Array:
            layer = Dense(
                x.shape[-1],
                use_bias=False,
                kernel_init=self.kernel_init,
                dtype=self.dtype,
                name=name,
            )
            return to_float32(apply_layer(layer, code, self.norm, train, f"{name}_spectral"))

        return _modulated(normed, linear("scale"), linear("bias")).astype(x.dtype)


def _plain(momentum: float, train: bool) -> nn.BatchNorm:
    return nn.BatchNorm(not train, momentum=momentum, use_scale=False, use_bias=False)


def _modulated(x: Array, scale: Array, bias: Array) -> Array:
    each = (x.shape[0], *(1,) * (x.ndim - 2), x.shape[-1])
    return x * (1 + scale.reshape(each)) + bias.reshape(each)
