"""Self-attention over the pixels of a feature map."""

from __future__ import annotations

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.models.layers.dense import Dense
from jaxgan.models.layers.precision import widen
from jaxgan.typing import Array


class SelfAttention(nn.Module):
    r"""What every pixel adds from all others, where their features match.

    .. math:: y_j = x_j + \gamma\, W_v \sum_i \beta_{ji} W_h x_i, \quad
       \beta_{ji} = \text{softmax}_i \big( (W_f x_i)^\top W_g x_j \big)

    with f, g and h of C / reduction features, without biases. γ = 0 at the start, hence y = x. The
    official code differs: it pools f and h by two and gives h C / 2 features.

    Args:
        reduction: C over the features of f, g and h.

    >>> layer = SelfAttention()
    >>> x = jax.random.normal(jax.random.key(0), (2, 4, 4, 8))
    >>> bool((layer.init_with_output(jax.random.key(1), x)[0] == x).all())
    True

    References:
        Zhang et al., 2019 (arXiv:1805.08318), section 3.
    """

    reduction: int = 8

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map [B, H, W, C] to the same shape."""
        chex.assert_rank(x, 4)
        num, height, width, channels = x.shape
        pixels = x.reshape(num, height * width, channels)
        inner = max(1, channels // self.reduction)
        f, g, h = (Dense(inner, use_bias=False, name=name)(pixels) for name in "fgh")
        weights = jax.nn.softmax(widen(jnp.einsum("bjc,bic->bji", g, f)), axis=-1)
        mixed = jnp.einsum("bji,bic->bjc", weights.astype(x.dtype), h)
        mixed = Dense(channels, use_bias=False, name="v")(mixed).reshape(x.shape)
        gamma = self.param("gamma", nn.initializers.zeros, (), jnp.float32)
        return x + (gamma * widen(mixed)).astype(x.dtype)
