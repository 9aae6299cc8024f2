"""R3GAN: a plain modern baseline of residual blocks with grouped convolutions and no norm.

References:
    Huang et al., "The GAN is dead; long live the GAN! A Modern Baseline GAN" (2024),
    arXiv:2501.05441; layers and initial values as in the authors' code.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from flax import linen as nn

from jaxgan.core.ranges import Count, Depth, Repeats, Width, checked
from jaxgan.core.typing import Array
from jaxgan.models.layers.conv import Conv
from jaxgan.models.layers.dense import Dense
from jaxgan.models.layers.labels import one_hot
from jaxgan.models.layers.precision import to_float32
from jaxgan.models.layers.resample import downsample, upsample

SLOPE = 0.2
GAIN = math.sqrt(2.0 / (1.0 + SLOPE**2))
"""What a leaky ReLU of that slope takes from a standard deviation."""

_NUM_LINEAR = 3


@checked
class Stages(nn.Module):
    """What generator and discriminator share: their sizes, from the lowest resolution up.

    Args:
        image_size: pixels per side: `base_size` * 2^(n - 1) with n stages.
        channels: of the image.
        widths: of each stage, the one at the lowest resolution first.
        cardinalities: groups of channels in the middle convolution of each stage's blocks.
        num_blocks: residual blocks in each stage.
        expansion: how many times wider the inside of a block is.
        kernel_size: of the grouped convolutions.
        num_classes: of a conditional network; None or 0 without.
        embedding_dim: length of a class's vector.
        base_size: pixels per side of the first stage; the authors' is 4, and 7 makes images of 28.
        dtype: of products and activations in all stages but the lowest; by default that of the
            input. With `jnp.bfloat16`, that stage, parameters and what comes out are float32.

    Raises:
        ValueError: if the stages do not fit each other or the image.
    """

    image_size: Count
    channels: Width = 3
    widths: Sequence[Width] = (768, 768, 768, 768)
    cardinalities: Sequence[Width] = (96, 96, 96, 96)
    num_blocks: Sequence[Depth] = (2, 2, 2, 2)
    expansion: Repeats = 2
    kernel_size: Repeats = 3
    num_classes: Width | None = None
    embedding_dim: Width = 64
    base_size: Count = 4
    dtype: Any = None

    def __post_init__(self) -> None:
        num = len(self.widths)
        if not num == len(self.cardinalities) == len(self.num_blocks):
            raise ValueError(
                f"widths, cardinalities and num_blocks have {num}, {len(self.cardinalities)} and "
                f"{len(self.num_blocks)} stages; they must have as many"
            )
        sizes = [self.base_size * 2**i for i in range(num)]
        if num < 1 or self.image_size != sizes[-1]:
            raise ValueError(
                f"image_size is {self.image_size}; {num} stages from {self.base_size} pixels "
                f"make {', '.join(map(str, sizes[-1:])) or 'nothing'}"
            )
        for width, groups in zip(self.widths, self.cardinalities, strict=True):
            if width * self.expansion % groups:
                raise ValueError(
                    f"cardinalities has {groups}; each must divide {width} * expansion = "
                    f"{width * self.expansion} channels"
                )
        if sum(self.num_blocks) < 1:
            raise ValueError(f"num_blocks is {tuple(self.num_blocks)}; there must be a block")
        super().__post_init__()

    def blocks(self, x: Array, stage: int) -> Array:
        """The residual blocks of one stage; called inside a compact method.

        Args:
            x: [B, H, W, widths[stage]].
            stage: counted from the lowest resolution.

        Returns:
            An array like `x`.
        """
        # So scaled, the sum over all blocks changes by as much as one layer would change it.
        gain = GAIN * sum(self.num_blocks) ** (-1.0 / (2 * _NUM_LINEAR - 2))
        inside = self.widths[stage] * self.expansion
        for i in range(self.num_blocks[stage]):
            name = f"stage_{stage}_block_{i}"
            first = Conv(inside, 1, kernel_init=_scaled(gain), dtype=x.dtype, name=f"{name}_conv_0")
            grouped = Conv(
                inside,
                self.kernel_size,
                padding=(self.kernel_size - 1) // 2,
                groups=self.cardinalities[stage],
                kernel_init=_scaled(gain),
                dtype=x.dtype,
                name=f"{name}_conv_1",
            )
            # Every block is the identity at the start.
            zero = nn.initializers.zeros
            last = _to(self.widths[stage], x, f"{name}_conv_2", zero)
            y = grouped(nn.leaky_relu(first(x), SLOPE))
            x = x + last(nn.leaky_relu(y, SLOPE))
        return x

    def to_width(self, x: Array, width: int, name: str) -> Array:
        """A 1x1 convolution, where the width changes; called inside a compact method.

        Args:
            x: [B, H, W, C].
            width: features that come out.
            name: of the convolution.

        Returns:
            [B, H, W, width].
        """
        if x.shape[-1] == width:
            return x
        y: Array = _to(width, x, name)(x)
        return y


class R3GANGenerator(Stages):
    r"""R3GAN generator: a learned basis at the lowest resolution, then blocks and doublings.

    .. math:: x_0 = B \odot (A\, [z, e_y]), \quad x \leftarrow x + f(x), \quad
       f = W_3 \circ \phi \circ W_2 \circ \phi \circ W_1

    The first map is a basis B, [s, s, width], scaled by an affine function of the latents. W_1 and
    W_3 are 1x1, W_2 is a grouped convolution, φ adds a bias and is a leaky ReLU of slope 0.2. W_3
    is zero at the start and W_1, W_2 are scaled down by L^(-1/4), L the number of blocks (Fixup).
    Between stages a 1x1 convolution where the width changes, and interpolation by the filter
    (1, 3, 3, 1). A 1x1 convolution makes the image: there is no tanh.

    Args: see `Stages`.

    >>> import jax
    >>> sizes = {"widths": (8, 4), "cardinalities": (4, 2), "num_blocks": (1, 1)}
    >>> generator = R3GANGenerator(image_size=8, channels=1, **sizes)
    >>> jax.eval_shape(generator.init_with_output, jax.random.key(0), jnp.ones((2, 16)))[0].shape
    (2, 8, 8, 1)

    References:
        Huang et al. (2024), arXiv:2501.05441, section 3 and appendix D; Fixup: Zhang et al. (2019),
        arXiv:1901.09321.
    """

    @nn.compact
    def __call__(self, z: Array, label: Array | None = None) -> Array:
        """Map latents [batch, ...] to images [batch, image_size, image_size, channels]."""
        x = z.reshape(z.shape[0], -1)
        if self.num_classes:
            codes = one_hot(label, self.num_classes, x.dtype)
            x = jnp.concatenate([x, _linear(self.embedding_dim, 1.0, "embedding")(codes)], axis=-1)
        shape = (self.base_size, self.base_size, self.widths[0])
        basis = self.param("basis", nn.initializers.normal(1.0), shape, jnp.float32)
        x = _linear(self.widths[0], 1.0, "project")(x)
        x = self.blocks(x[:, None, None, :] * basis[None].astype(x.dtype), 0)
        for stage, width in enumerate(self.widths):
            if stage > 0:
                x = x if self.dtype is None else x.astype(self.dtype)
                x = upsample(self.to_width(x, width, f"stage_{stage}_width"))
                x = self.blocks(x, stage)
        x = to_float32(x)
        image: Array = _to(self.channels, x, "last")(x)
        return image


class R3GANDiscriminator(Stages):
    """R3GAN discriminator: the generator's stages from the image down, then a learned basis.

    A 1x1 convolution takes the image in. Each stage is its blocks, halving by the filter
    (1, 3, 3, 1), and a 1x1 convolution where the width changes. At the lowest resolution every
    channel has its own weighted sum of pixels, and a linear map makes the logit; a conditional one
    makes embedding_dim features, whose product with the class's vector is the logit.

    Args: see `Stages`; widths and so on in the same order as the generator's, the lowest
        resolution first.

    >>> import jax
    >>> sizes = {"widths": (8, 4), "cardinalities": (4, 2), "num_blocks": (1, 1)}
    >>> discriminator = R3GANDiscriminator(image_size=8, channels=1, **sizes)
    >>> images = jnp.ones((2, 8, 8, 1))
    >>> jax.eval_shape(discriminator.init_with_output, jax.random.key(0), images)[0].shape
    (2,)

    References:
        Huang et al. (2024), arXiv:2501.05441.
    """

    @nn.compact
    def __call__(self, x: Array, label: Array | None = None) -> Array:
        """Map images [batch, image_size, image_size, channels] to logits [batch]."""
        expected = (self.image_size, self.image_size, self.channels)
        if x.shape[1:] != expected:
            raise ValueError(f"images have shape {x.shape[1:]}; they must be {expected}")
        if self.dtype is not None and len(self.widths) > 1:
            x = x.astype(self.dtype)
        x = _to(self.widths[-1], x, "first")(x)
        for stage in reversed(range(1, len(self.widths))):
            x = downsample(self.blocks(x, stage))
            x = self.to_width(x, self.widths[stage - 1], f"stage_{stage}_width")
        x = self.blocks(to_float32(x), 0)
        # Depthwise: of every channel, one sum over its pixels.
        init = _scaled(1.0, fan_in=self.base_size**2)
        basis = self.param("basis", init, x.shape[1:], jnp.float32)
        features = jnp.sum(x * basis[None].astype(x.dtype), axis=(1, 2))
        if not self.num_classes:
            logits: Array = _linear(1, 1.0, "project")(features)
            return logits.squeeze(-1)
        features = _linear(self.embedding_dim, 1.0, "project")(features)
        gain = 1.0 / math.sqrt(self.embedding_dim)
        codes = one_hot(label, self.num_classes, features.dtype)
        return jnp.sum(features * _linear(self.embedding_dim, gain, "embedding")(codes), axis=-1)


def _scaled(gain: float, fan_in: int | None = None) -> nn.initializers.Initializer:
    """N(0, gain² / fan_in); the kernel's own fan-in by default."""
    if fan_in is not None:
        return nn.initializers.normal(gain / math.sqrt(fan_in))
    return nn.initializers.variance_scaling(gain**2, "fan_in", "normal")


def _to(
    width: int, x: Array, name: str, kernel_init: nn.initializers.Initializer | None = None
) -> Conv:
    """A 1x1 convolution without a bias, in the precision of `x`."""
    init = _scaled(1.0) if kernel_init is None else kernel_init
    return Conv(width, 1, use_bias=False, kernel_init=init, dtype=x.dtype, name=name)


def _linear(features: int, gain: float, name: str) -> Dense:
    return Dense(features, use_bias=False, kernel_init=_scaled(gain), name=name)
