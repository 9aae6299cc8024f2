"""DCGAN: a generator and a discriminator of strided convolutions, for images of any such size.

References:
    Radford, Metz and Chintala, "Unsupervised Representation Learning with Deep Convolutional
    Generative Adversarial Networks" (2016), arXiv:1511.06434.
"""

from __future__ import annotations

from typing import Any, Literal

import jax.numpy as jnp
from flax import linen as nn

from jaxgan.models.layers.conv import Conv, ConvTranspose
from jaxgan.models.layers.dense import Dense
from jaxgan.models.layers.precision import widen
from jaxgan.typing import Array

Norm = Literal["batch", "none"]

_INIT = nn.initializers.normal(0.02)


class DCGANGenerator(nn.Module):
    """DCGAN generator: a dense layer, then transposed convolutions that double the resolution.

    From 4x4 or 7x7 pixels of base_channels * 2^(n-1) channels, each of the n doublings halves the
    width; the last one makes the image. ReLU throughout, tanh at the end, weights from
    N(0, 0.02), batch norm after every layer but the last.

    Args:
        image_size: pixels per side, 4 * 2^n or 7 * 2^n with n >= 1.
        channels: of the image.
        base_channels: width at half the image's resolution.
        norm: `"batch"` or `"none"`. Batch norm couples the examples of a batch, which gradient
            penalties and microbatches do not expect.
        num_extra_layers: 3x3 convolutions of stride 1 at half the image's resolution, as deep small
            images ask for (Arjovsky et al. 2017, its `n_extra_layers`).
        kernel_size: of the strided convolutions. 4, a multiple of the stride, puts the same number
            of taps on every pixel; the paper's 5 does not and leaves a checkerboard (Odena et al.
            2016).
        dtype: of products and activations; by default that of the input. With `jnp.bfloat16`,
            batch norm, parameters and the images are float32 all the same.

    Raises:
        ValueError: if `image_size` or `norm` is none of the above.

    >>> import jax
    >>> generator = DCGANGenerator(image_size=32, channels=3, base_channels=8)
    >>> variables = generator.init(jax.random.key(0), jnp.ones((2, 100)))
    >>> images, _ = generator.apply(variables, jnp.ones((2, 100)), mutable=["batch_stats"])
    >>> images.shape
    (2, 32, 32, 3)

    References:
        Radford et al. (2016), arXiv:1511.06434.
        Arjovsky et al., "Wasserstein GAN" (2017), arXiv:1701.07875, the DCGAN of its code.
        Odena et al., "Deconvolution and Checkerboard Artifacts" (2016), Distill.
    """

    image_size: int
    channels: int = 3
    base_channels: int = 64
    norm: Norm = "batch"
    num_extra_layers: int = 0
    kernel_size: int = 4
    dtype: Any = None

    def __post_init__(self) -> None:
        _check(self.image_size, self.norm)
        if self.num_extra_layers < 0:
            raise ValueError(f"num_extra_layers: got {self.num_extra_layers}; must be at least 0")
        super().__post_init__()

    @nn.compact
    def __call__(self, z: Array, train: bool = True) -> Array:
        """Map latents [batch, ...] to images [batch, image_size, image_size, channels]."""
        start, num_doublings = _resolutions(self.image_size)
        use_bias = self.norm == "none"
        width = self.base_channels * 2 ** (num_doublings - 1)
        x = z.reshape(z.shape[0], -1)
        num_features = start * start * width
        x = Dense(num_features, use_bias, kernel_init=_INIT, dtype=self.dtype)(x)
        x = x.reshape(x.shape[0], start, start, width)
        x = nn.relu(_normalise(x, self.norm, train))
        for _ in range(num_doublings - 1):
            width //= 2
            x = ConvTranspose(
                width, self.kernel_size, use_bias=use_bias, kernel_init=_INIT, dtype=self.dtype
            )(x)
            x = nn.relu(_normalise(x, self.norm, train))
        for _ in range(self.num_extra_layers):
            x = Conv(width, 3, use_bias=use_bias, kernel_init=_INIT, dtype=self.dtype)(x)
            x = nn.relu(_normalise(x, self.norm, train))
        x = ConvTranspose(self.channels, self.kernel_size, kernel_init=_INIT, dtype=self.dtype)(x)
        return jnp.tanh(widen(x))


