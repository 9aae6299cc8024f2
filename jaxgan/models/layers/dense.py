"""Dense layer, the same as Flax's but for what is float32 whatever the precision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from flax import linen as nn

from jaxgan.core.ranges import Width, checked
from jaxgan.core.typing import Array
from jaxgan.models.layers.equalised import Equalised, make_bias, make_kernel
from jaxgan.models.layers.precision import add_bias


@checked
class Dense(nn.Module):
    """Affine map of the last axis; parameters `kernel` and `bias`.

    Args:
        features: number of outputs.
        use_bias: whether to add a bias; leave it out in front of a batch norm.
        kernel_init: Flax initialiser of the kernel.
        bias_init: Flax initialiser of the bias.
        dtype: of the product; by default that of the input.
        param_dtype: of the parameters.
        equalised: for an equalised learning rate; `kernel_init` is then passed over.

    >>> import jax
    >>> layer = Dense(3, dtype=jnp.bfloat16)
    >>> y, variables = layer.init_with_output(jax.random.key(0), jnp.ones((5, 2)))
    >>> y.shape, y.dtype.name, variables["params"]["kernel"].dtype.name
    ((5, 3), 'bfloat16', 'float32')
    """

    features: Width
    use_bias: bool = True
    kernel_init: Callable[..., Array] = nn.initializers.lecun_normal()
    dtype: Any = None
    bias_init: Callable[..., Array] = nn.initializers.zeros
    param_dtype: Any = jnp.float32
    equalised: Equalised | None = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map [..., in_features] to [..., features]."""
        kernel = make_kernel(self, (x.shape[-1], self.features), x.shape[-1])
        bias = make_bias(self, self.features)
        x, kernel = nn.dtypes.promote_dtype(x, kernel, dtype=self.dtype)
        return add_bias(jnp.dot(x, kernel), bias)
