"""pix2pix: a U-Net that turns one image into another, and a critic of patches.

References:
    Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks" (2017),
    arXiv:1611.07004; layers as in the authors' PyTorch code.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

import jax.numpy as jnp
from flax import linen as nn

from jaxgan.core.errors import bad_value
from jaxgan.core.ranges import Decay, Range, Width, checked
from jaxgan.core.typing import Array
from jaxgan.models.layers.conv import Conv, ConvTranspose
from jaxgan.models.layers.instance_norm import (
    ImageBatchNorm,
    PlainNorm,
    plain_norm,
)
from jaxgan.models.layers.norms import apply_layer
from jaxgan.models.layers.precision import to_float32

PatchNorm = Literal["batch", "instance", "none", "spectral"]

_INIT = nn.initializers.normal(0.02)
_MAX_WIDTH = 8


@checked
class UNetGenerator(nn.Module):
    """U-Net generator: halved to one pixel and doubled again, each map handed across.

    Strided 4x4 convolutions with LeakyReLU of slope 0.2 on the way down, transposed ones with ReLU
    on the way up, each of which also sees the map of its own resolution from the way down. Widths
    double from base_channels to 8 base_channels. The first and the innermost convolution have no
    norm; tanh at the end; weights from N(0, 0.02).

    There are no latents: dropout is the noise. It is on whenever the network is given a key, in
    sampling too, as in the paper.

    Args:
        channels: of the image that is made.
        num_downs: halvings; 8 takes 256 pixels to one. Sides are multiples of 2^num_downs.
        base_channels: width at half the image's resolution.
        norm: `"batch"`, `"instance"` (without parameters) or `"none"`.
        dropout: rate, on the way up behind each of the num_downs - 5 layers next to the innermost,
            where maps are 8 base_channels wide on both sides.
        dtype: of products and activations; by default that of the input. With `jnp.bfloat16`,
            norms, parameters and the image are float32 all the same.
        own_statistics: whether batch norm takes each image's own statistics out of training, as in
            the paper, and not running ones; see `layers.ImageBatchNorm`.

    Raises:
        ValueError: if an option is out of its range, or the images are not of such a size.

    >>> import jax
    >>> generator = UNetGenerator(channels=3, num_downs=3, base_channels=4)
    >>> source = jnp.ones((2, 16, 8, 1))
    >>> jax.eval_shape(generator.init_with_output, jax.random.key(0), source)[0].shape
    (2, 16, 8, 3)

    References:
        Isola et al. (2017), arXiv:1611.07004, section 6.1; Ronneberger et al., "U-Net" (2015),
        arXiv:1505.04597.
    """

    channels: Width = 3
    num_downs: Annotated[int, Range(at_least=2, at_most=30)] = 8
    base_channels: Width = 64
    norm: PlainNorm = "batch"
    dropout: Decay = 0.5
    dtype: Any = None
    own_statistics: bool = False

    def __post_init__(self) -> None:
        if self.own_statistics and self.norm != "batch":
            raise ValueError(bad_value("norm", self.norm, "'batch', as own_statistics is true"))
        super().__post_init__()

    @nn.compact
    def __call__(self, x: Array, train: bool = True) -> Array:
        """Map [batch, height, width, any channels] to images of the same height and width."""
        last = self.num_downs - 1
        if x.shape[1] % 2**self.num_downs or x.shape[2] % 2**self.num_downs:
            raise ValueError(
                f"images of {x.shape[1:3]} pixels; with {self.num_downs} halvings both must be "
                f"multiples of {2**self.num_downs}"
            )
        has_bias = self.norm != "batch"
        options: dict[str, Any] = {"kernel_init": _INIT, "dtype": self.dtype}
        layer = ImageBatchNorm if self.own_statistics else nn.BatchNorm
        normed = partial(plain_norm, norm=self.norm, train=train, layer=layer)
        skips = []
        for i in range(self.num_downs):
            width = self.base_channels * min(2**i, _MAX_WIDTH)
            y = x if i == 0 else nn.leaky_relu(x, 0.2)
            # The authors' outermost convolution follows the rule of the others.
            x = Conv(width, 4, 2, use_bias=has_bias, name=f"down_{i}", **options)(y)
            if 0 < i < last:
                x = normed(x, name=f"down_norm_{i}")
            skips.append(x)
        for i in range(last, 0, -1):
            y = skips[i] if i == last else jnp.concatenate([skips[i], x], axis=-1)
            width = self.base_channels * min(2 ** (i - 1), _MAX_WIDTH)
            x = ConvTranspose(width, use_bias=has_bias, name=f"up_{i}", **options)(nn.relu(y))
            x = normed(x, name=f"up_norm_{i}")
            if 4 <= i < last:
                x = nn.Dropout(self.dropout, deterministic=not self.has_rng("params"))(x)
        y = nn.relu(jnp.concatenate([skips[0], x], axis=-1))
        return jnp.tanh(to_float32(ConvTranspose(self.channels, name="up_0", **options)(y)))


@checked
class PatchDiscriminator(nn.Module):
    """PatchGAN: a logit for every patch of the image, from strided convolutions alone.

    4x4 convolutions with LeakyReLU of slope 0.2: num_layers of stride 2, one of stride 1, and one
    of stride 1 to the logits. With 3 layers a logit sees 70x70 pixels, with 1 it sees 16x16. The
    width doubles up to 8 base_channels; no norm behind the first; weights from N(0, 0.02).

    Args:
        num_layers: strided convolutions.
        base_channels: width at half the image's resolution.
        norm: `"batch"`, `"instance"` (without parameters), `"none"`, or `"spectral"` for every
            kernel, see `layers.spectral_norm`.
        dtype: of products and activations; by default that of the input. With `jnp.bfloat16`,
            norms, parameters and the last layer are float32 all the same.

    Raises:
        ValueError: if an option is out of its range, or the images are too small for a patch.

    >>> import jax
    >>> critic = PatchDiscriminator(base_channels=4)
    >>> images = jnp.ones((2, 64, 64, 6))
    >>> jax.eval_shape(critic.init_with_output, jax.random.key(0), images)[0].shape
    (2, 6, 6)

    References:
        Isola et al. (2017), arXiv:1611.07004, sections 3.2.2 and 6.1.
    """

    num_layers: Annotated[int, Range(at_least=1, at_most=30)] = 3
    base_channels: Width = 64
    norm: PatchNorm = "batch"
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Array, train: bool = True) -> Array:
        """Map images [batch, height, width, channels] to logits [batch, rows, columns]."""
        check_patches(x.shape[1:3], self.num_layers)
        has_bias = self.norm != "batch"
        plain: PlainNorm = "none" if self.norm == "spectral" else self.norm
        for i in range(self.num_layers + 1):
            width = self.base_channels * min(2**i, _MAX_WIDTH)
            stride = 2 if i < self.num_layers else 1
            layer = Conv(
                width,
                4,
                stride,
                padding=1,
                use_bias=has_bias or i == 0,
                kernel_init=_INIT,
                dtype=self.dtype,
                name=f"conv_{i}",
            )
            x = apply_layer(layer, x, self.norm, train)
            if i > 0:
                x = plain_norm(x, plain, train, f"norm_{i}")
            x = nn.leaky_relu(x, 0.2)
        layer = Conv(1, 4, padding=1, kernel_init=_INIT, name="logits")
        return apply_layer(layer, to_float32(x), self.norm, train)[..., 0]


def check_patches(size: tuple[int, ...], num_layers: int) -> None:
    """Raises unless an image has a patch to be judged.

    Args:
        size: height and width, pixels.
        num_layers: strided convolutions of a `PatchDiscriminator`.

    Raises:
        ValueError: with the least size.

    >>> check_patches((16, 16), 3)
    Traceback (most recent call last):
    ...
    ValueError: images of (16, 16) pixels; a patch discriminator of 3 layers needs 24
    """
    least = 3 * 2**num_layers
    if min(size) < least:
        raise ValueError(
            f"images of {tuple(size)} pixels; a patch discriminator of {num_layers} layers "
            f"needs {least}"
        )
