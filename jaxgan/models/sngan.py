"""SNGAN and SAGAN: residual networks with spectral normalisation, with or without classes.

References:
    Miyato et al., "Spectral Normalization for Generative Adversarial Networks" (2018),
    arXiv:1802.05957. Miyato and Koyama, "cGANs with Projection Discriminator" (2018),
    arXiv:1802.05637. Zhang et al., "Self-Attention Generative Adversarial Networks" (2019),
    arXiv:1805.08318.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import jax.numpy as jnp
from flax import linen as nn

from jaxgan.core.errors import bad_value
from jaxgan.core.ranges import Count, Index, OptionalWidth, Width, checked
from jaxgan.core.typing import Array
from jaxgan.models.layers.attention import SelfAttention
from jaxgan.models.layers.conv import Conv
from jaxgan.models.layers.dense import Dense
from jaxgan.models.layers.heads import Head, HeadOptions, Outputs, apply_head, check_head
from jaxgan.models.layers.labels import check_conditioning
from jaxgan.models.layers.norms import apply_layer
from jaxgan.models.layers.precision import to_float32
from jaxgan.models.layers.resblocks import KernelNorm, ResBlockDown, ResBlockUp


class Table(NamedTuple):
    """The layers for images of one size.

    Attributes:
        width: base_channels that the reference has, of generator and discriminator.
        start: pixels per side where the generator's blocks begin.
        gen: widths after the dense layer and after each block, as base_channels over these.
        disc: widths after each block, likewise.
        num_halvings: so many of the discriminator's first blocks halve the resolution.
    """

    width: tuple[int, int]
    start: int
    gen: tuple[int, ...]
    disc: tuple[int, ...]
    num_halvings: int


TABLES: dict[int, Table] = {
    28: Table((256, 128), 7, (1, 1, 1), (1, 1, 1, 1), 2),
    32: Table((256, 128), 4, (1, 1, 1, 1), (1, 1, 1, 1), 2),
    48: Table((512, 1024), 6, (1, 2, 4, 8), (16, 8, 4, 2, 1), 4),
    64: Table((1024, 1024), 4, (1, 2, 4, 8, 16), (16, 8, 4, 2, 1), 5),
    128: Table((1024, 1024), 4, (1, 1, 2, 4, 8, 16), (16, 8, 4, 2, 1, 1), 5),
}
"""By image size; 28, for MNIST and its like, is that of 32 begun at 7x7 with one block less."""

GLOROT = nn.initializers.variance_scaling(1.0, "fan_avg", "uniform")
GLOROT_RELU = nn.initializers.variance_scaling(2.0, "fan_avg", "uniform")
"""With √2 times the deviation, in front of a ReLU."""


@checked
class SNGANGenerator(nn.Module):
    """SNGAN generator: a dense layer, residual blocks that double the resolution, batch norm.

    Args:
        image_size: pixels per side: 28, 32, 48, 64 or 128.
        channels: of the image.
        base_channels: the width that `TABLES` divides; at 32 pixels that of every layer.
        conditioning: `"none"`, or `"norm"` for a gain and a bias of each class in every batch
            norm but the last.
        num_classes: how many classes there are.
        kernel_norm: `"none"`, or `"spectral"` for every kernel, as SAGAN has it.
        attention: pixels per side of the map after which self-attention is applied; 0 for none.
            SAGAN's is 32 for images of 128 pixels; mimicry's 16 for 32.
        dtype: of products and activations; by default that of the input. With `jnp.bfloat16`,
            batch norm, parameters and the images are float32 all the same.
        upsampling: `"bilinear"` as in mimicry, or `"nearest"` as in the codes of Miyato et al. and
            of Zhang et al.

    Raises:
        ValueError: if there is no network for images of that size, no map for attention, or
            something is missing that conditioning needs.

    >>> import jax
    >>> generator = SNGANGenerator(image_size=32, base_channels=8)
    >>> jax.eval_shape(generator.init_with_output, jax.random.key(0), jnp.ones((2, 128)))[0].shape
    (2, 32, 32, 3)

    References:
        Miyato et al. (2018), arXiv:1802.05957, appendix B.4; with classes: Miyato and Koyama
        (2018), arXiv:1802.05637; with attention: Zhang et al. (2019), arXiv:1805.08318.
    """

    image_size: Count
    channels: Width = 3
    base_channels: Width = 256
    conditioning: Literal["none", "norm"] = "none"
    num_classes: Width | None = None
    kernel_norm: KernelNorm = "none"
    attention: Index = 0
    dtype: Any = None
    upsampling: Literal["bilinear", "nearest"] = "bilinear"

    def __post_init__(self) -> None:
        table = check_size(self.image_size, self.base_channels)
        check_conditioning(self.conditioning, self.num_classes)
        sizes = [table.start * 2**i for i in range(1, len(table.gen))]
        check_attention(self.attention, sizes)
        super().__post_init__()

    @nn.compact
    def __call__(self, z: Array, label: Array | None = None, train: bool = True) -> Array:
        """Map latents [batch, ...] to images [batch, image_size, image_size, channels]."""
        table = TABLES[self.image_size]
        first, *widths = (self.base_channels // ratio for ratio in table.gen)
        size, norm = table.start, self.kernel_norm
        dense = Dense(size * size * first, kernel_init=GLOROT, dtype=self.dtype, name="dense")
        x = apply_layer(dense, z.reshape(z.shape[0], -1), norm, train, "dense_spectral")
        x = x.reshape(z.shape[0], size, size, first)
        for i, width in enumerate(widths):
            x = ResBlockUp(
                width,
                self.upsampling,
                norm="batch" if self.conditioning == "none" else "label",
                num_classes=self.num_classes or 0,
                kernel_norm=norm,
                kernel_init=GLOROT_RELU,
                shortcut_init=GLOROT,
                scale_init=nn.initializers.normal(0.02),
                dtype=self.dtype,
                name=f"block_{i}",
            )(x, label, train)
            size *= 2
            if size == self.attention:
                x = _attention(self.dtype)(x, train)
        normed = nn.BatchNorm(not train, momentum=0.9, name="norm")(to_float32(x)).astype(x.dtype)
        conv = Conv(self.channels, kernel_init=GLOROT, dtype=self.dtype, name="conv")
        return jnp.tanh(
            to_float32(apply_layer(conv, nn.relu(normed), norm, train, "conv_spectral"))
        )


@checked
class SNGANDiscriminator(nn.Module):
    """SNGAN discriminator: residual blocks with spectral norm, a sum over pixels, a dense layer.

    Args:
        image_size: pixels per side: 28, 32, 48, 64 or 128.
        channels: of the image.
        base_channels: the width that `TABLES` divides; at 32 pixels that of every layer.
        head: what is returned, see `layers.apply_head`; `"projection"` takes labels.
        num_classes: how many classes there are.
        attention: pixels per side of the first map after which self-attention is applied; 0 for
            none. SAGAN's is 32 for images of 128 pixels; mimicry's 8 for 32.
        rectified_shortcut: whether shortcuts too are of rectified maps, as in mimicry; see
            `layers.ResBlockDown`.
        num_categories: of the head `"codes"`.
        num_continuous: of the head `"codes"`.
        dtype: of products and activations; by default that of the input. With `jnp.bfloat16`,
            parameters and the last layer are float32 all the same.

    Raises:
        ValueError: if there is no network for images of that size, no map for attention,
            something is missing that the head needs, or the images are not what was promised.

    >>> import jax
    >>> discriminator = SNGANDiscriminator(image_size=32, base_channels=8)
    >>> images = jnp.ones((2, 32, 32, 3))
    >>> jax.eval_shape(discriminator.init_with_output, jax.random.key(0), images)[0].shape
    (2,)

    References:
        Miyato et al. (2018), arXiv:1802.05957, appendix B.4; with classes: Miyato and Koyama
        (2018), arXiv:1802.05637; with attention: Zhang et al. (2019), arXiv:1805.08318.
    """

    image_size: Count
    channels: Width = 3
    base_channels: Width = 128
    head: Head = "logit"
    num_classes: Width | None = None
    attention: Index = 0
    rectified_shortcut: bool = True
    num_categories: OptionalWidth = 10
    num_continuous: OptionalWidth = 2
    dtype: Any = None

    def __post_init__(self) -> None:
        table = check_size(self.image_size, self.base_channels)
        check_head(self._head)
        halvings = range(1, table.num_halvings + 1)
        check_attention(self.attention, [self.image_size // 2**i for i in halvings])
        super().__post_init__()

    @property
    def _head(self) -> HeadOptions:
        return HeadOptions(self.head, self.num_classes, self.num_categories, self.num_continuous)

    @nn.compact
    def __call__(self, x: Array, label: Array | None = None, train: bool = True) -> Outputs:
        """Map images [batch, image_size, image_size, channels] to logits [batch], or a dict."""
        check_images(x, self.image_size, self.channels)
        table = TABLES[self.image_size]
        for i, ratio in enumerate(table.disc):
            width = self.base_channels // ratio
            x = ResBlockDown(
                width,
                hidden=width if i == 0 else x.shape[-1],
                downsample=i < table.num_halvings,
                preactivation=i > 0,
                rectified_shortcut=self.rectified_shortcut,
                kernel_init=GLOROT_RELU,
                shortcut_init=GLOROT,
                dtype=self.dtype,
                name=f"block_{i}",
            )(x, train)
            if i < table.num_halvings and x.shape[1] == self.attention:
                x = _attention(self.dtype)(x, train)
        features = jnp.sum(nn.relu(to_float32(x)), axis=(1, 2))
        return apply_head(
            features, self._head, label=label, norm="spectral", train=train, kernel_init=GLOROT
        )


def _attention(dtype: Any) -> SelfAttention:
    """Self-attention as the official code has it."""
    return SelfAttention(
        value_reduction=2,
        pool=2,
        norm="spectral",
        kernel_init=GLOROT,
        dtype=dtype,
        name="attention",
    )


def check_size(image_size: int, base_channels: int) -> Table:
    """The layers for images of a size.

    Args:
        image_size: pixels per side.
        base_channels: the width that the table divides.

    Raises:
        ValueError: with what is allowed.

    >>> check_size(48, 64).start
    6
    """
    if image_size not in TABLES:
        sizes = ", ".join(map(str, TABLES))
        raise ValueError(bad_value("image_size", image_size, sizes))
    table = TABLES[image_size]
    least = max(*table.gen, *table.disc)
    if base_channels % least:
        raise ValueError(bad_value("base_channels", base_channels, f"a multiple of {least}"))
    return table


def check_attention(attention: int, sizes: Sequence[int]) -> None:
    """Raises unless a network has a map of that size.

    Args:
        attention: pixels per side, or 0.
        sizes: of its maps.

    Raises:
        ValueError: with what is allowed.

    >>> check_attention(64, [8, 16, 32])
    Traceback (most recent call last):
    ...
    ValueError: attention is 64; it must be 0 for none, or the size of a map: 8, 16, 32
    """
    even = [size for size in sizes if size % 2 == 0]
    if attention and attention not in even:
        names = ", ".join(map(str, even))
        raise ValueError(
            bad_value("attention", attention, f"0 for none, or the size of a map: {names}")
        )


def check_images(x: Array, image_size: int, channels: int) -> None:
    """Raises unless images are those that a network was made for.

    Args:
        x: [B, H, W, C].
        image_size: pixels per side.
        channels: how many.

    Raises:
        ValueError: with what they must be.

    >>> check_images(jnp.zeros((2, 8, 8, 1)), 8, 1)
    """
    expected = (image_size, image_size, channels)
    if x.shape[1:] != expected:
        raise ValueError(f"images have shape {x.shape[1:]}; they must be {expected}")
