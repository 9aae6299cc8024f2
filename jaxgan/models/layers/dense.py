"""Dense layer, the same as Flax's but for what is float32 whatever the precision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from flax import linen as nn

from jaxgan.models.layers.precision import add_bias
from jaxgan.typing import Array


class Dense(nn.Module):
    """Affine map of the last axis; parameters `kernel` and `bias`.

    Args:
        features: number of outputs.
        use_bias: whether to add a bias; leave it out in front of a batch norm.
        kernel_init: Flax initialiser of the kernel.
        dtype: of the product; by default that of the input. Parameters are float32.

    >>> import jax
    >>> layer = Dense(3, dtype=jnp.bfloat16)
    >>> y, variables = layer.init_with_output(jax.random.key(0), jnp.ones((5, 2)))
    >>> y.shape, y.dtype.name, variables["params"]["kernel"].dtype.name
    ((5, 3), 'bfloat16', 'float32')
    """

    features: int
    use_bias: bool = True
    kernel_init: Callable[..., Array] = nn.initializers.lecun_normal()
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map [..., in_features] to [..., features]."""
        shape = (x.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape, jnp.float32)
        bias = None
        if self.use_bias:
            bias = self.param("bias", nn.initializers.zeros, (self.features,), jnp.float32)
        x, kernel = nn.dtypes.promote_dtype(x, kernel, dtype=self.dtype)
        return add_bias(jnp.dot(x, kernel), bias)
