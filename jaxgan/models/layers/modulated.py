"""Modulated convolution: a style scales the input channels, demodulation undoes what that does."""

from __future__ import annotations

import math
from typing import Any

import chex
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from jaxgan.core.ranges import Repeats, Width, checked
from jaxgan.core.typing import Array
from jaxgan.models.layers.conv import conv2d, conv2d_transpose
from jaxgan.models.layers.dense import Dense
from jaxgan.models.layers.equalised import Equalised
from jaxgan.models.layers.precision import to_float32
from jaxgan.models.layers.resample import SMOOTH, blur


@checked
class ModulatedConv(nn.Module):
    r"""Convolution whose kernel every example scales by its own style.

    .. math:: w'_{buvio} = s_{bi}\, w_{uvio}, \quad
       y = x * w'_b \Big/ \sqrt{\textstyle\sum_{uvi} w'^2_{buvio} + 10^{-8}},
       \quad s = A(\text{style})

    Since s scales input channels and the root output channels, it is computed as one convolution
    with the kernel that all examples share, of scaled inputs, scaled afterwards: no convolution in
    as many groups as there are examples, and the roots are a product of squares, [B, I] [I, O].

    Args:
        features: number of output channels.
        kernel_size: of the square kernel.
        up: twice the resolution, by a transposed convolution and the filter (1, 3, 3, 1).
        demodulate: whether outputs are scaled to the variance of the inputs; without it the style
            is divided by √(fan-in), as in the layer that makes the image.
        dtype: of the convolution; by default that of the input. Parameters and styles are float32.

    >>> import jax
    >>> layer = ModulatedConv(3, up=True)
    >>> x, style = jnp.ones((2, 4, 4, 5)), jnp.ones((2, 8))
    >>> jax.eval_shape(layer.init_with_output, jax.random.key(0), x, style)[0].shape
    (2, 8, 8, 3)

    References:
        Karras et al., 2020 (arXiv:1912.04958), section 2.2.
    """

    features: Width
    kernel_size: Repeats = 3
    up: bool = False
    demodulate: bool = True
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Array, style: Array) -> Array:
        """Convolve [B, H, W, C] as [B, S] says."""
        chex.assert_rank([x, style], [4, 2])
        size, channels = self.kernel_size, x.shape[-1]
        affine = Dense(
            channels,
            bias_init=nn.initializers.ones,
            equalised=Equalised(gain=1.0),
            name="affine",
        )
        scale = affine(to_float32(style))
        if not self.demodulate:
            scale = scale / math.sqrt(size * size * channels)
        tail = (self.features, channels) if self.up else (channels, self.features)
        init = nn.initializers.normal(1.0)
        kernel = self.param("kernel", init, (size, size, *tail), jnp.float32)
        dtype = x.dtype if self.dtype is None else self.dtype
        y = x.astype(dtype) * scale.astype(dtype)[:, None, None, :]
        if self.up:
            y = conv2d_transpose(y, kernel.astype(dtype), stride=2, padding=0)
        else:
            y = conv2d(y, kernel.astype(dtype))
        if self.demodulate:
            squares = jnp.sum(jnp.square(kernel), axis=(0, 1))
            squares = squares.T if self.up else squares
            root = lax.rsqrt(jnp.square(scale) @ squares + 1e-8)
            y = y * root.astype(dtype)[:, None, None, :]
        return blur(y, SMOOTH, (1, 1), gain=4.0) if self.up else y
