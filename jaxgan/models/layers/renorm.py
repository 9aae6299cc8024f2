"""Batch renormalisation: batch norm that in training already is what it will be afterwards."""

from __future__ import annotations

from typing import Annotated

import jax.numpy as jnp
from flax import linen as nn

from jaxgan.core.derivatives import held
from jaxgan.core.network import BATCH_STATS
from jaxgan.core.ranges import Decay, NonNegative, Positive, Range, checked
from jaxgan.core.typing import Array


@checked
class BatchRenorm(nn.Module):
    r"""Batch normalisation, corrected towards the running statistics within bounds.

    .. math:: y = \gamma \Big( \frac{x - \mu_B}{\sigma_B} r + d \Big) + \beta, \quad
       r = \text{clip}\Big(\frac{\sigma_B}{\sigma}, \frac1{r_\max}, r_\max\Big), \quad
       d = \text{clip}\Big(\frac{\mu_B - \mu}{\sigma}, -d_\max, d_\max\Big)

    with σ_B = √(var + ε), running averages μ, σ ← μ, σ + (1 - momentum)(μ_B, σ_B - μ, σ), and no
    gradient through r and d (the Jacobian of a field sees them, see `derivatives.held`). Where
    neither is clipped it is (x - μ) / σ. With r_max 1 and d_max 0 it is batch norm; the paper
    starts so and widens over 40,000 steps.

    Args:
        r_max: bound of r, at least 1.
        d_max: bound of d, at least 0.
        momentum: of the running averages, in `batch_stats`.
        epsilon: added to the variance.

    Raises:
        ValueError: if a bound is too small.

    >>> import jax
    >>> layer = BatchRenorm()
    >>> x = jax.random.normal(jax.random.key(0), (256, 1))
    >>> y, variables = layer.init_with_output(jax.random.key(1), x)
    >>> bool(jnp.allclose(y, x, atol=0.01))  # the running statistics begin with 0 and 1
    True

    References:
        Ioffe, 2017 (arXiv:1702.03275).
    """

    r_max: Annotated[float, Range(at_least=1)] = 3.0
    d_max: NonNegative = 5.0
    momentum: Decay = 0.99
    epsilon: Positive = 1e-3

    @nn.compact
    def __call__(self, x: Array, train: bool = True) -> Array:
        """Normalise [B, ..., C]; with `train` False by the running statistics alone."""
        if self.r_max < 1 or self.d_max < 0:
            raise ValueError(
                f"r_max is {self.r_max} and d_max is {self.d_max}; "
                "they must be at least 1 and at least 0"
            )
        features = x.shape[-1]
        mean = self.variable(BATCH_STATS, "mean", jnp.zeros, (features,), jnp.float32)
        std = self.variable(BATCH_STATS, "std", jnp.ones, (features,), jnp.float32)
        scale = self.param("scale", nn.initializers.ones, (features,), jnp.float32)
        bias = self.param("bias", nn.initializers.zeros, (features,), jnp.float32)
        shape = (1,) * (x.ndim - 1) + (features,)
        if train:
            axes = tuple(range(x.ndim - 1))
            own_mean, own_std = jnp.mean(x, axes), jnp.sqrt(jnp.var(x, axes) + self.epsilon)
            fixed_mean, fixed_std = held((own_mean, own_std), scale)
            r = jnp.clip(fixed_std / std.value, 1 / self.r_max, self.r_max)
            d = (fixed_mean - mean.value) / std.value
            d = jnp.clip(d, -self.d_max, self.d_max)
            y = (x - own_mean.reshape(shape)) / own_std.reshape(shape)
            y = y * r.reshape(shape) + d.reshape(shape)
            if not self.is_initializing():
                mean.value += (1 - self.momentum) * (own_mean - mean.value)
                std.value += (1 - self.momentum) * (own_std - std.value)
        else:
            y = (x - mean.value.reshape(shape)) / std.value.reshape(shape)
        return y * scale.reshape(shape) + bias.reshape(shape)
