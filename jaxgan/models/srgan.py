"""SRGAN's discriminator.

References:
    Ledig et al., "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial
    Network" (2017), arXiv:1609.04802.
"""

from __future__ import annotations

from typing import Any

from flax import linen as nn

from jaxgan.core.ranges import Width, checked
from jaxgan.core.typing import Array
from jaxgan.models.layers.conv import Conv
from jaxgan.models.layers.dense import Dense
from jaxgan.models.layers.instance_norm import PlainNorm, plain_norm
from jaxgan.models.layers.precision import to_float32

_WIDTHS = (1, 1, 2, 2, 4, 4, 8, 8)


@checked
class SRGANDiscriminator(nn.Module):
    """SRGAN's discriminator: eight 3x3 convolutions, every second one halves, two dense layers.

    Widths are base_channels times 1, 1, 2, 2, 4, 4, 8, 8; LeakyReLU of slope 0.2, norm behind all
    convolutions but the first; a dense layer of 16 base_channels, LeakyReLU, a dense layer to the
    logit.

    Args:
        base_channels: width of the first two convolutions.
        norm: `"batch"` as in the paper, `"instance"` (without parameters) or `"none"`.
        dtype: of products and activations; by default that of the input. With `jnp.bfloat16`,
            norms, parameters and the last layer are float32 all the same.

    Raises:
        ValueError: if there is no such norm.

    >>> import jax, jax.numpy as jnp
    >>> critic = SRGANDiscriminator(base_channels=2)
    >>> images = jnp.ones((2, 16, 16, 3))
    >>> jax.eval_shape(critic.init_with_output, jax.random.key(0), images)[0].shape
    (2,)

    References:
        Ledig et al. (2017), arXiv:1609.04802, figure 4.
    """

    base_channels: Width = 64
    norm: PlainNorm = "batch"
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Array, train: bool = True) -> Array:
        """Map images [batch, height, width, channels] to logits [batch]."""
        for i, ratio in enumerate(_WIDTHS):
            layer = Conv(
                self.base_channels * ratio,
                3,
                1 + i % 2,
                padding=1,
                use_bias=i == 0 or self.norm != "batch",
                dtype=self.dtype,
                name=f"conv_{i}",
            )
            x = layer(x)
            if i > 0:
                x = plain_norm(x, self.norm, train, f"norm_{i}", nn.initializers.ones)
            x = nn.leaky_relu(x, 0.2)
        x = x.reshape(x.shape[0], -1)
        x = Dense(16 * self.base_channels, dtype=self.dtype, name="dense")(x)
        return Dense(1, name="logit")(to_float32(nn.leaky_relu(x, 0.2)))[:, 0]
