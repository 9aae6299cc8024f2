"""DCGAN: a generator and a discriminator of strided convolutions, for images of any such size.

References:
    Radford, Metz and Chintala, "Unsupervised Representation Learning with Deep Convolutional
    Generative Adversarial Networks" (2016), arXiv:1511.06434.
"""

from __future__ import annotations

from typing import Any, Literal, Protocol

import jax.numpy as jnp
from flax import linen as nn

from jaxgan.core.errors import bad_value
from jaxgan.core.ranges import Count, Depth, Index, OptionalWidth, Repeats, Width, checked
from jaxgan.core.typing import Array
from jaxgan.models.layers.conditional_norm import ConditionalBatchNorm
from jaxgan.models.layers.conv import Conv, ConvTranspose
from jaxgan.models.layers.dense import Dense
from jaxgan.models.layers.heads import Head, HeadOptions, Outputs, apply_head, check_head
from jaxgan.models.layers.labels import check_conditioning, label_maps, one_hot
from jaxgan.models.layers.minibatch import (
    Minibatch,
    MinibatchDiscrimination,
    MinibatchStddev,
)
from jaxgan.models.layers.norms import (
    Norm,
    apply_layer,
    check_reference,
    has_own_bias,
    normalise,
)
from jaxgan.models.layers.precision import to_float32

GeneratorNorm = Literal["batch", "instance", "layer", "none", "renorm", "virtual"]

_INIT = nn.initializers.normal(0.02)


@checked
class DCGANGenerator(nn.Module):
    """DCGAN generator: a dense layer, then transposed convolutions that double the resolution.

    From 4x4 or 7x7 pixels of base_channels * 2^(n-1) channels, each of the n doublings halves the
    width; the last one makes the image. ReLU throughout, tanh at the end, weights from
    N(0, 0.02), batch norm after every layer but the last.

    Args:
        image_size: pixels per side, 4 * 2^n or 7 * 2^n with n >= 1.
        channels: of the image.
        base_channels: width at half the image's resolution.
        norm: `"batch"`, `"none"`, `"renorm"`, `"instance"`, `"layer"` or `"virtual"`, see
            `layers.normalise`. Batch norm and renorm couple the examples of a batch, which gradient
            penalties and microbatches do not expect.
        num_extra_layers: 3x3 convolutions of stride 1 at half the image's resolution, as deep small
            images ask for (Arjovsky et al. 2017, its `n_extra_layers`).
        kernel_size: of the strided convolutions. 4, a multiple of the stride, puts the same number
            of taps on every pixel; the paper's 5 does not and leaves a checkerboard (Odena et al.
            2016).
        dtype: of products and activations; by default that of the input. With `jnp.bfloat16`,
            batch norm, parameters and the images are float32 all the same.
        conditioning: `"none"`; `"concat"` for labels as one-hot vectors beside z; or `"norm"` for
            a gain and a bias of each class in every batch norm.
        num_classes: how many classes there are.
        num_reference: of the norm `"virtual"`, examples of the reference batch.
        dense_features: width of a hidden dense layer between the latents and the first map, normed
            as the others; 0 for none. InfoGAN has one of 1024.

    Raises:
        ValueError: if an option is none of the above, or something is missing that they need.

    >>> import jax
    >>> init = DCGANGenerator(image_size=32, channels=3, base_channels=8).init_with_output
    >>> images, variables = jax.eval_shape(init, jax.random.key(0), jnp.ones((2, 100)))
    >>> images.shape, sorted(variables)
    ((2, 32, 32, 3), ['batch_stats', 'params'])

    References:
        Radford et al. (2016), arXiv:1511.06434.
        Arjovsky et al., "Wasserstein GAN" (2017), arXiv:1701.07875, the DCGAN of its code.
        Odena et al., "Deconvolution and Checkerboard Artifacts" (2016), Distill.
    """

    image_size: Count
    channels: Width = 3
    base_channels: Width = 64
    norm: GeneratorNorm = "batch"
    num_extra_layers: Depth = 0
    kernel_size: Repeats = 4
    dtype: Any = None
    conditioning: Literal["concat", "none", "norm"] = "none"
    num_classes: Width | None = None
    num_reference: Index = 0
    dense_features: Index = 0

    def __post_init__(self) -> None:
        check_reference(self.norm, self.num_reference)
        resolutions(self.image_size)
        _check_dense(self.dense_features, self.norm)
        check_conditioning(self.conditioning, self.num_classes)
        if self.conditioning == "norm" and self.norm != "batch":
            raise ValueError(bad_value("norm", self.norm, "'batch', as conditioning is 'norm'"))
        super().__post_init__()

    @nn.compact
    def __call__(self, z: Array, label: Array | None = None, train: bool = True) -> Array:
        """Map latents [batch, ...] to images [batch, image_size, image_size, channels]."""
        start, num_doublings = resolutions(self.image_size)
        use_bias = not has_own_bias(self.norm)
        width = self.base_channels * 2 ** (num_doublings - 1)
        x = z.reshape(z.shape[0], -1)
        if self.conditioning == "concat":
            x = jnp.concatenate([x, one_hot(label, self.num_classes or 0, x.dtype)], axis=-1)

        def normed(x: Array) -> Array:
            if self.conditioning == "norm":
                return nn.relu(ConditionalBatchNorm(self.num_classes or 0)(x, label, train))
            return nn.relu(normalise(x, self.norm, train, self.num_reference))

        if self.dense_features:
            x = normed(Dense(self.dense_features, use_bias, kernel_init=_INIT, dtype=self.dtype)(x))
        num_features = start * start * width
        x = Dense(num_features, use_bias, kernel_init=_INIT, dtype=self.dtype)(x)
        x = normed(x.reshape(x.shape[0], start, start, width))
        for _ in range(num_doublings - 1):
            width //= 2
            x = ConvTranspose(
                width, self.kernel_size, use_bias=use_bias, kernel_init=_INIT, dtype=self.dtype
            )(x)
            x = normed(x)
        for _ in range(self.num_extra_layers):
            x = Conv(width, 3, use_bias=use_bias, kernel_init=_INIT, dtype=self.dtype)(x)
            x = normed(x)
        x = ConvTranspose(self.channels, self.kernel_size, kernel_init=_INIT, dtype=self.dtype)(x)
        return jnp.tanh(to_float32(x))


