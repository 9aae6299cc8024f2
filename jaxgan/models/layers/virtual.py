"""Virtual batch normalisation: statistics of a fixed reference batch, not of the others."""

from __future__ import annotations

import jax.numpy as jnp
from flax import linen as nn

from jaxgan.core.ranges import Count, Positive, checked
from jaxgan.core.typing import Array


@checked
class VirtualBatchNorm(nn.Module):
    r"""Normalises each example by the statistics of a reference batch and of itself.

    .. math:: y_i = \gamma \frac{x_i - \mu_i}{\sqrt{\sigma_i^2 + \epsilon}} + \beta

    with μ_i and σ_i² over the R reference examples and example i, R + 1 of equal weight, and over
    all pixels. The reference examples, which come first in the batch, are normalised by their own
    statistics alone, as in the official code. `network.with_reference` puts them there.

    Args:
        num_reference: R, how many examples at the front are the reference.
        epsilon: added to the variance.

    Raises:
        ValueError: if there is no reference, or nothing but the reference in the batch.

    >>> import jax
    >>> layer = VirtualBatchNorm(num_reference=2)
    >>> y, _ = layer.init_with_output(jax.random.key(0), jnp.asarray([[-1.0], [1.0], [0.0]]))
    >>> y.round(2).tolist()
    [[-1.0], [1.0], [0.0]]

    References:
        Salimans et al., 2016 (arXiv:1606.03498), section 3.5.
    """

    num_reference: Count
    epsilon: Positive = 1e-5

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Normalise [R + B, ..., C]."""
        num = self.num_reference
        if num < 1 or (len(x) <= num and not self.is_initializing()):
            raise ValueError(
                f"x: {len(x)} examples, of which {num} are the reference; virtual batch norm needs "
                "at least one of both: network.with_reference puts the reference in front"
            )
        axes = tuple(range(1, x.ndim - 1))
        reference, rest = x[:num], x[num:]
        mean, var = jnp.mean(reference, (0, *axes)), jnp.var(reference, (0, *axes))
        own_mean, own_var = jnp.mean(rest, axes, keepdims=True), jnp.var(rest, axes, keepdims=True)
        share = 1.0 / (num + 1)
        shape = (1,) * (x.ndim - 1) + (x.shape[-1],)
        mean, var = mean.reshape(shape), var.reshape(shape)
        both = mean + share * (own_mean - mean)
        # Means of squares would be shorter, and would cancel.
        both_var = (1 - share) * (var + jnp.square(mean - both)) + share * (
            own_var + jnp.square(own_mean - both)
        )
        y = jnp.concatenate(
            [
                (reference - mean) / jnp.sqrt(var + self.epsilon),
                (rest - both) / jnp.sqrt(both_var + self.epsilon),
            ]
        )
        scale = self.param("scale", nn.initializers.ones, (x.shape[-1],), jnp.float32)
        bias = self.param("bias", nn.initializers.zeros, (x.shape[-1],), jnp.float32)
        return y * scale.reshape(shape) + bias.reshape(shape)
