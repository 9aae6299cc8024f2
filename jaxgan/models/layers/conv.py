"""2-D convolutions that are fast, and differentiable to any order, on every platform.

A convolution is one bilinear map with two lowerings, equal to rounding. On TPU and GPU it is XLA's
own convolution. XLA's CPU backend is slow where a GAN spends its time (the weight gradient of a
transposed convolution, anything inside `lax.scan`), so there it is written as slices, sums and
matrix products only: Winograd's minimal filtering where that saves products, patches times a matrix
elsewhere. Autodiff of slices, sums and products gives slices, sums and products, so gradients,
penalties on gradients, and Jacobian-vector products of either cost what they should.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import chex
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from jaxgan.core.errors import bad_value
from jaxgan.core.ranges import Count, Index, Repeats, Width, checked
from jaxgan.core.typing import Array
from jaxgan.models.layers.equalised import Equalised, make_bias, make_kernel
from jaxgan.models.layers.lowering import (
    Geometry,
    Pair,
    conv_matmul,
    conv_native,
    grouped_matmul,
    grouped_native,
    transpose_matmul,
    transpose_native,
)
from jaxgan.models.layers.precision import add_bias, to_float32

Sides = Repeats | tuple[Repeats, Repeats]
Padding = Literal["SAME", "VALID"] | Index | tuple[tuple[Index, Index], tuple[Index, Index]]
"""`"SAME"`, `"VALID"`, one number for all four sides, or `((top, bottom), (left, right))`."""

Lowering = Literal["native", "matmul"]
Initializer = Callable[..., Array]


def conv2d(
    x: Array,
    kernel: Array,
    *,
    stride: int | Pair = 1,
    padding: Padding = "SAME",
    lowering: Lowering | None = None,
    groups: int = 1,
) -> Array:
    r"""2-D convolution (cross-correlation) of NHWC images with an HWIO kernel.

    .. math:: y_{bijf} = \sum_{uvc} x_{b,\,si+u-p,\,sj+v-p,\,c}\; k_{uvcf}

    Args:
        x: images, [batch, height, width, in_features].
        kernel: [kernel_height, kernel_width, in_features, out_features], of `x`'s dtype. Where that
            is bfloat16, sums are float32 on every platform and are rounded once, at the end.
        stride: one step for both axes, or (vertical, horizontal).
        padding: zeros around the image: `"SAME"` (the output has ceil(size / stride) pixels),
            `"VALID"`, a number of pixels, or `((top, bottom), (left, right))`.
        lowering: `"native"` for `lax.conv_general_dilated`, `"matmul"` for slices and matrix
            products; by default the first on TPU and GPU and the second on CPU, chosen when the
            program is lowered, so compiling for a TPU on a CPU host gives the native form.
        groups: of channels, each convolved by itself: consecutive output channels see consecutive
            input channels, and the kernel has in_features / groups.

    Returns:
        [batch, out_height, out_width, out_features].

    Raises:
        ValueError: if channels do not match, or the kernel does not fit into the padded image.

    >>> import jax.numpy as jnp
    >>> conv2d(jnp.ones((1, 8, 8, 3)), jnp.ones((4, 4, 3, 2)), stride=2).shape
    (1, 4, 4, 2)
    """
    chex.assert_rank([x, kernel], [4, 4])
    geometry = _forward_geometry(x.shape[1:3], kernel.shape[:2], stride, padding)
    if groups < 1 or x.shape[3] % groups or kernel.shape[3] % groups:
        raise ValueError(
            f"groups is {groups} for {x.shape[3]} input and {kernel.shape[3]} output channels; "
            "it must divide both"
        )
    if x.shape[3] != kernel.shape[2] * groups:
        raise ValueError(
            f"kernel has {kernel.shape[2]} input channels for images of {x.shape[3]} channels; "
            f"kernel.shape[2] must be x.shape[3]{f' / {groups} groups' if groups > 1 else ''}"
        )
    if groups == 1:
        return _by_platform(conv_native, conv_matmul, x, kernel, geometry, lowering)
    native = functools.partial(grouped_native, groups=groups)
    matmul = functools.partial(grouped_matmul, groups=groups)
    return _by_platform(native, matmul, x, kernel, geometry, lowering)


def conv2d_transpose(
    y: Array,
    kernel: Array,
    *,
    stride: int | Pair = 1,
    padding: Padding = "SAME",
    lowering: Lowering | None = None,
) -> Array:
    """Transpose of `conv2d`: the gradient of <conv2d(x, kernel), y> with respect to x.

    The kernel is stored as in the convolution that is transposed, so that both layers of a pair
    may share it: its *last* axis meets the channels of `y`.

    Args:
        y: [batch, height, width, in_features].
        kernel: [kernel_height, kernel_width, out_features, in_features], of `y`'s dtype.
        stride: the factor of upsampling, one or (vertical, horizontal).
        padding: that of the convolution which is transposed. `"SAME"` gives size * stride pixels;
            with p pixels of padding there are (size - 1) * stride + kernel - 2 p.
        lowering: as for `conv2d`.

    Returns:
        [batch, out_height, out_width, out_features].

    Raises:
        ValueError: if channels do not match, or padding leaves no pixel.

    >>> import jax.numpy as jnp
    >>> conv2d_transpose(jnp.ones((1, 4, 4, 2)), jnp.ones((4, 4, 3, 2)), stride=2).shape
    (1, 8, 8, 3)
    """
    chex.assert_rank([y, kernel], [4, 4])
    geometry = _transpose_geometry(y.shape[1:3], kernel.shape[:2], stride, padding)
    if y.shape[3] != kernel.shape[3]:
        raise ValueError(
            f"kernel has {kernel.shape[3]} input channels for images of {y.shape[3]} channels; "
            "kernel.shape[3] must be y.shape[3] (a transposed kernel is [h, w, out, in])"
        )
    return _by_platform(transpose_native, transpose_matmul, y, kernel, geometry, lowering)


@checked
class Conv(nn.Module):
    """2-D convolution layer over NHWC images; parameters `kernel` (HWIO) and `bias`.

    Args:
        features: number of output channels.
        kernel_size: one size, or (height, width).
        stride: one step, or (vertical, horizontal).
        padding: as for `conv2d`.
        use_bias: whether to add a bias per channel; leave it out in front of a batch norm.
        kernel_init: Flax initialiser of the kernel.
        bias_init: Flax initialiser of the bias.
        dtype: of the computation; by default that of the input.
        param_dtype: of the parameters.
        lowering: as for `conv2d`.
        equalised: for an equalised learning rate; `kernel_init` is then passed over.
        groups: as for `conv2d`.

    >>> import jax
    >>> layer = Conv(8, kernel_size=4, stride=2)
    >>> layer.init_with_output(jax.random.key(0), jnp.ones((1, 32, 32, 3)))[0].shape
    (1, 16, 16, 8)
    """

    features: Width
    kernel_size: Sides = 3
    stride: Sides = 1
    padding: Padding = "SAME"
    use_bias: bool = True
    kernel_init: Initializer = nn.initializers.lecun_normal()
    bias_init: Initializer = nn.initializers.zeros
    dtype: Any = None
    param_dtype: Any = jnp.float32
    lowering: Lowering | None = None
    equalised: Equalised | None = None
    groups: Count = 1

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Convolve [batch, height, width, channels]."""
        taps = _pair(self.kernel_size, "kernel_size")
        # Where the groups do not divide the channels, `conv2d` says so.
        shape = (*taps, x.shape[-1] // max(self.groups, 1), self.features)
        convolve = functools.partial(conv2d, groups=self.groups)
        return _apply_layer(self, convolve, x, shape, math.prod(shape[:-1]))


@checked
class ConvTranspose(nn.Module):
    """Transposed 2-D convolution layer over NHWC images; parameters `kernel` (HWIO) and `bias`.

    The kernel is [height, width, features, in_features], that of the convolution which is
    transposed, and so is what `padding` means.

    Args:
        features: number of output channels.
        kernel_size: one size, or (height, width).
        stride: factor of upsampling, one or (vertical, horizontal).
        padding: as for `conv2d_transpose`.
        use_bias: whether to add a bias per channel; leave it out in front of a batch norm.
        kernel_init: Flax initialiser of the kernel; fan-in and fan-out are axes -1 and -2 here.
        bias_init: Flax initialiser of the bias.
        dtype: of the computation; by default that of the input.
        param_dtype: of the parameters.
        lowering: as for `conv2d`.
        equalised: for an equalised learning rate; `kernel_init` is then passed over.

    >>> import jax
    >>> layer = ConvTranspose(3, kernel_size=4, stride=2)
    >>> layer.init_with_output(jax.random.key(0), jnp.ones((1, 16, 16, 8)))[0].shape
    (1, 32, 32, 3)
    """

    features: Width
    kernel_size: Sides = 4
    stride: Sides = 2
    padding: Padding = "SAME"
    use_bias: bool = True
    kernel_init: Initializer = nn.initializers.lecun_normal(in_axis=-1, out_axis=-2)
    bias_init: Initializer = nn.initializers.zeros
    dtype: Any = None
    param_dtype: Any = jnp.float32
    lowering: Lowering | None = None
    equalised: Equalised | None = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Upsample [batch, height, width, channels]."""
        taps = _pair(self.kernel_size, "kernel_size")
        shape = (*taps, self.features, x.shape[-1])
        fan_in = math.prod(taps) * x.shape[-1] / math.prod(_pair(self.stride, "stride"))
        return _apply_layer(self, conv2d_transpose, x, shape, fan_in)


def _apply_layer(
    layer: Conv | ConvTranspose,
    convolve: Callable[..., Array],
    x: Array,
    shape: tuple[int, ...],
    fan_in: float,
) -> Array:
    kernel, bias = make_kernel(layer, shape, fan_in), make_bias(layer, layer.features)
    x, kernel = nn.dtypes.promote_dtype(x, kernel, dtype=layer.dtype)
    y = convolve(x, kernel, stride=layer.stride, padding=layer.padding, lowering=layer.lowering)
    return add_bias(y, bias)


# Geometry


def _pair(value: int | Sequence[int], field: str) -> Pair:
    pair = (value, value) if isinstance(value, int) else tuple(value)
    if len(pair) != 2 or min(pair) < 1:
        raise ValueError(bad_value(field, value, "a positive int or a pair of them"))
    return pair[0], pair[1]


def _explicit_padding(padding: Padding) -> tuple[Pair, Pair] | None:
    """The four numbers of `padding`, or None where they depend on the image ("SAME")."""
    if padding == "SAME":
        return None
    if padding == "VALID":
        return (0, 0), (0, 0)
    if isinstance(padding, int) and padding >= 0:
        return (padding, padding), (padding, padding)
    if isinstance(padding, tuple) and len(padding) == 2:
        (top, bottom), (left, right) = padding
        if min(top, bottom, left, right) >= 0:
            return (top, bottom), (left, right)
    raise ValueError(
        bad_value("padding", padding, "'SAME', 'VALID', pixels, or ((top, bottom), (left, right))")
    )


def _forward_geometry(
    image: Sequence[int], kernel: Sequence[int], stride: int | Pair, padding: Padding
) -> Geometry:
    image, kernel, steps = _pair(image, "image"), _pair(kernel, "kernel"), _pair(stride, "stride")
    explicit = _explicit_padding(padding)
    if explicit is None:
        explicit = (
            _same_padding(image[0], kernel[0], steps[0]),
            _same_padding(image[1], kernel[1], steps[1]),
        )
    output = (
        (image[0] + sum(explicit[0]) - kernel[0]) // steps[0] + 1,
        (image[1] + sum(explicit[1]) - kernel[1]) // steps[1] + 1,
    )
    if min(output) < 1:
        raise ValueError(
            f"kernel is {kernel} for images of {image} pixels padded by {explicit}; "
            "it must fit into the padded image"
        )
    return Geometry(image, kernel, steps, explicit, output)


def _same_padding(size: int, kernel: int, stride: int) -> Pair:
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2  # an odd pixel goes last, as in XLA


def _transpose_geometry(
    image: Sequence[int], kernel: Sequence[int], stride: int | Pair, padding: Padding
) -> Geometry:
    image, kernel, steps = _pair(image, "image"), _pair(kernel, "kernel"), _pair(stride, "stride")
    explicit = _explicit_padding(padding)
    output = [n * s for n, s in zip(image, steps, strict=True)]
    if explicit is not None:
        output = [
            (n - 1) * s + k - sum(p)
            for n, s, k, p in zip(image, steps, kernel, explicit, strict=True)
        ]
    if min(output) < 1:
        raise ValueError(
            f"padding is {padding!r}; it must leave a pixel, but the output is {output}"
        )
    return _forward_geometry(output, kernel, stride, padding)


# Lowering


def _by_platform(
    native: Callable[..., Array],
    matmul: Callable[..., Array],
    x: Array,
    kernel: Array,
    geometry: Geometry,
    lowering: Lowering | None,
) -> Array:
    native = functools.partial(native, geometry=geometry)
    matmul = functools.partial(_wide, functools.partial(matmul, geometry=geometry))
    if lowering is None:
        y: Array = lax.platform_dependent(x, kernel, cpu=matmul, default=native)
        return y
    if lowering not in ("native", "matmul"):
        raise ValueError(bad_value("lowering", lowering, ["native", "matmul", None]))
    return (native if lowering == "native" else matmul)(x, kernel)


def _wide(convolve: Callable[..., Array], x: Array, kernel: Array) -> Array:
    """A convolution of narrow numbers with sums in float32, as a TPU and a GPU have them.

    Windows that overlap are added one by one here, and each sum would be rounded; besides, XLA's
    CPU backend took three times as long for the same convolution and its gradients in bfloat16.
    """
    return convolve(to_float32(x), to_float32(kernel)).astype(x.dtype)
