"""BigGAN: a class embedding and a part of the latent in every block, attention, wide layers.

References:
    Brock, Donahue and Simonyan, "Large Scale GAN Training for High Fidelity Natural Image
    Synthesis" (2019), arXiv:1809.11096.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
from flax import linen as nn

from jaxgan.core.errors import bad_value
from jaxgan.core.ranges import Count, Index, OptionalWidth, Width, checked
from jaxgan.core.typing import Array
from jaxgan.models.layers.attention import SelfAttention
from jaxgan.models.layers.conv import Conv
from jaxgan.models.layers.dense import Dense
from jaxgan.models.layers.heads import Head, HeadOptions, Outputs, apply_head, check_head
from jaxgan.models.layers.labels import ClassEmbedding
from jaxgan.models.layers.norms import apply_layer
from jaxgan.models.layers.precision import to_float32
from jaxgan.models.layers.resblocks import KernelNorm, ResBlockDown, ResBlockUp
from jaxgan.models.sngan import check_attention, check_images


class Table(NamedTuple):
    """The layers for images of one size; widths are multiples of base_channels.

    Attributes:
        start: pixels per side where the generator's blocks begin.
        gen: widths after the dense layer and after each block, all of which double.
        disc: widths after each block.
        num_halvings: so many of the discriminator's first blocks halve the resolution.
    """

    start: int
    gen: tuple[int, ...]
    disc: tuple[int, ...]
    num_halvings: int


TABLES: dict[int, Table] = {
    28: Table(7, (4, 4, 4), (4, 4, 4, 4), 2),
    32: Table(4, (4, 4, 4, 4), (4, 4, 4, 4), 2),
    64: Table(4, (16, 16, 8, 4, 2), (1, 2, 4, 8, 16), 4),
    128: Table(4, (16, 16, 8, 4, 2, 1), (1, 2, 4, 8, 16, 16), 5),
    256: Table(4, (16, 16, 8, 8, 4, 2, 1), (1, 2, 4, 8, 8, 16, 16), 6),
}
"""By image size; 28, for MNIST and its like, is that of 32 begun at 7x7 with one block less."""

ATTENTION = 64
ORTHOGONAL = nn.initializers.orthogonal()


@checked
class BigGANGenerator(nn.Module):
    r"""BigGAN generator: residual blocks whose batch norms are conditioned on class and latent.

    The latent is split into equal parts, z = (z₀, z₁, ..., z_n). A dense layer of z₀ makes the
    first map; block i is conditioned on the code (E_y, z_i), with E_y an embedding of the
    class that all blocks share. Spectral norm of every kernel but the embedding's, orthogonal
    initialisation.

    Args:
        image_size: pixels per side: 28, 32, 64, 128 or 256.
        channels: of the image.
        num_classes: how many classes there are; an example without a class has E_y = 0.
        base_channels: the width that `TABLES` multiplies.
        embedding_dim: length of E_y.
        hierarchical: whether the latent is split; otherwise all of it is z₀ and codes are E_y.
        attention: pixels per side of the map after which self-attention is applied; 0 for none,
            None for 64 where there is such a map.
        kernel_norm: `"spectral"` or `"none"`.
        dtype: of products and activations; by default that of the input. With `jnp.bfloat16`,
            batch norm, parameters and the images are float32 all the same.

    Raises:
        ValueError: if there is no network for images of that size, no map for attention, no
            classes or, when applied, a latent that cannot be split.

    >>> import jax
    >>> generator = BigGANGenerator(image_size=32, num_classes=10, base_channels=4)
    >>> inputs = jnp.ones((2, 128)), jnp.asarray([0, 9])
    >>> jax.eval_shape(generator.init_with_output, jax.random.key(0), *inputs)[0].shape
    (2, 32, 32, 3)

    References:
        Brock et al. (2019), arXiv:1809.11096, appendix B.
    """

    image_size: Count
    channels: Width = 3
    num_classes: Width | None = None
    base_channels: Width = 64
    embedding_dim: Width = 128
    hierarchical: bool = True
    attention: Index | None = None
    kernel_norm: KernelNorm = "spectral"
    dtype: Any = None

    def __post_init__(self) -> None:
        table = check_size(self.image_size, self.num_classes)
        if self.attention is not None:
            check_attention(self.attention, [table.start * 2**i for i in range(1, len(table.gen))])
        super().__post_init__()

    @nn.compact
    def __call__(self, z: Array, label: Array | None = None, train: bool = True) -> Array:
        """Map latents [batch, D] and labels [batch] to images [batch, size, size, channels]."""
        if label is None:
            raise ValueError("label is None; BigGAN needs one label per example")
        table, norm = TABLES[self.image_size], self.kernel_norm
        first, *widths = (ratio * self.base_channels for ratio in table.gen)
        parts = [z, *[z[:, :0]] * len(widths)]
        if self.hierarchical:
            check_latent(z.shape[-1], self.image_size)
            parts = jnp.split(z, len(parts), axis=-1)
        embed = ClassEmbedding(self.num_classes or 0, self.embedding_dim, ORTHOGONAL, name="embed")
        shared = embed(label)
        size, options = table.start, {"kernel_init": ORTHOGONAL, "dtype": self.dtype}
        dense = Dense(size * size * first, name="dense", **options)
        x = apply_layer(dense, parts[0], norm, train, "dense_spectral")
        x = x.reshape(z.shape[0], size, size, first)
        for i, width in enumerate(widths):
            code = jnp.concatenate([shared.astype(z.dtype), parts[i + 1]], axis=-1)
            x = ResBlockUp(
                width,
                "nearest",
                norm="code",
                kernel_norm=norm,
                shortcut_init=ORTHOGONAL,
                name=f"block_{i}",
                **options,
            )(x, code, train)
            size *= 2
            if size == (ATTENTION if self.attention is None else self.attention):
                x = _attention(norm, self.dtype)(x, train)
        normed = nn.BatchNorm(not train, momentum=0.9, name="norm")(to_float32(x)).astype(x.dtype)
        conv = Conv(self.channels, name="conv", **options)
        return jnp.tanh(
            to_float32(apply_layer(conv, nn.relu(normed), norm, train, "conv_spectral"))
        )


@checked
class BigGANDiscriminator(nn.Module):
    """BigGAN discriminator: wide residual blocks, attention, a sum over pixels, a projection.

    Args:
        image_size: pixels per side: 28, 32, 64, 128 or 256.
        channels: of the image.
        num_classes: how many classes there are.
        base_channels: the width that `TABLES` multiplies.
        wide: whether a block is as wide between its convolutions as after them, or as before.
        attention: pixels per side of the first map after which self-attention is applied; 0 for
            none, None for 64 where there is such a map.
        head: what is returned, see `layers.apply_head`.
        num_categories: of the head `"codes"`.
        num_continuous: of the head `"codes"`.
        dtype: of products and activations; by default that of the input. With `jnp.bfloat16`,
            parameters and the last layer are float32 all the same.

    Raises:
        ValueError: if there is no network for images of that size, no map for attention,
            something is missing that the head needs, or the images are not what was promised.

    >>> import jax
    >>> discriminator = BigGANDiscriminator(image_size=32, num_classes=10, base_channels=4)
    >>> inputs = jnp.ones((2, 32, 32, 3)), jnp.asarray([0, 9])
    >>> jax.eval_shape(discriminator.init_with_output, jax.random.key(0), *inputs)[0].shape
    (2,)

    References:
        Brock et al. (2019), arXiv:1809.11096, appendix B.
    """

    image_size: Count
    channels: Width = 3
    num_classes: Width | None = None
    base_channels: Width = 64
    wide: bool = True
    attention: Index | None = None
    head: Head = "projection"
    num_categories: OptionalWidth = 10
    num_continuous: OptionalWidth = 2
    dtype: Any = None

    def __post_init__(self) -> None:
        table = check_size(self.image_size, self.num_classes)
        check_head(self._head)
        if self.attention is not None:
            halvings = range(1, table.num_halvings + 1)
            check_attention(self.attention, [self.image_size // 2**i for i in halvings])
        super().__post_init__()

    @property
    def _head(self) -> HeadOptions:
        return HeadOptions(self.head, self.num_classes, self.num_categories, self.num_continuous)

    @nn.compact
    def __call__(self, x: Array, label: Array | None = None, train: bool = True) -> Outputs:
        """Map images [batch, size, size, channels] to logits [batch], or a dict."""
        check_images(x, self.image_size, self.channels)
        table = TABLES[self.image_size]
        attention = ATTENTION if self.attention is None else self.attention
        for i, ratio in enumerate(table.disc):
            width = ratio * self.base_channels
            x = ResBlockDown(
                width,
                hidden=width if self.wide else x.shape[-1],
                downsample=i < table.num_halvings,
                preactivation=i > 0,
                kernel_init=ORTHOGONAL,
                shortcut_init=ORTHOGONAL,
                dtype=self.dtype,
                name=f"block_{i}",
            )(x, train)
            if i < table.num_halvings and x.shape[1] == attention:
                x = _attention("spectral", self.dtype)(x, train)
        features = jnp.sum(nn.relu(to_float32(x)), axis=(1, 2))
        return apply_head(
            features, self._head, label=label, norm="spectral", train=train, kernel_init=ORTHOGONAL
        )


def _attention(norm: KernelNorm, dtype: Any) -> SelfAttention:
    return SelfAttention(
        value_reduction=2,
        pool=2,
        norm=norm,
        kernel_init=ORTHOGONAL,
        dtype=dtype,
        name="attention",
    )


def check_size(image_size: int, num_classes: int | None) -> Table:
    """The layers for images of a size.

    Args:
        image_size: pixels per side.
        num_classes: how many classes there are.

    Raises:
        ValueError: with what is allowed.

    >>> check_size(128, 10).start
    4
    """
    if image_size not in TABLES:
        sizes = ", ".join(map(str, TABLES))
        raise ValueError(bad_value("image_size", image_size, sizes))
    if not num_classes:
        raise ValueError("num_classes is none; it must be set, as BigGAN is class-conditional")
    return TABLES[image_size]


def check_latent(latent_dim: int, image_size: int) -> None:
    """Raises unless a latent can be split over the generator's blocks.

    Args:
        latent_dim: its length.
        image_size: pixels per side.

    Raises:
        ValueError: with what is allowed.

    >>> check_latent(100, 128)
    Traceback (most recent call last):
    ...
    ValueError: latent_dim is 100; it must be a multiple of 6, one of each part
    """
    num = len(TABLES[image_size].gen)
    if latent_dim < 1 or latent_dim % num:
        raise ValueError(
            bad_value("latent_dim", latent_dim, f"a multiple of {num}, one of each part")
        )