class DCGANDiscriminator(nn.Module):
    """DCGAN discriminator: strided convolutions that halve the resolution, then a dense layer.

    LeakyReLU of slope 0.2, weights from N(0, 0.02), batch norm after every convolution but the
    first. The width doubles with every halving, from base_channels, down to 4x4 or 7x7 pixels.

    Args:
        image_size: pixels per side, 4 * 2^n or 7 * 2^n with n >= 1.
        channels: of the image.
        base_channels: width at half the image's resolution.
        norm: `"batch"` or `"none"`. Batch norm couples the examples of a batch, which gradient
            penalties and microbatches do not expect.
        num_extra_layers: 3x3 convolutions of stride 1 at half the image's resolution.
        kernel_size: of the strided convolutions; see `DCGANGenerator`.
        dtype: of products and activations; by default that of the input. With `jnp.bfloat16`,
            batch norm, parameters and the last layer are float32 all the same.

    Raises:
        ValueError: if `image_size` or `norm` is none of the above, or the images are not of the
            size and channels that were promised.

    >>> import jax
    >>> discriminator = DCGANDiscriminator(image_size=28, channels=1, base_channels=8, norm="none")
    >>> images = jnp.ones((2, 28, 28, 1))
    >>> discriminator.init_with_output(jax.random.key(0), images)[0].shape
    (2,)

    References:
        Radford et al. (2016), arXiv:1511.06434.
    """

    image_size: int
    channels: int = 3
    base_channels: int = 64
    norm: Norm = "batch"
    num_extra_layers: int = 0
    kernel_size: int = 4
    dtype: Any = None

    def __post_init__(self) -> None:
        _check(self.image_size, self.norm)
        if self.num_extra_layers < 0:
            raise ValueError(f"num_extra_layers: got {self.num_extra_layers}; must be at least 0")
        super().__post_init__()

    @nn.compact
    def __call__(self, x: Array, train: bool = True) -> Array:
        """Map images [batch, image_size, image_size, channels] to logits [batch]."""
        expected = (self.image_size, self.image_size, self.channels)
        if x.shape[1:] != expected:
            raise ValueError(f"x: got images of shape {x.shape[1:]}; must be {expected}")
        _, num_halvings = _resolutions(self.image_size)
        for i in range(num_halvings):
            norm: Norm = self.norm if i > 0 else "none"
            x = Conv(
                self.base_channels * 2**i,
                self.kernel_size,
                stride=2,
                use_bias=norm == "none",
                kernel_init=_INIT,
                dtype=self.dtype,
            )(x)
            x = nn.leaky_relu(_normalise(x, norm, train), 0.2)
            for _ in range(self.num_extra_layers if i == 0 else 0):
                use_bias = self.norm == "none"
                x = Conv(x.shape[-1], 3, use_bias=use_bias, kernel_init=_INIT, dtype=self.dtype)(x)
                x = nn.leaky_relu(_normalise(x, self.norm, train), 0.2)
        x = widen(x.reshape(x.shape[0], -1))
        return Dense(1, kernel_init=_INIT)(x).squeeze(-1)


def _resolutions(image_size: int) -> tuple[int, int]:
    """Return (s, n) such that image_size = s * 2^n, s is 4 or 7, and n >= 1."""
    for start in (4, 7):
        ratio, rest = divmod(image_size, start)
        if rest == 0 and ratio >= 2 and ratio & (ratio - 1) == 0:
            return start, ratio.bit_length() - 1
    raise ValueError(
        f"image_size: got {image_size}; must be 4 * 2^n or 7 * 2^n with n >= 1 "
        "(8, 14, 16, 28, 32, 56, 64, ...)"
    )


def _check(image_size: int, norm: str) -> None:
    _resolutions(image_size)
    if norm not in ("batch", "none"):
        raise ValueError(f"norm: got {norm!r}; must be 'batch' or 'none'")


def _normalise(x: Array, norm: Norm, train: bool) -> Array:
    """Batch norm over batch and pixels; called inside a compact method, it owns its parameters."""
    if norm == "none":
        return x
    norm_layer = nn.BatchNorm(use_running_average=not train, momentum=0.9)
    return norm_layer(widen(x)).astype(x.dtype)
