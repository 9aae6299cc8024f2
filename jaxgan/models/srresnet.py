"""SRResNet: the generator of SRGAN, which makes images of more pixels.

References:
    Ledig et al., "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial
    Network" (2017), arXiv:1609.04802.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from flax import linen as nn

from jaxgan.core.errors import bad_value
from jaxgan.core.ranges import Repeats, Several, Width, checked
from jaxgan.core.typing import Array
from jaxgan.models.layers.conv import Conv
from jaxgan.models.layers.instance_norm import PlainNorm, plain_norm
from jaxgan.models.layers.pixels import pixel_shuffle
from jaxgan.models.layers.precision import to_float32


@checked
class SRResNet(nn.Module):
    """SRResNet: residual blocks at the low resolution, then doublings by pixel shuffle.

    A 9x9 convolution, num_blocks blocks (3x3, norm, PReLU, 3x3, norm, plus the input), a 3x3
    convolution with norm added to what went into the blocks, for each doubling a 3x3 convolution
    to four times the width that becomes pixels, and a 9x9 convolution to the image with tanh.
    PReLU's slope is one number per layer, 0.25 at the start.

    Args:
        channels: of the image that is made.
        factor: how many times more pixels per side, a power of two.
        num_blocks: residual blocks.
        base_channels: width throughout.
        norm: `"batch"` as in the paper, `"instance"` (without parameters) or `"none"`, which later
            work prefers.
        dtype: of products and activations; by default that of the input. With `jnp.bfloat16`,
            norms, parameters and the image are float32 all the same.

    Raises:
        ValueError: if an option is out of its range.

    >>> import jax
    >>> generator = SRResNet(channels=3, factor=4, num_blocks=1, base_channels=4)
    >>> images = jnp.ones((2, 8, 8, 3))
    >>> jax.eval_shape(generator.init_with_output, jax.random.key(0), images)[0].shape
    (2, 32, 32, 3)

    References:
        Ledig et al. (2017), arXiv:1609.04802, figure 4; without norm: Lim et al. (2017),
        arXiv:1707.02921.
    """

    channels: Width = 3
    factor: Several = 4
    num_blocks: Repeats = 16
    base_channels: Width = 64
    norm: PlainNorm = "batch"
    dtype: Any = None

    def __post_init__(self) -> None:
        if self.factor & (self.factor - 1):
            raise ValueError(bad_value("factor", self.factor, "2, 4, 8, ..."))
        super().__post_init__()

    @nn.compact
    def __call__(self, x: Array, train: bool = True) -> Array:
        """Map [batch, height, width, any channels] to images `factor` times as large."""
        width = self.base_channels

        def conv(x: Array, features: int, kernel_size: int, name: str) -> Array:
            y: Array = Conv(features, kernel_size, dtype=self.dtype, name=name)(x)
            return y

        def normed(x: Array, name: str) -> Array:
            return plain_norm(x, self.norm, train, name, nn.initializers.ones)

        def prelu(x: Array, name: str) -> Array:
            slope = self.param(name, nn.initializers.constant(0.25), (), jnp.float32)
            return jnp.where(x >= 0, x, slope.astype(x.dtype) * x)

        first = x = prelu(conv(x, width, 9, "first"), "first_slope")
        for i in range(self.num_blocks):
            y = normed(conv(x, width, 3, f"block_{i}_conv_0"), f"block_{i}_norm_0")
            y = conv(prelu(y, f"block_{i}_slope"), width, 3, f"block_{i}_conv_1")
            x = x + normed(y, f"block_{i}_norm_1")
        x = first + normed(conv(x, width, 3, "middle"), "middle_norm")
        for i in range(self.factor.bit_length() - 1):
            y = pixel_shuffle(conv(x, 4 * width, 3, f"up_{i}"), 2)
            x = prelu(y, f"up_{i}_slope")
        return jnp.tanh(to_float32(conv(x, self.channels, 9, "last")))