@checked
class DCGANDiscriminator(nn.Module):
    """DCGAN discriminator: strided convolutions that halve the resolution, then a dense layer.

    LeakyReLU of slope 0.2, weights from N(0, 0.02), batch norm after every convolution but the
    first. The width doubles with every halving, from base_channels, down to 4x4 or 7x7 pixels.

    Args:
        image_size: pixels per side, 4 * 2^n or 7 * 2^n with n >= 1.
        channels: of the image.
        base_channels: width at half the image's resolution.
        norm: as the generator's, or `"spectral"` for every kernel, see `layers.spectral_norm`.
        num_extra_layers: 3x3 convolutions of stride 1 at half the image's resolution.
        kernel_size: of the strided convolutions; see `DCGANGenerator`.
        dtype: of products and activations; by default that of the input. With `jnp.bfloat16`,
            batch norm, parameters and the last layer are float32 all the same.
        conditioning: `"none"`, or `"concat"` for labels as further channels of the images.
        minibatch: `"none"`; `"stddev"` for another channel of the last map, before a 3x3
            convolution as in ProGAN; or `"discrimination"` for further features at the end.
        head: what is returned, see `layers.apply_head`; features are the last map, flattened,
            unless there is a dense layer.
        num_classes: how many classes there are.
        num_categories: of the head `"codes"`.
        num_continuous: of the head `"codes"`.
        num_reference: of the norm `"virtual"`, examples of the reference batch.
        dense_features: width of a hidden dense layer after the last map, normed as the others; the
            features are then its output. 0 for none; InfoGAN has one of 1024.

    Raises:
        ValueError: if an option is none of the above, something is missing that it needs, or the
            images are not of the size and channels that were promised.

    >>> import jax
    >>> discriminator = DCGANDiscriminator(image_size=28, channels=1, base_channels=8, norm="none")
    >>> images = jnp.ones((2, 28, 28, 1))
    >>> init = discriminator.init_with_output
    >>> jax.eval_shape(init, jax.random.key(0), images)[0].shape
    (2,)

    References:
        Radford et al. (2016), arXiv:1511.06434.
    """

    image_size: Count
    channels: Width = 3
    base_channels: Width = 64
    norm: Norm = "batch"
    num_extra_layers: Depth = 0
    kernel_size: Repeats = 4
    dtype: Any = None
    conditioning: Literal["concat", "none"] = "none"
    minibatch: Minibatch = "none"
    head: Head = "logit"
    num_classes: Width | None = None
    num_categories: OptionalWidth = 10
    num_continuous: OptionalWidth = 2
    num_reference: Index = 0
    dense_features: Index = 0

    def __post_init__(self) -> None:
        check_reference(self.norm, self.num_reference)
        resolutions(self.image_size)
        _check_dense(self.dense_features, self.norm)
        check_conditioning(self.conditioning, self.num_classes)
        check_head(self._head)
        super().__post_init__()

    @property
    def _head(self) -> HeadOptions:
        return HeadOptions(self.head, self.num_classes, self.num_categories, self.num_continuous)

    @nn.compact
    def __call__(self, x: Array, label: Array | None = None, train: bool = True) -> Outputs:
        """Map images [batch, image_size, image_size, channels] to logits [batch], or a dict."""
        expected = (self.image_size, self.image_size, self.channels)
        if x.shape[1:] != expected:
            raise ValueError(f"images have shape {x.shape[1:]}; they must be {expected}")
        if self.conditioning == "concat":
            x = label_maps(label, self.num_classes or 0, x)
        x = encode(x, self, train)
        if self.minibatch == "stddev":
            layer = Conv(x.shape[-1], 3, kernel_init=_INIT, dtype=self.dtype, name="stddev_conv")
            x = nn.leaky_relu(apply_layer(layer, MinibatchStddev()(x), self.norm, train), 0.2)
        x = x.reshape(x.shape[0], -1)
        if self.dense_features:
            use_bias = not has_own_bias(self.norm)
            hidden = Dense(self.dense_features, use_bias, kernel_init=_INIT, dtype=self.dtype)
            x = apply_layer(hidden, x, self.norm, train)
            x = nn.leaky_relu(normalise(x, self.norm, train, self.num_reference), 0.2)
        x = to_float32(x)
        if self.minibatch == "discrimination":
            x = MinibatchDiscrimination()(x)
        return apply_head(
            x, self._head, label=label, norm=self.norm, train=train, kernel_init=_INIT
        )


