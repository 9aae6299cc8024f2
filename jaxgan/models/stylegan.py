"""StyleGAN: styles set the statistics of every map, noise what is left to chance.

References:
    Karras et al., "A Style-Based Generator Architecture for Generative Adversarial Networks"
    (2019), arXiv:1812.04948.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from flax import linen as nn

from jaxgan.core.ranges import Count, Decay, Fraction, Positive, Repeats, Width, checked
from jaxgan.core.typing import Array
from jaxgan.models.layers.adain import AdaIN
from jaxgan.models.layers.conv import Conv
from jaxgan.models.layers.equalised import Equalised
from jaxgan.models.layers.mapping import MappingNetwork
from jaxgan.models.layers.noise import Noise
from jaxgan.models.layers.precision import add_bias
from jaxgan.models.layers.resample import blur
from jaxgan.models.layers.resblocks import ResampledConv
from jaxgan.models.layers.sizes import check_resolution, layers_below, num_styles
from jaxgan.models.progan import grown, unpacked

_HE = Equalised()
_PLAIN = Equalised(gain=1.0)


@checked
class StyleGANGenerator(nn.Module):
    """StyleGAN's generator: mapping network, then convolutions whose maps styles normalise.

    After each convolution: noise, bias, leaky ReLU, AdaIN. It starts from a learned 4x4 map, and
    maps are blurred after every upsampling. As `ProGANGenerator` it can grow: it has the parameters
    of every resolution, computes at `resolution`, and fades in with `alpha`. Its discriminator is
    `ProGANDiscriminator` with `smooth`.

    Args:
        image_size: pixels per side in the end, a power of two from 8 on.
        channels: of the image.
        channel_base: there are channel_base / s channels at s pixels.
        channel_max: but not more than these.
        style_dim: length of w.
        num_mapping_layers: of the mapping network.
        mapping_lr: learning rate multiplier of the mapping network.
        mixing: in training, the share of images whose styles are those of two latents.
        decay: of the running mean of w.
        resolution: pixels per side at which it computes; all by default.
        dtype: of convolutions and activations; by default that of the input. Parameters, AdaIN,
            styles and images are float32.
        num_classes: of a conditional network; None without.

    Raises:
        ValueError: if `image_size` is none of the above, or `resolution` none below it.

    >>> import jax
    >>> generator = StyleGANGenerator(8, channel_base=64, style_dim=8, num_mapping_layers=2)
    >>> z, key = jnp.ones((2, 4)), jax.random.key(0)
    >>> images, variables = jax.eval_shape(generator.init_with_output, key, z)
    >>> images.shape, sorted(variables)
    ((2, 8, 8, 3), ['noise', 'params', 'styles'])

    References:
        Karras et al. (2019), arXiv:1812.04948, figure 1 and appendix C.
    """

    image_size: Count
    channels: Width = 3
    channel_base: Width = 16384
    channel_max: Width = 512
    style_dim: Width = 512
    num_mapping_layers: Repeats = 8
    mapping_lr: Positive = 0.01
    mixing: Fraction = 0.9
    decay: Decay = 0.995
    resolution: Count | None = None
    dtype: Any = None
    num_classes: Width | None = None

    def __post_init__(self) -> None:
        check_resolution(self.image_size, self.resolution)
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
            num_used=layers_below(self.resolution or self.image_size),
        )
        self.synthesis = StyleSynthesis(
            self.image_size,
            self.channels,
            self.channel_base,
            self.channel_max,
            self.resolution,
            self.dtype,
        )

    def styles(self, z: Array, label: Array | None = None, train: bool = True) -> Array:
        """Map latents [B, ...] to styles of every layer [B, L, style_dim]; in training, mixed."""
        styles: Array = self.mapping(z, label, train)
        return styles

    def __call__(
        self, z: Array | Mapping[str, Array], label: Array | None = None, train: bool = True
    ) -> Array:
        """Map latents, or a dict with `latent` or styles `w` and perhaps `alpha`, to images."""
        is_styled = isinstance(z, Mapping) and "w" in z
        x, alpha = unpacked(z, "w" if is_styled else "latent")
        w = x if is_styled else self.styles(x, label, train)
        images: Array = self.synthesis(w, alpha, train)
        return images


class StyleSynthesis(nn.Module):
    """StyleGAN's synthesis network; see `StyleGANGenerator`. A resolution has two styles."""

    image_size: int
    channels: int
    channel_base: int
    channel_max: int
    resolution: int | None = None
    dtype: Any = None

    @nn.compact
    def __call__(self, w: Array, alpha: Array | None = None, train: bool = True) -> Array:
        """Map styles [B, L, D] to images [B, resolution, resolution, channels]."""
        layers = num_styles(self.image_size)
        if w.ndim != 3 or w.shape[1] != layers:
            raise ValueError(f"styles have shape {w.shape}; they must be [B, {layers}, D]")
        options: dict[str, Any] = {"use_bias": False, "equalised": _HE, "dtype": self.dtype}

        def block(size: int, width: int, x: Array | None) -> Array:
            first = 2 * (size.bit_length() - 3)  # 0 at 4 pixels, 2 at 8, ...
            if x is None:
                const = self.param("const", nn.initializers.ones, (4, 4, width), jnp.float32)
                x = jnp.broadcast_to(const, (w.shape[0], 4, 4, width)).astype(self.dtype or w.dtype)
            else:
                x = ResampledConv(width, "up", name=f"b{size}_conv0", **options)(x)
                x = blur(x, (1, 2, 1), (1, 1))
            x = Epilogue(name=f"b{size}_style0")(x, w[:, first], train)
            x = Conv(width, 3, name=f"b{size}_conv1", **options)(x)
            return Epilogue(name=f"b{size}_style1")(x, w[:, first + 1], train)

        return grown(self, block, alpha)


class Epilogue(nn.Module):
    """What follows each convolution: noise, bias, leaky ReLU, AdaIN."""

    @nn.compact
    def __call__(self, x: Array, style: Array, train: bool) -> Array:
        """Map [B, H, W, C] and [B, D] to [B, H, W, C]."""
        x = Noise(per_channel=True, name="noise")(x, train)
        bias = self.param("bias", nn.initializers.zeros, (x.shape[-1],), jnp.float32)
        x = nn.leaky_relu(add_bias(x, bias), 0.2)
        y: Array = AdaIN(epsilon=1e-8, equalised=_PLAIN, name="adain")(x, style)
        return y
