"""Conditional batch normalisation: a gain and a bias for each class."""

from __future__ import annotations

import jax.numpy as jnp
from flax import linen as nn

from jaxgan.models.layers.labels import one_hot
from jaxgan.models.layers.precision import widen
from jaxgan.typing import Array


class ConditionalBatchNorm(nn.Module):
    r"""Batch norm with a gain and a bias of each class.

    .. math:: y = (1 + s_c) \frac{x - \mu_B}{\sqrt{\sigma_B^2 + \epsilon}} + b_c

    for examples of class c, with s and b zero at the start. Examples without a class have neither.

    Args:
        num_classes: how many there are.
        momentum: of the running averages, in `batch_stats`.

    >>> import jax
    >>> layer = ConditionalBatchNorm(num_classes=10)
    >>> x, label = jnp.ones((2, 4, 4, 3)), jnp.asarray([0, 9])
    >>> y, variables = layer.init_with_output(jax.random.key(0), x, label)
    >>> y.shape, variables["params"]["scale"].shape
    ((2, 4, 4, 3), (10, 3))

    References:
        Dumoulin et al., 2017 (arXiv:1610.07629); de Vries et al., 2017 (arXiv:1707.00683).
    """

    num_classes: int
    momentum: float = 0.9

    @nn.compact
    def __call__(self, x: Array, label: Array | None, train: bool = True) -> Array:
        """Normalise [B, ..., C] with labels [B]."""
        norm = nn.BatchNorm(not train, momentum=self.momentum, use_scale=False, use_bias=False)
        normed = norm(widen(x))
        shape = (self.num_classes, x.shape[-1])
        scale = self.param("scale", nn.initializers.zeros, shape, jnp.float32)
        bias = self.param("bias", nn.initializers.zeros, shape, jnp.float32)
        codes = one_hot(label, self.num_classes, normed.dtype)
        each = (len(x), *(1,) * (x.ndim - 2), x.shape[-1])
        y = normed * (1 + (codes @ scale).reshape(each)) + (codes @ bias).reshape(each)
        return y.astype(x.dtype)
