"""Per-layer noise: what varies from image to image without meaning, such as the place of a hair."""

from __future__ import annotations

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.core.typing import Array
from jaxgan.models.layers.precision import to_float32

NOISE = "noise"
"""The collection of the fixed noise that images have outside training."""


class Noise(nn.Module):
    r"""Adds to every pixel a normal number times a strength that is learned and starts at 0.

    .. math:: y_{bijc} = x_{bijc} + s_c\, n_{bij}, \quad n \sim N(0, 1)

    In training noise is drawn for every image. Otherwise it is the same for all: it lies in
    the collection `noise` as `const`, [H, W], drawn when the network is made.

    Args:
        per_channel: whether every channel has a strength of its own, as in StyleGAN; StyleGAN2 has
            one for all.

    >>> x = jnp.zeros((2, 4, 4, 3))
    >>> y, variables = Noise().init_with_output(jax.random.key(0), x, train=False)
    >>> y.shape, variables["noise"]["const"].shape, variables["params"]["strength"].shape
    ((2, 4, 4, 3), (4, 4), ())

    References:
        Karras et al., 2019 (arXiv:1812.04948), section 2.
    """

    per_channel: bool = False

    @nn.compact
    def __call__(self, x: Array, train: bool = True) -> Array:
        """Map [B, H, W, C] to [B, H, W, C]."""
        chex.assert_rank(x, 4)
        shape = (x.shape[-1],) if self.per_channel else ()
        strength = self.param("strength", nn.initializers.zeros, shape, jnp.float32)
        const = self.variable(
            NOISE, "const", lambda: jax.random.normal(self.make_rng("params"), x.shape[1:3])
        )
        if train:
            noise = jax.random.normal(self.make_rng("params"), (*x.shape[:3], 1), jnp.float32)
        else:
            noise = const.value[None, :, :, None]
        wide = to_float32(x)
        added = strength.reshape(1, 1, 1, -1).astype(wide.dtype) * noise.astype(wide.dtype)
        return (wide + added).astype(x.dtype)
