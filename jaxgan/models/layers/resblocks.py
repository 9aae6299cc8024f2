"""Residual blocks that double or halve the resolution, as SNGAN, SAGAN and BigGAN have them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import jax.numpy as jnp
from flax import linen as nn

from jaxgan.core.ranges import Index, Repeats, Width, checked
from jaxgan.core.typing import Array
from jaxgan.models.layers.conditional_norm import CodeBatchNorm, ConditionalBatchNorm
from jaxgan.models.layers.conv import Conv, conv2d, conv2d_transpose
from jaxgan.models.layers.equalised import Equalised, make_bias, make_kernel
from jaxgan.models.layers.norms import apply_layer
from jaxgan.models.layers.precision import add_bias, to_float32
from jaxgan.models.layers.resample import downsample, upsample

Upsampling = Literal["bilinear", "nearest", "none"]
BlockNorm = Literal["batch", "code", "label"]
KernelNorm = Literal["none", "spectral"]
Initializer = Callable[..., Array]

_LECUN = nn.initializers.lecun_normal()


def enlarge(x: Array, how: Upsampling) -> Array:
    """A map at twice its resolution.

    Args:
        x: [B, H, W, C].
        how: `"nearest"`; `"bilinear"` between the centres of pixels, which at the borders are
            repeated; or `"none"` for the map itself.

    Returns:
        [B, 2 H, 2 W, C], or `x`.

    >>> enlarge(jnp.asarray([0.0, 4.0]).reshape(1, 1, 2, 1), "bilinear")[0, 0, :, 0].tolist()
    [0.0, 1.0, 3.0, 4.0]
    """
    if how == "none":
        return x
    if how == "nearest":
        return upsample(x, (1, 1))
    bordered = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    return upsample(bordered, (1, 3, 3, 1))[:, 2:-2, 2:-2]


@checked
class ResampledConv(nn.Module):
    r"""A convolution of stride 1 after doubling, or before halving the resolution, as one.

    A nearest-neighbour upsampling followed by a k x k convolution is a transposed convolution of
    stride 2, and a convolution followed by a mean over 2x2 pixels is one of stride 2; either with
    the kernel summed over a 2x2 box. So there are (k + 1)² products a pixel of the small map in
    place of 4 k², and the large map is not in memory. Parameters are those of the plain `Conv`.

    Args:
        features: number of output channels.
        direction: `"up"` or `"down"`.
        kernel_size: k, odd.
        kernel_init: Flax initialiser of the kernel.
        dtype: of the computation; by default that of the input.
        use_bias: whether to add a bias per channel.
        equalised: for an equalised learning rate; `kernel_init` is then passed over.

    >>> import jax
    >>> layer = ResampledConv(5, "up")
    >>> y, variables = layer.init_with_output(jax.random.key(0), jnp.ones((1, 4, 4, 2)))
    >>> y.shape, variables["params"]["kernel"].shape
    ((1, 8, 8, 5), (3, 3, 2, 5))
    """

    features: Width
    direction: Literal["up", "down"]
    kernel_size: Repeats = 3
    kernel_init: Initializer = _LECUN
    dtype: Any = None
    use_bias: bool = True
    bias_init: Initializer = nn.initializers.zeros
    param_dtype: Any = jnp.float32
    equalised: Equalised | None = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map [B, H, W, C] to twice or half the resolution."""
        shape = (self.kernel_size, self.kernel_size, x.shape[-1], self.features)
        kernel = make_kernel(self, shape, math.prod(shape[:-1]))
        bias = make_bias(self, self.features)
        pads = ((0, 1), (1, 0))
        box = [jnp.pad(kernel, (i, j, (0, 0), (0, 0))) for i in pads for j in pads]
        kernel = box[0] + box[1] + box[2] + box[3]
        if self.direction == "up":
            kernel = jnp.flip(kernel, (0, 1)).swapaxes(2, 3)
        else:
            kernel = 0.25 * kernel
        x, kernel = nn.dtypes.promote_dtype(x, kernel, dtype=self.dtype)
        convolve = conv2d_transpose if self.direction == "up" else conv2d
        return add_bias(convolve(x, kernel, stride=2, padding=self.kernel_size // 2), bias)


@checked
class ResBlockUp(nn.Module):
    r"""Residual block of a generator: batch norm, ReLU and a 3x3 convolution, twice.

    .. math:: y = S(U x) + C_2\, \sigma N_2\, C_1 U \sigma N_1 x

    with U the upsampling, and the shortcut S a 1x1 convolution, or nothing if neither resolution
    nor width changes. Convolutions have biases, in front of a norm too, as the references have.

    Args:
        features: width of the output and between the convolutions.
        upsampling: U: `"nearest"` (BigGAN), `"bilinear"` (SNGAN and SAGAN of mimicry), `"none"`.
        norm: `"batch"`; `"label"` for `ConditionalBatchNorm`; `"code"` for `CodeBatchNorm`.
        num_classes: of the norm `"label"`.
        kernel_norm: `"none"`, or `"spectral"` for every kernel, those of `CodeBatchNorm` too.
        kernel_init: Flax initialiser of the 3x3 kernels, and those of `CodeBatchNorm`.
        shortcut_init: Flax initialiser of the 1x1 kernel.
        scale_init: Flax initialiser of the gains of `ConditionalBatchNorm`, less one.
        dtype: of products and activations; norms are float32.

    >>> import jax
    >>> x = jnp.ones((2, 4, 4, 3))
    >>> ResBlockUp(5).init_with_output(jax.random.key(0), x)[0].shape
    (2, 8, 8, 5)

    References:
        Miyato et al., 2018 (arXiv:1802.05957), appendix B.4; Brock et al., 2019
        (arXiv:1809.11096), appendix B.
    """

    features: Width
    upsampling: Upsampling = "nearest"
    norm: BlockNorm = "batch"
    num_classes: Index = 0
    kernel_norm: KernelNorm = "none"
    kernel_init: Initializer = _LECUN
    shortcut_init: Initializer = _LECUN
    scale_init: Initializer = nn.initializers.zeros
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Array, condition: Array | None = None, train: bool = True) -> Array:
        """Map [B, H, W, C], with labels [B] or codes [B, S] if the norm needs them."""
        conv, options = self._conv, {"kernel_init": self.kernel_init, "dtype": self.dtype}
        h = nn.relu(self._norm("norm_1", x, condition, train))
        if self.upsampling == "nearest":
            h = conv(ResampledConv(self.features, "up", name="conv_1", **options), h, train)
        else:
            h = enlarge(h, self.upsampling)
            h = conv(Conv(self.features, name="conv_1", **options), h, train)
        h = nn.relu(self._norm("norm_2", h, condition, train))
        h = conv(Conv(self.features, name="conv_2", **options), h, train)
        if x.shape[-1] != self.features or self.upsampling != "none":
            options["kernel_init"] = self.shortcut_init
            # A 1x1 convolution commutes with means of pixels, and is cheaper on fewer of them.
            x = conv(Conv(self.features, 1, name="shortcut", **options), x, train)
            x = enlarge(x, self.upsampling)
        return h + x

    def _conv(self, layer: nn.Module, x: Array, train: bool) -> Array:
        return apply_layer(layer, x, self.kernel_norm, train, f"{layer.name}_spectral")

    def _norm(self, name: str, x: Array, condition: Array | None, train: bool) -> Array:
        if self.norm == "label":
            layer = ConditionalBatchNorm(self.num_classes, scale_init=self.scale_init, name=name)
            return layer(x, condition, train)
        if self.norm == "code" and condition is not None:
            norm = CodeBatchNorm(
                self.kernel_norm, kernel_init=self.kernel_init, dtype=self.dtype, name=name
            )
            return norm(x, condition, train)
        plain = nn.BatchNorm(not train, momentum=0.9, name=name)
        y: Array = plain(to_float32(x)).astype(x.dtype)
        return y


@checked
class ResBlockDown(nn.Module):
    r"""Residual block of a discriminator: ReLU and a 3x3 convolution, twice, and no norm.

    .. math:: y = S(P x) + P\, C_2\, \sigma\, C_1 \sigma x

    with P the mean over 2x2 pixels, and the shortcut S a 1x1 convolution, or nothing if neither
    resolution nor width changes.

    Args:
        features: width of the output.
        hidden: width between the convolutions.
        downsample: whether the resolution is halved.
        preactivation: whether the first ReLU is there; it is not in a network's first block.
        rectified_shortcut: whether the shortcut too is of σ x. In mimicry it is, since there the
            ReLU overwrites its input; the papers' is of x.
        kernel_norm: `"none"`, or `"spectral"` for every kernel.
        kernel_init: Flax initialiser of the 3x3 kernels.
        shortcut_init: Flax initialiser of the 1x1 kernel.
        dtype: of products and activations.

    >>> import jax
    >>> x = jnp.ones((2, 8, 8, 3))
    >>> ResBlockDown(5, hidden=5).init_with_output(jax.random.key(0), x)[0].shape
    (2, 4, 4, 5)

    References:
        Miyato et al., 2018 (arXiv:1802.05957), appendix B.4; Brock et al., 2019
        (arXiv:1809.11096), appendix B.
    """

    features: Width
    hidden: Width
    downsample: bool = True
    preactivation: bool = True
    rectified_shortcut: bool = False
    kernel_norm: KernelNorm = "spectral"
    kernel_init: Initializer = _LECUN
    shortcut_init: Initializer = _LECUN
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Array, train: bool = True) -> Array:
        """Map [B, H, W, C]."""
        options = {"kernel_init": self.kernel_init, "dtype": self.dtype}

        def conv(layer: nn.Module, x: Array) -> Array:
            return apply_layer(layer, x, self.kernel_norm, train, f"{layer.name}_spectral")

        h = nn.relu(x) if self.preactivation else x
        if self.preactivation and self.rectified_shortcut:
            x = h
        h = nn.relu(conv(Conv(self.hidden, name="conv_1", **options), h))
        if self.downsample:
            h = conv(ResampledConv(self.features, "down", name="conv_2", **options), h)
        else:
            h = conv(Conv(self.features, name="conv_2", **options), h)
        if x.shape[-1] != self.features or self.downsample:
            x = downsample(x, (1, 1)) if self.downsample else x
            options["kernel_init"] = self.shortcut_init
            x = conv(Conv(self.features, 1, name="shortcut", **options), x)
        return h + x
