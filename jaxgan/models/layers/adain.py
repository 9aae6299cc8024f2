"""Adaptive instance normalisation: a style sets the mean and deviation of every channel."""

from __future__ import annotations

import chex
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.core.ranges import Positive, checked
from jaxgan.core.typing import Array
from jaxgan.models.layers.dense import Dense
from jaxgan.models.layers.equalised import Equalised
from jaxgan.models.layers.precision import to_float32


@checked
class AdaIN(nn.Module):
    r"""Instance norm whose scale and bias are affine functions of a style.

    .. math:: y = (1 + s) \frac{x - \mu(x)}{\sqrt{\sigma^2(x) + \epsilon}} + b,
       \quad (s, b) = A(\text{style})

    with μ and σ² of each channel of each example. At the start A's bias is 0.

    Args:
        epsilon: added to the variance.
        equalised: for an equalised learning rate of A; StyleGAN's has a gain of 1.

    >>> import jax
    >>> layer = AdaIN()
    >>> x, style = jnp.ones((2, 4, 4, 3)), jnp.ones((2, 8))
    >>> layer.init_with_output(jax.random.key(0), x, style)[0].shape
    (2, 4, 4, 3)

    References:
        Huang and Belongie, 2017 (arXiv:1703.06868); of a style: Karras et al., 2019
        (arXiv:1812.04948).
    """

    epsilon: Positive = 1e-5
    equalised: Equalised | None = None

    @nn.compact
    def __call__(self, x: Array, style: Array) -> Array:
        """Normalise [B, H, W, C] as [B, S] says."""
        chex.assert_rank([x, style], [4, 2])
        wide = to_float32(x)
        mean = jnp.mean(wide, axis=(1, 2), keepdims=True)
        var = jnp.var(wide, axis=(1, 2), keepdims=True)
        affine = Dense(2 * x.shape[-1], equalised=self.equalised)(to_float32(style))
        scale, bias = jnp.split(affine[:, None, None, :], 2, axis=-1)
        y = (1 + scale) * (wide - mean) / jnp.sqrt(var + self.epsilon) + bias
        return y.astype(x.dtype)
