"""StyleGAN2: styles modulate kernels, images are sums over resolutions, the critic is residual.

References:
    Karras et al., "Analyzing and Improving the Image Quality of StyleGAN" (2020), arXiv:1912.04958.
    Karras et al., "Training Generative Adversarial Networks with Limited Data" (2020),
    arXiv:2006.06676, whose networks these are (stylegan2-ada-pytorch).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from flax import linen as nn

from jaxgan.core.ranges import Count, Decay, Fraction, Index, Positive, Repeats, Width, checked
from jaxgan.core.typing import Array
from jaxgan.models.layers.activation import scaled_leaky_relu
from jaxgan.models.layers.conv import Conv
from jaxgan.models.layers.dense import Dense
from jaxgan.models.layers.equalised import Equalised
from jaxgan.models.layers.mapping import MappingNetwork
from jaxgan.models.layers.minibatch import MinibatchStddev
from jaxgan.models.layers.modulated import ModulatedConv
from jaxgan.models.layers.noise import Noise
from jaxgan.models.layers.precision import add_bias, to_float32
from jaxgan.models.layers.resample import SMOOTH, blur, downsample, upsample
from jaxgan.models.layers.sizes import num_channels, num_styles, sizes_of

_PLAIN = Equalised(gain=1.0)


@checked
class StyleGAN2Generator(nn.Module):
    """StyleGAN2's generator: mapping network, then modulated convolutions from a learned 4x4 map.

    Each resolution adds its own image to that of the lower one, upsampled ("skip" architecture).
    Collections: `noise`, the noise that images have outside training, and `styles`, the running
    mean of w.

    Args:
        image_size: pixels per side, a power of two from 8 on.
        channels: of the image.
        channel_base: there are channel_base / s channels at s pixels, 32768 in config F.
        channel_max: but not more than these.
        style_dim: length of w.
        num_mapping_layers: of the mapping network.
        mapping_lr: learning rate multiplier of the mapping network.
        mixing: in training, the share of images whose styles are those of two latents.
        decay: of the running mean of w.
        clamp: bound of activations, which float16 needs; published networks have 256.
        dtype: of convolutions and activations; by default that of the input. Parameters, styles and
            the images of each resolution are float32.
        num_classes: of a conditional network; None without.

    Raises:
        ValueError: if `image_size` is none of the above.

    >>> import jax
    >>> generator = StyleGAN2Generator(8, channel_base=64, style_dim=8, num_mapping_layers=2)
    >>> z, key = jnp.ones((2, 4)), jax.random.key(0)
    >>> images, variables = jax.eval_shape(generator.init_with_output, key, z)
    >>> images.shape, sorted(variables)
    ((2, 8, 8, 3), ['noise', 'params', 'styles'])

    References:
        Karras et al. (2020), arXiv:1912.04958, figure 2 and section 4.1.
    """

    image_size: Count
    channels: Width = 3
    channel_base: Width = 32768
    channel_max: Width = 512
    style_dim: Width = 512
    num_mapping_layers: Repeats = 8
    mapping_lr: Positive = 0.01
    mixing: Fraction = 0.9
    decay: Decay = 0.995
    clamp: Count | None = None
    dtype: Any = None
    num_classes: Width | None = None

    def __post_init__(self) -> None:
        sizes_of(self.image_size)
        super().__post_init__()

    def setup(self) -> None:
        """The two halves."""
        self.mapping = MappingNetwork(
            self.style_dim,
            self.num_mapping_layers,
            self.num_classes,
            self.mapping_lr,
            self.decay,
            num_styles(self.image_size),
            self.mixing,
        )
        self.synthesis = Synthesis(
            self.image_size,
            self.channels,
            self.channel_base,
            self.channel_max,
            self.clamp,
            self.dtype,
        )

    def styles(self, z: Array, label: Array | None = None, train: bool = True) -> Array:
        """Map latents [B, ...] to styles of every layer [B, L, style_dim]; in training, mixed."""
        styles: Array = self.mapping(z, label, train)
        return styles

    def __call__(
        self, z: Array | Mapping[str, Array], label: Array | None = None, train: bool = True
    ) -> Array:
        """Map latents, or styles `{"w": [B, L, style_dim]}`, to images."""
        w = z["w"] if isinstance(z, Mapping) else self.styles(z, label, train)
        images: Array = self.synthesis(w, train)
        return images


class Synthesis(nn.Module):
    """StyleGAN2's synthesis network; see `StyleGAN2Generator`.

    Of L = 2 log2(image_size) - 2 styles a resolution has two for its convolutions; its image is
    made with the next one, which is that of the next resolution's first convolution.
    """

    image_size: int
    channels: int
    channel_base: int
    channel_max: int
    clamp: int | None = None
    dtype: Any = None

    @nn.compact
    def __call__(self, w: Array, train: bool = True) -> Array:
        """Map styles [B, L, D] to images."""
        layers = num_styles(self.image_size)
        if w.ndim != 3 or w.shape[1] != layers:
            raise ValueError(f"styles have shape {w.shape}; they must be [B, {layers}, D]")
        styles = [w[:, index] for index in range(layers)]
        index = 0
        x, image = None, jnp.zeros((), jnp.float32)
        for size in sizes_of(self.image_size):
            width = num_channels(size, self.channel_base, self.channel_max)
            layer: dict[str, Any] = {"features": width, "clamp": self.clamp, "dtype": self.dtype}
            if x is None:
                const = self.param("const", nn.initializers.normal(1.0), (4, 4, width), jnp.float32)
                x = jnp.broadcast_to(const, (w.shape[0], 4, 4, width)).astype(self.dtype or w.dtype)
            else:
                up = StyledConv(up=True, name=f"b{size}_conv0", **layer)
                x, index = up(x, styles[index], train), index + 1
            x = StyledConv(name=f"b{size}_conv1", **layer)(x, styles[index], train)
            index += 1
            shown = ToImage(self.channels, self.clamp, name=f"b{size}_torgb")(x, styles[index])
            image = upsample(image) + shown if size > 4 else shown
        return image


class StyledConv(nn.Module):
    """Modulated convolution, noise, bias, leaky ReLU."""

    features: int
    up: bool = False
    clamp: int | None = None
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Array, style: Array, train: bool) -> Array:
        """Map [B, H, W, C] and [B, D] to [B, H, W, features], or twice that size."""
        x = ModulatedConv(self.features, up=self.up, dtype=self.dtype, name="conv")(x, style)
        x = Noise(name="noise")(x, train)
        bias = self.param("bias", nn.initializers.zeros, (self.features,), jnp.float32)
        return scaled_leaky_relu(add_bias(x, bias), clamp=self.clamp)


class ToImage(nn.Module):
    """A 1x1 modulated convolution without demodulation, in float32."""

    channels: int
    clamp: int | None = None

    @nn.compact
    def __call__(self, x: Array, style: Array) -> Array:
        """Map [B, H, W, C] and [B, D] to images [B, H, W, channels]."""
        conv = ModulatedConv(self.channels, kernel_size=1, demodulate=False, name="conv")
        bias = self.param("bias", nn.initializers.zeros, (self.channels,), jnp.float32)
        y = add_bias(conv(to_float32(x), style), bias)
        return y if self.clamp is None else jnp.clip(y, -self.clamp, self.clamp)


@checked
class StyleGAN2Discriminator(nn.Module):
    """StyleGAN2's discriminator: residual blocks that halve the resolution, down to 4x4.

    With classes the logit is the product of the last features and of a mapped class embedding,
    D(x, y) = φ(x)·m(y) / √F with F features.

    Args:
        image_size: pixels per side, a power of two from 8 on.
        channels: of the image.
        channel_base: there are channel_base / s channels at s pixels.
        channel_max: but not more than these.
        residual: whether blocks have a skip connection; the authors' CIFAR-10 networks have none.
        group_size: examples among which a deviation is measured, see `layers.MinibatchStddev`.
        num_stddev_channels: how many channels show it; 0 for none.
        num_mapping_layers: of the class embedding's mapping network.
        clamp: as the generator's.
        dtype: of convolutions and activations; by default that of the input. Parameters and the
            two dense layers are float32.
        num_classes: of a conditional network; None without.

    Raises:
        ValueError: if `image_size` is none of the above, or images are of another shape.

    >>> import jax
    >>> discriminator = StyleGAN2Discriminator(8, channel_base=64)
    >>> images = jnp.ones((4, 8, 8, 3))
    >>> jax.eval_shape(discriminator.init_with_output, jax.random.key(0), images)[0].shape
    (4,)

    References:
        Karras et al. (2020), arXiv:1912.04958, section 4.1; classes: arXiv:2006.06676, appendix D.
    """

    image_size: Count
    channels: Width = 3
    channel_base: Width = 32768
    channel_max: Width = 512
    residual: bool = True
    group_size: Count | None = 4
    num_stddev_channels: Index = 1
    num_mapping_layers: Repeats = 8
    clamp: Count | None = None
    dtype: Any = None
    num_classes: Width | None = None

    def __post_init__(self) -> None:
        sizes_of(self.image_size)
        super().__post_init__()

    @nn.compact
    def __call__(self, x: Array, label: Array | None = None) -> Array:
        """Map images [B, image_size, image_size, channels] to logits [B]."""
        expected = (self.image_size, self.image_size, self.channels)
        if x.shape[1:] != expected:
            raise ValueError(f"images have shape {x.shape[1:]}; they must be {expected}")
        sizes = sizes_of(self.image_size)
        widths = {s: num_channels(s, self.channel_base, self.channel_max) for s in sizes}
        x = self._conv(widths[self.image_size], 1, f"b{self.image_size}_fromrgb")(x)
        x = scaled_leaky_relu(x, clamp=self.clamp)
        for size in reversed(sizes[1:]):
            x = self._block(x, size, widths[size], widths[size // 2])
        if self.num_stddev_channels:
            x = MinibatchStddev(self.group_size, self.num_stddev_channels)(x)
        x = scaled_leaky_relu(self._conv(widths[4], 3, "b4_conv")(x), clamp=self.clamp)
        x = to_float32(x.reshape(x.shape[0], -1))
        x = scaled_leaky_relu(Dense(widths[4], equalised=_PLAIN, name="b4_fc")(x))
        if not self.num_classes:
            logits: Array = Dense(1, equalised=_PLAIN, name="b4_out")(x).squeeze(-1)
            return logits
        x = Dense(widths[4], equalised=_PLAIN, name="b4_out")(x)
        mapping = MappingNetwork(
            widths[4],
            self.num_mapping_layers,
            self.num_classes,
            decay=None,
            uses_latent=False,
            name="mapping",
        )
        return jnp.sum(x * mapping(None, label), axis=-1) / math.sqrt(widths[4])

    def _conv(self, features: int, kernel_size: int, name: str, **options: Any) -> Conv:
        return Conv(features, kernel_size, equalised=_PLAIN, dtype=self.dtype, name=name, **options)

    def _block(self, x: Array, size: int, width: int, next_width: int) -> Array:
        """Two convolutions, the second at half the resolution, and what goes around them."""
        gain = math.sqrt(0.5) if self.residual else 1.0
        y = scaled_leaky_relu(self._conv(width, 3, f"b{size}_conv0")(x), clamp=self.clamp)
        down = self._conv(next_width, 3, f"b{size}_conv1", stride=2, padding="VALID")
        y = down(blur(y, SMOOTH, (2, 2)))
        y = scaled_leaky_relu(y, math.sqrt(2.0) * gain, self.clamp)
        if not self.residual:
            return y
        around = self._conv(next_width, 1, f"b{size}_skip", use_bias=False)
        return y + gain * around(downsample(x))
