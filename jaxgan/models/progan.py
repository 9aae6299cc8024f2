"""Progressive GAN: both networks grow with the resolution, new layers fade in.

References:
    Karras et al., "Progressive Growing of GANs for Improved Quality, Stability, and Variation"
    (2018), arXiv:1710.10196.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import jax.numpy as jnp
from flax import linen as nn

from jaxgan.core.ranges import Count, Width, checked
from jaxgan.core.typing import Array
from jaxgan.models.layers.conv import Conv
from jaxgan.models.layers.dense import Dense
from jaxgan.models.layers.equalised import Equalised
from jaxgan.models.layers.labels import one_hot
from jaxgan.models.layers.minibatch import MinibatchStddev
from jaxgan.models.layers.pixel_norm import pixel_norm
from jaxgan.models.layers.precision import add_bias, to_float32
from jaxgan.models.layers.resample import blur, downsample, upsample
from jaxgan.models.layers.resblocks import ResampledConv
from jaxgan.models.layers.sizes import check_resolution, num_channels, sizes_of

BOX = (1.0, 1.0)
"""The filter of nearest-neighbour upsampling and of averages over 2x2 pixels."""

_HE = Equalised()
_PLAIN = Equalised(gain=1.0)
_NORMAL = nn.initializers.normal(1.0)


@checked
class ProGANGenerator(nn.Module):
    """Progressive GAN's generator: 3x3 convolutions, pixel norm, nearest-neighbour upsampling.

    The parameters of every resolution are there from the start. It computes at `resolution`;
    given an `alpha`, its image is that of the layers of this resolution, faded in over the
    upsampled image of the one below: old + alpha (new - old).

    Args:
        image_size: pixels per side in the end, a power of two from 8 on.
        channels: of the image.
        channel_base: there are channel_base / s channels at s pixels.
        channel_max: but not more than these.
        resolution: pixels per side at which it computes; all by default.
        dtype: of convolutions and activations; by default that of the input. Parameters, pixel norm
            and images are float32.
        num_classes: of a conditional network, whose labels join z as one-hot vectors.

    Raises:
        ValueError: if `image_size` is none of the above, or `resolution` none below it.

    >>> import jax
    >>> generator = ProGANGenerator(16, channel_base=64, resolution=8)
    >>> inputs = {"latent": jnp.ones((2, 4)), "alpha": jnp.float32(0.5)}
    >>> jax.eval_shape(generator.init_with_output, jax.random.key(0), inputs)[0].shape
    (2, 8, 8, 3)

    References:
        Karras et al. (2018), arXiv:1710.10196, table 2 and figure 2.
    """

    image_size: Count
    channels: Width = 3
    channel_base: Width = 16384
    channel_max: Width = 512
    resolution: Count | None = None
    dtype: Any = None
    num_classes: Width | None = None

    def __post_init__(self) -> None:
        check_resolution(self.image_size, self.resolution)
        super().__post_init__()

    @nn.compact
    def __call__(self, z: Array | Mapping[str, Array], label: Array | None = None) -> Array:
        """Map latents [B, ...], or a dict with `latent` and a scalar `alpha`, to images."""
        z, alpha = unpacked(z, "latent")
        z = z.reshape(z.shape[0], -1)
        if self.num_classes:
            z = jnp.concatenate([z, one_hot(label, self.num_classes, z.dtype)], axis=-1)

        def norm(x: Array) -> Array:
            return pixel_norm(nn.leaky_relu(x, 0.2))

        def block(size: int, width: int, x: Array | None) -> Array:
            if x is None:
                x = self._start(width)(pixel_norm(z)).reshape(z.shape[0], 4, 4, width)
                bias = self.param("start_bias", nn.initializers.zeros, (width,), jnp.float32)
                x = norm(add_bias(x, bias))
            else:
                options: dict[str, Any] = {
                    "equalised": _HE,
                    "dtype": self.dtype,
                    "name": f"b{size}_conv0",
                }
                up = ResampledConv(width, "up", **options)
                x = norm(up(x))
            conv = Conv(width, 3, equalised=_HE, dtype=self.dtype, name=f"b{size}_conv1")
            return norm(conv(x))

        return grown(self, block, alpha)

    def _start(self, width: int) -> Dense:
        # The gain of the authors' code, which they took over from an older version of theirs.
        options = Equalised(gain=math.sqrt(2.0) / 4)
        return Dense(16 * width, use_bias=False, equalised=options, dtype=self.dtype, name="start")


@checked
class ProGANDiscriminator(nn.Module):
    """Progressive GAN's discriminator, and StyleGAN's: 3x3 convolutions that average down to 4x4.

    As the generator it has the parameters of every resolution, computes at `resolution`, and fades
    in the layers of that resolution: the features that they make of the image are blended with
    those that the resolution below makes of the averaged image.

    Args:
        image_size: pixels per side in the end, a power of two from 8 on.
        channels: of the image.
        channel_base: there are channel_base / s channels at s pixels.
        channel_max: but not more than these.
        resolution: pixels per side of the images that it is given; all by default.
        smooth: whether maps are blurred before they are averaged, as in StyleGAN.
        group_size: examples among which a deviation is measured, see `layers.MinibatchStddev`.
        dtype: of convolutions and activations; by default that of the input. Parameters and the
            two dense layers are float32.
        num_classes: of a conditional network, D(x, y) = ψ(φ(x)) + V_yᵀ φ(x), a projection (the
            paper has an auxiliary classifier); None without.

    Raises:
        ValueError: if `image_size` is none of the above, `resolution` none below it, or images are
            of another shape.

    >>> import jax
    >>> discriminator = ProGANDiscriminator(16, channel_base=64, resolution=8)
    >>> inputs = {"image": jnp.ones((4, 8, 8, 3)), "alpha": jnp.float32(0.5)}
    >>> jax.eval_shape(discriminator.init_with_output, jax.random.key(0), inputs)[0].shape
    (4,)

    References:
        Karras et al. (2018), arXiv:1710.10196, table 2 and figure 2; `smooth`: Karras et al., 2019
        (arXiv:1812.04948), section 2.
    """

    image_size: Count
    channels: Width = 3
    channel_base: Width = 16384
    channel_max: Width = 512
    resolution: Count | None = None
    smooth: bool = False
    group_size: Count | None = 4
    dtype: Any = None
    num_classes: Width | None = None

    def __post_init__(self) -> None:
        check_resolution(self.image_size, self.resolution)
        super().__post_init__()

    @nn.compact
    def __call__(self, x: Array | Mapping[str, Array], label: Array | None = None) -> Array:
        """Map images, or a dict with `image` and a scalar `alpha`, to logits [B]."""
        x, alpha = unpacked(x, "image")
        resolution = self.resolution or self.image_size
        if x.shape[1:] != (expected := (resolution, resolution, self.channels)):
            raise ValueError(f"images have shape {x.shape[1:]}; they must be {expected}")
        sizes = sizes_of(self.image_size)
        widths = {s: num_channels(s, self.channel_base, self.channel_max) for s in sizes}
        options: dict[str, Any] = {"equalised": _HE, "dtype": self.dtype}
        readers = {s: Conv(widths[s], 1, name=f"b{s}_from_image", **options) for s in sizes}

        def read(x: Array, size: int) -> Array:
            return nn.leaky_relu(readers[size](x), 0.2)

        def halve(y: Array, size: int) -> Array:
            y = nn.leaky_relu(Conv(widths[size], 3, name=f"b{size}_conv0", **options)(y), 0.2)
            y = blur(y, (1, 2, 1), (1, 1)) if self.smooth else y
            down = ResampledConv(widths[size // 2], "down", name=f"b{size}_conv1", **options)
            return nn.leaky_relu(down(y), 0.2)

        if self.is_initializing():  # a network at any resolution has the parameters of all
            for size in sizes:
                blank = jnp.zeros((1, size, size, self.channels), x.dtype)
                if size > resolution:
                    halve(read(blank, size), size)
                elif size < resolution:
                    read(blank, size)
        y = read(x, resolution)
        for size in [s for s in reversed(sizes) if 4 < s <= resolution]:
            y = halve(y, size)
            if size == resolution and alpha is not None:
                old = read(downsample(x, BOX), size // 2)
                y = old + alpha.astype(y.dtype) * (y - old)
        return self._logits(y, label, widths[4])

    def _logits(self, y: Array, label: Array | None, width: int) -> Array:
        """The 4x4 map [B, 4, 4, C] to logits [B]."""
        y = MinibatchStddev(self.group_size)(y)
        y = Conv(width, 3, equalised=_HE, dtype=self.dtype, name="b4_conv")(y)
        y = to_float32(nn.leaky_relu(y, 0.2)).reshape(len(y), -1)
        y = nn.leaky_relu(Dense(width, equalised=_HE, name="b4_dense")(y), 0.2)
        logits: Array = Dense(1, equalised=_PLAIN, name="b4_out")(y).squeeze(-1)
        if self.num_classes:
            codes = one_hot(label, self.num_classes, y.dtype)
            # Of a one-hot vector one number counts, whatever the number of classes.
            vectors = Dense(width, use_bias=False, name="class_embedding", kernel_init=_NORMAL)(
                codes
            )
            logits = logits + jnp.sum(vectors * y, axis=-1) / math.sqrt(width)
        return logits


class Growing(Protocol):
    """What `grown` has to know of a generator; `ProGANGenerator` says what these are."""

    image_size: int
    channels: int
    channel_base: int
    channel_max: int
    resolution: int | None

    def is_initializing(self) -> bool:
        """Whether parameters are being made."""


def grown(
    options: Growing, block: Callable[[int, int, Array | None], Array], alpha: Array | None
) -> Array:
    """The image of a generator that grows; called inside a compact method, which owns its layers.

    Args:
        options: sizes.
        block: (size, width, map of the size below or None) -> map of that size.
        alpha: how far the image of the highest resolution is faded in; None for wholly.

    Returns:
        Images [B, resolution, resolution, channels], float32.
    """
    resolution = options.resolution or options.image_size
    is_whole = options.is_initializing()  # at any resolution it has the parameters of all
    shown = (resolution,) if alpha is None else (resolution // 2, resolution)
    images, x = {}, None
    for size in sizes_of(options.image_size):
        if size > resolution and not is_whole:
            break
        x = block(size, num_channels(size, options.channel_base, options.channel_max), x)
        if size in shown or is_whole:
            layer = Conv(options.channels, 1, equalised=_PLAIN, name=f"b{size}_to_image")
            images[size] = layer(to_float32(x))
    if alpha is None or resolution == 4:
        return images[resolution]
    old = upsample(images[resolution // 2], BOX)
    return old + alpha.astype(old.dtype) * (images[resolution] - old)


def unpacked(inputs: Array | Mapping[str, Array], name: str) -> tuple[Array, Array | None]:
    """An input, and how far the layers of the highest resolution are faded in.

    Args:
        inputs: the input, or a dict with it and a scalar `alpha`.
        name: of the input in the dict.

    Returns:
        (the input, alpha or None).

    >>> unpacked({"latent": 1.0, "alpha": 0.5}, "latent")
    (1.0, 0.5)
    """
    if isinstance(inputs, Mapping):
        return inputs[name], inputs.get("alpha")
    return inputs, None
