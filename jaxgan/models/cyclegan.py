"""CycleGAN: a residual network between two strided and two transposed convolutions.

References:
    Zhu et al., "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks"
    (2017), arXiv:1703.10593; layers as in the authors' PyTorch code. The critic is
    `pix2pix.PatchDiscriminator`.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from flax import linen as nn

from jaxgan.core.ranges import Decay, Depth, Width, checked
from jaxgan.core.typing import Array
from jaxgan.models.layers.conv import Conv, ConvTranspose
from jaxgan.models.layers.instance_norm import PlainNorm, plain_norm
from jaxgan.models.layers.pixels import reflect_pad
from jaxgan.models.layers.precision import to_float32

_INIT = nn.initializers.normal(0.02)
_NUM_HALVINGS = 2


@checked
class ResNetGenerator(nn.Module):
    """ResNet generator: 7x7, two halvings, residual blocks, two doublings, 7x7.

    ReLU throughout, a norm behind every convolution but the last, tanh at the end, weights from
    N(0, 0.02). The 7x7 convolutions and those of the blocks see the image reflected at its edges.

    Args:
        channels: of the image that is made.
        num_blocks: residual blocks; 9 for 256 pixels and more, 6 for 128.
        base_channels: width at the image's resolution.
        norm: `"instance"` (without parameters), `"batch"` or `"none"`.
        dropout: rate inside each block, on whenever the network is given a key; 0 for none.
        dtype: of products and activations; by default that of the input. With `jnp.bfloat16`,
            norms, parameters and the image are float32 all the same.

    Raises:
        ValueError: if an option is out of its range, or sides are no multiples of 4 of at least 8.

    >>> import jax
    >>> generator = ResNetGenerator(channels=3, num_blocks=1, base_channels=4)
    >>> images = jnp.ones((2, 8, 8, 1))
    >>> jax.eval_shape(generator.init_with_output, jax.random.key(0), images)[0].shape
    (2, 8, 8, 3)

    References:
        Zhu et al. (2017), arXiv:1703.10593, section 7.2; Johnson et al. (2016), arXiv:1603.08155.
    """

    channels: Width = 3
    num_blocks: Depth = 9
    base_channels: Width = 64
    norm: PlainNorm = "instance"
    dropout: Decay = 0.0
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Array, train: bool = True) -> Array:
        """Map [batch, height, width, any channels] to images of the same height and width."""
        check_sides(x.shape[1:3])
        options: dict[str, Any] = {
            "use_bias": self.norm != "batch",
            "kernel_init": _INIT,
            "dtype": self.dtype,
        }

        def normed(x: Array, name: str) -> Array:
            return plain_norm(x, self.norm, train, f"{name}_norm")

        def layer(x: Array, module: Conv | ConvTranspose) -> Array:
            return nn.relu(normed(module(x), str(module.name)))

        width = self.base_channels
        x = layer(reflect_pad(x, 3), Conv(width, 7, padding=0, name="first", **options))
        for i in range(_NUM_HALVINGS):
            width *= 2
            x = layer(x, Conv(width, 3, 2, padding=1, name=f"down_{i}", **options))
        for i in range(self.num_blocks):
            first = Conv(width, 3, padding=0, name=f"block_{i}_conv_0", **options)
            second = Conv(width, 3, padding=0, name=f"block_{i}_conv_1", **options)
            y = layer(reflect_pad(x, 1), first)
            if self.dropout:
                y = nn.Dropout(self.dropout, deterministic=not self.has_rng("params"))(y)
            x = x + normed(second(reflect_pad(y, 1)), str(second.name))
        for i in range(_NUM_HALVINGS):
            width //= 2
            # The pixel that PyTorch's output_padding adds is the last one.
            pads = ((1, 0), (1, 0))
            x = layer(x, ConvTranspose(width, 3, padding=pads, name=f"up_{i}", **options))
        last = Conv(self.channels, 7, padding=0, kernel_init=_INIT, dtype=self.dtype, name="last")
        return jnp.tanh(to_float32(last(reflect_pad(x, 3))))


def check_sides(size: tuple[int, ...]) -> None:
    """Raises unless images can be halved twice and reflected.

    Args:
        size: height and width, pixels.

    Raises:
        ValueError: with what is allowed.

    >>> check_sides((64, 64))
    """
    if any(side % 4 or side < 8 for side in size):
        raise ValueError(
            f"images of {tuple(size)} pixels; sides must be multiples of 4, at least 8"
        )
