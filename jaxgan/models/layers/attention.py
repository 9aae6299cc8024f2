"""Self-attention over the pixels of a feature map."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.core.ranges import Count, checked
from jaxgan.core.typing import Array
from jaxgan.models.layers.dense import Dense
from jaxgan.models.layers.norms import apply_layer
from jaxgan.models.layers.precision import to_float32


@checked
class SelfAttention(nn.Module):
    r"""What every pixel adds from all others, where their features match.

    .. math:: y_j = x_j + \gamma\, W_v \sum_i \beta_{ji} W_h x_i, \quad
       \beta_{ji} = \text{softmax}_i \big( (W_f x_i)^\top W_g x_j \big)

    without biases. γ = 0 at the start, hence y = x. As in the paper f, g and h have C / 8 features.
    The official code, and BigGAN's, differ: f and h are maxima over 2x2 pixels, h has C / 2
    features and every kernel is normalised; that is `value_reduction=2, pool=2, norm="spectral"`.

    Args:
        reduction: C over the features of f and g.
        value_reduction: C over the features of h; as `reduction` by default.
        pool: pixels per side over which f and h are maxima; it divides height and width.
        norm: `"none"`, or `"spectral"` for every kernel.
        kernel_init: Flax initialiser of every kernel.
        dtype: of products; by default that of the input. Weights β are float32 inside the softmax.

    Raises:
        ValueError: if `pool` does not divide the map.

    >>> layer = SelfAttention()
    >>> x = jax.random.normal(jax.random.key(0), (2, 4, 4, 8))
    >>> bool((layer.init_with_output(jax.random.key(1), x)[0] == x).all())
    True

    References:
        Zhang et al., 2019 (arXiv:1805.08318), section 3; Wang et al., 2018 (arXiv:1711.07971).
    """

    reduction: Count = 8
    value_reduction: Count | None = None
    pool: Count = 1
    norm: Literal["none", "spectral"] = "none"
    kernel_init: Callable[..., Array] = nn.initializers.lecun_normal()
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Array, train: bool = True) -> Array:
        """Map [B, H, W, C] to the same shape."""
        chex.assert_rank(x, 4)
        num, height, width, channels = x.shape
        if height % self.pool or width % self.pool:
            raise ValueError(f"pool is {self.pool}; it must divide the map of {height}x{width}")
        inner = max(1, channels // self.reduction)
        value = max(1, channels // (self.value_reduction or self.reduction))

        def linear(features: int, x: Array, name: str) -> Array:
            layer = Dense(
                features,
                use_bias=False,
                kernel_init=self.kernel_init,
                dtype=self.dtype or x.dtype,
                name=name,
            )
            return apply_layer(layer, x, self.norm, train, f"{name}_spectral")

        def pixels(x: Array, pool: int = 1) -> Array:
            if pool > 1:
                x = x.reshape(num, height // pool, pool, width // pool, pool, -1).max((2, 4))
            return x.reshape(num, -1, x.shape[-1])

        f = pixels(linear(inner, x, "f"), self.pool)
        g = pixels(linear(inner, x, "g"))
        h = pixels(linear(value, x, "h"), self.pool)
        weights = jax.nn.softmax(to_float32(jnp.einsum("bjc,bic->bji", g, f)), axis=-1)
        mixed = jnp.einsum("bji,bic->bjc", weights.astype(h.dtype), h)
        mixed = linear(channels, mixed.reshape(num, height, width, -1), "v")
        gamma = self.param("gamma", nn.initializers.zeros, (), jnp.float32)
        return x + (gamma * to_float32(mixed)).astype(x.dtype)