class Encoder(Protocol):
    """What `encode` has to know of a network; `DCGANDiscriminator` says what these are."""

    image_size: int
    base_channels: int
    norm: Norm
    num_extra_layers: int
    kernel_size: int
    dtype: Any
    num_reference: int


def encode(x: Array, options: Encoder, train: bool) -> Array:
    """The discriminator's convolutions; called inside a compact method, which owns them.

    Args:
        x: images, [B, image_size, image_size, channels].
        options: sizes, norm and dtype.
        train: whether batch statistics are the batch's.

    Returns:
        The last map, [B, 4 or 7, 4 or 7, width].
    """
    _, num_halvings = resolutions(options.image_size)

    def block(x: Array, width: int, kernel_size: int, stride: int, norm: Norm) -> Array:
        use_bias = not has_own_bias(norm)
        layer = Conv(
            width, kernel_size, stride, use_bias=use_bias, kernel_init=_INIT, dtype=options.dtype
        )
        x = apply_layer(layer, x, norm, train)
        return nn.leaky_relu(normalise(x, norm, train, options.num_reference), 0.2)

    for i in range(num_halvings):
        # The first layer's statistics are the data's own, so only its kernel may be normalised.
        norm: Norm = "none" if i == 0 and options.norm != "spectral" else options.norm
        width = options.base_channels * 2**i
        x = block(x, width, options.kernel_size, 2, norm)
        for _ in range(options.num_extra_layers if i == 0 else 0):
            x = block(x, width, 3, 1, options.norm)
    return x


def _check_dense(dense_features: int, norm: str) -> None:
    if dense_features and norm == "instance":
        raise ValueError(
            bad_value("dense_features", dense_features, "0 with norm 'instance', one of maps")
        )


def resolutions(image_size: int) -> tuple[int, int]:
    """Return (s, n) such that image_size = s * 2^n, s is 4 or 7, and n >= 1."""
    for start in (4, 7):
        ratio, rest = divmod(image_size, start)
        if rest == 0 and ratio >= 2 and ratio & (ratio - 1) == 0:
            return start, ratio.bit_length() - 1
    raise ValueError(
        bad_value("image_size", image_size, "4 or 7 times 2^n (8, 14, 16, 28, 32, 56, 64, ...)")
    )
