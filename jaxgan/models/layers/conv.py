"""2-D convolutions that are fast, and differentiable to any order, on every platform.

A convolution is one bilinear map with two lowerings, equal to rounding. On TPU and GPU it is XLA's
own convolution. XLA's CPU backend is slow where a GAN spends its time (the weight gradient of a
transposed convolution, anything inside `lax.scan`), so there it is written as slices, sums and
matrix products only: Winograd's minimal filtering where that saves products, patches times a matrix
elsewhere. Autodiff of slices, sums and products gives slices, sums and products, so gradients,
penalties on gradients, and Jacobian-vector products of either cost what they should.

References:
    Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016), arXiv:1509.09308.
    Shi et al., "Is the deconvolution layer the same as a convolutional layer?" (2016),
    arXiv:1609.07009.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from jaxgan.typing import Array

Pair = tuple[int, int]
Padding = Literal["SAME", "VALID"] | int | tuple[Pair, Pair]
"""`"SAME"`, `"VALID"`, one number for all four sides, or `((top, bottom), (left, right))`."""

Lowering = Literal["native", "matmul"]
Initializer = Callable[..., Array]

_DIMENSIONS = ("NHWC", "HWIO", "NHWC")


class _Geometry(NamedTuple):
    """The sizes of one convolution, per axis: (height, width)."""

    image: Pair
    kernel: Pair
    stride: Pair
    padding: tuple[Pair, Pair]
    output: Pair


def conv2d(
    x: Array,
    kernel: Array,
    *,
    stride: int | Pair = 1,
    padding: Padding = "SAME",
    lowering: Lowering | None = None,
) -> Array:
    r"""2-D convolution (cross-correlation) of NHWC images with an HWIO kernel.

    .. math:: y_{bijf} = \sum_{uvc} x_{b,\,si+u-p,\,sj+v-p,\,c}\; k_{uvcf}

    Args:
        x: images, [batch, height, width, in_features].
        kernel: [kernel_height, kernel_width, in_features, out_features], of `x`'s dtype.
        stride: one step for both axes, or (vertical, horizontal).
        padding: zeros around the image: `"SAME"` (the output has ceil(size / stride) pixels),
            `"VALID"`, a number of pixels, or `((top, bottom), (left, right))`.
        lowering: `"native"` for `lax.conv_general_dilated`, `"matmul"` for slices and matrix
            products; by default the first on TPU and GPU and the second on CPU, chosen when the
            program is lowered, so compiling for a TPU on a CPU host gives the native form.

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
    if x.shape[3] != kernel.shape[2]:
        raise ValueError(
            f"kernel: got {kernel.shape[2]} input channels for images of {x.shape[3]} channels; "
            "kernel.shape[2] must be x.shape[3]"
        )
    return _by_platform(_conv_native, _conv_matmul, x, kernel, geometry, lowering)


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
            f"kernel: got {kernel.shape[3]} input channels for images of {y.shape[3]} channels; "
            "kernel.shape[3] must be y.shape[3] (a transposed kernel is [h, w, out, in])"
        )
    return _by_platform(_transpose_native, _transpose_matmul, y, kernel, geometry, lowering)


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

    >>> import jax
    >>> layer = Conv(8, kernel_size=4, stride=2)
    >>> layer.init_with_output(jax.random.key(0), jnp.ones((1, 32, 32, 3)))[0].shape
    (1, 16, 16, 8)
    """

    features: int
    kernel_size: int | Pair = 3
    stride: int | Pair = 1
    padding: Padding = "SAME"
    use_bias: bool = True
    kernel_init: Initializer = nn.initializers.lecun_normal()
    bias_init: Initializer = nn.initializers.zeros
    dtype: Any = None
    param_dtype: Any = jnp.float32
    lowering: Lowering | None = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Convolve [batch, height, width, channels]."""
        shape = (*_pair(self.kernel_size, "kernel_size"), x.shape[-1], self.features)
        return _apply_layer(self, conv2d, x, shape)


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

    >>> import jax
    >>> layer = ConvTranspose(3, kernel_size=4, stride=2)
    >>> layer.init_with_output(jax.random.key(0), jnp.ones((1, 16, 16, 8)))[0].shape
    (1, 32, 32, 3)
    """

    features: int
    kernel_size: int | Pair = 4
    stride: int | Pair = 2
    padding: Padding = "SAME"
    use_bias: bool = True
    kernel_init: Initializer = nn.initializers.lecun_normal(in_axis=-1, out_axis=-2)
    bias_init: Initializer = nn.initializers.zeros
    dtype: Any = None
    param_dtype: Any = jnp.float32
    lowering: Lowering | None = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Upsample [batch, height, width, channels]."""
        shape = (*_pair(self.kernel_size, "kernel_size"), self.features, x.shape[-1])
        return _apply_layer(self, conv2d_transpose, x, shape)


def _apply_layer(
    layer: Conv | ConvTranspose, convolve: Callable[..., Array], x: Array, shape: Sequence[int]
) -> Array:
    kernel = layer.param("kernel", layer.kernel_init, tuple(shape), layer.param_dtype)
    bias = None
    if layer.use_bias:
        bias = layer.param("bias", layer.bias_init, (layer.features,), layer.param_dtype)
    x, kernel, bias = nn.dtypes.promote_dtype(x, kernel, bias, dtype=layer.dtype)
    y = convolve(x, kernel, stride=layer.stride, padding=layer.padding, lowering=layer.lowering)
    return y if bias is None else y + bias.reshape(1, 1, 1, -1)


# Geometry


def _pair(value: int | Sequence[int], field: str) -> Pair:
    pair = (value, value) if isinstance(value, int) else tuple(value)
    if len(pair) != 2 or min(pair) < 1:
        raise ValueError(f"{field}: got {value}; must be a positive int or a pair of them")
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
        f"padding: got {padding!r}; must be 'SAME', 'VALID', a number of pixels, "
        "or ((top, bottom), (left, right))"
    )


def _forward_geometry(
    image: Sequence[int], kernel: Sequence[int], stride: int | Pair, padding: Padding
) -> _Geometry:
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
            f"kernel: got {kernel} for images of {image} pixels padded by {explicit}; "
            "it must fit into the padded image"
        )
    return _Geometry(image, kernel, steps, explicit, output)


def _same_padding(size: int, kernel: int, stride: int) -> Pair:
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2  # an odd pixel goes last, as in XLA


def _transpose_geometry(
    image: Sequence[int], kernel: Sequence[int], stride: int | Pair, padding: Padding
) -> _Geometry:
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
            f"padding: got {padding!r}; must leave a pixel, but the output is {output}"
        )
    return _forward_geometry(output, kernel, stride, padding)


# Lowering


def _by_platform(
    native: Callable[..., Array],
    matmul: Callable[..., Array],
    x: Array,
    kernel: Array,
    geometry: _Geometry,
    lowering: Lowering | None,
) -> Array:
    native = functools.partial(native, geometry=geometry)
    matmul = functools.partial(matmul, geometry=geometry)
    if lowering is None:
        return lax.platform_dependent(x, kernel, cpu=matmul, default=native)
    if lowering not in ("native", "matmul"):
        raise ValueError(f"lowering: got {lowering!r}; must be 'native', 'matmul' or None")
    return (native if lowering == "native" else matmul)(x, kernel)


def _conv_native(x: Array, kernel: Array, geometry: _Geometry) -> Array:
    return lax.conv_general_dilated(
        x, kernel, geometry.stride, geometry.padding, dimension_numbers=_DIMENSIONS
    )


def _transpose_native(y: Array, kernel: Array, geometry: _Geometry) -> Array:
    padding = [
        (k - 1 - low, n + low - (o - 1) * s - 1)
        for n, k, s, (low, _), o in zip(*geometry, strict=True)
    ]
    return lax.conv_general_dilated(
        y,
        jnp.flip(kernel, (0, 1)).swapaxes(2, 3),
        window_strides=(1, 1),
        padding=padding,
        lhs_dilation=geometry.stride,
        dimension_numbers=_DIMENSIONS,
    )


def _conv_matmul(x: Array, kernel: Array, geometry: _Geometry) -> Array:
    if _winograd_pays(kernel, geometry):
        return _winograd(x, kernel, geometry)
    if geometry.stride == (1, 1) and 2 * kernel.shape[3] <= kernel.shape[2]:
        return _sum_of_shifts(x, kernel, geometry)
    return _patches_times_matrix(x, kernel, geometry)


def _transpose_matmul(y: Array, kernel: Array, geometry: _Geometry) -> Array:
    """Slices transposed are pads: overlapping windows are added, and no zero is multiplied."""
    x = jax.ShapeDtypeStruct((y.shape[0], *geometry.image, kernel.shape[2]), y.dtype)
    (x_bar,) = jax.linear_transpose(lambda x: _conv_matmul(x, kernel, geometry), x)(y)
    return x_bar


# Patches times a matrix


def _phases(x: Array, geometry: _Geometry, blocks: Pair) -> Array:
    """Pad or crop to whole blocks of stride x stride: [batch, blocks, s, blocks, s, channels]."""
    config = [(0, 0, 0)]
    for n, s, (low, _), size in zip(
        geometry.image, geometry.stride, geometry.padding, blocks, strict=True
    ):
        config.append((low, size * s - n - low, 0))
    x = lax.pad(x, jnp.zeros((), x.dtype), [*config, (0, 0, 0)])
    (rows, columns), (s, t) = blocks, geometry.stride
    return x.reshape(x.shape[0], rows, s, columns, t, x.shape[3])


def _taps(geometry: _Geometry) -> Pair:
    """Kernel size in blocks of stride pixels."""
    (height, width), (s, t) = geometry.kernel, geometry.stride
    return -(-height // s), -(-width // t)


def _patches_times_matrix(x: Array, kernel: Array, geometry: _Geometry) -> Array:
    (height, width), (s, t) = geometry.output, geometry.stride
    rows, columns = _taps(geometry)
    x = _phases(x, geometry, (height + rows - 1, width + columns - 1))
    windows = [
        x[:, i // s : i // s + height, i % s, j // t : j // t + width, j % t]
        for i in range(geometry.kernel[0])
        for j in range(geometry.kernel[1])
    ]
    patches = jnp.concatenate(windows, axis=-1)
    patches = patches.reshape(-1, patches.shape[-1])
    matrix = kernel.reshape(-1, kernel.shape[3])
    if matrix.shape[0] > matrix.shape[1]:
        # XLA's products A'B are up to three times as fast with the narrow factor first, which is
        # the gradient of a transposed matrix; without the barrier XLA cancels the two transposes.
        matrix = lax.optimization_barrier(matrix.T)
        y = lax.dot_general(patches, matrix, (((1,), (1,)), ((), ())))
    else:
        y = patches @ matrix
    return y.reshape(x.shape[0], height, width, kernel.shape[3])


def _sum_of_shifts(x: Array, kernel: Array, geometry: _Geometry) -> Array:
    """One product per tap, then their sum: where features are few, patches would be larger."""
    (height, width), (rows, columns) = geometry.output, geometry.kernel
    in_features, features = kernel.shape[2:]
    x = _phases(x, geometry, (height + rows - 1, width + columns - 1))
    matrix = kernel.transpose(2, 0, 1, 3).reshape(in_features, -1)
    products = (x.reshape(-1, in_features) @ matrix).reshape(
        x.shape[0], height + rows - 1, width + columns - 1, rows * columns * features
    )
    shifts = [
        products[:, i : i + height, j : j + width, tap * features : (tap + 1) * features]
        for tap, (i, j) in enumerate(itertools.product(range(rows), range(columns)))
    ]
    return functools.reduce(jnp.add, shifts)


# Winograd's minimal filtering F(2, taps), taps in {2, 3}: two outputs of a filter of that many taps
# from taps + 1 products instead of 2 * taps. All constants are 0, 1 and 1/2, so it is as accurate
# as the direct sum, to a small factor. A strided convolution is one of stride 1 over blocks.


def _winograd_pays(kernel: Array, geometry: _Geometry) -> bool:
    """Whether the products saved outweigh the sums added, which small channels do not amortise."""
    (rows, columns), (s, t) = _taps(geometry), geometry.stride
    if not (rows == columns and rows in (2, 3)) or kernel.dtype not in (jnp.float32, jnp.float64):
        return False
    height, width = (-(-n // 2) for n in geometry.output)
    products = height * width * (rows + 1) ** 2 * s * t
    direct = geometry.output[0] * geometry.output[1] * geometry.kernel[0] * geometry.kernel[1]
    return s * t * kernel.shape[2] >= 64 and kernel.shape[3] >= 32 and products <= 0.8 * direct


def _winograd(x: Array, kernel: Array, geometry: _Geometry) -> Array:
    taps = _taps(geometry)[0]
    tiles = tuple(-(-n // 2) for n in geometry.output)
    batch, (in_features, features) = x.shape[0], kernel.shape[2:]
    (s, t), (height, width) = geometry.stride, tiles

    x = _phases(x, geometry, (2 * height + taps - 1, 2 * width + taps - 1))
    blocks = [
        lax.squeeze(block, (2, 4))
        for row in lax.split(x, (1,) * s, axis=2)
        for block in lax.split(row, (1,) * t, axis=4)
    ]
    # Without the barrier XLA computes the blocks anew in each of the (taps + 1)^2 sums below.
    x = lax.optimization_barrier(jnp.concatenate(blocks, axis=-1))
    inputs = [
        tile.reshape(-1, s * t * in_features)
        for row in _input_transform(_tile_slices(x, 1, taps))
        for tile in _input_transform(_tile_slices(row, 2, taps))
    ]

    config = [(0, taps * s - geometry.kernel[0], 0), (0, taps * t - geometry.kernel[1], 0)]
    kernel = lax.pad(kernel, jnp.zeros((), kernel.dtype), [*config, (0, 0, 0), (0, 0, 0)])
    kernel = kernel.reshape(taps, s, taps, t, in_features, features).transpose(0, 2, 1, 3, 4, 5)
    kernel = kernel.reshape(taps, taps, s * t * in_features, features)
    matrices = [
        matrix
        for row in _kernel_transform([kernel[i] for i in range(taps)])
        for matrix in _kernel_transform([row[j] for j in range(taps)])
    ]

    products = [tile @ matrix for tile, matrix in zip(inputs, matrices, strict=True)]
    products = [p.reshape(batch, height, width, features) for p in products]
    columns = [_output_transform(products[j :: taps + 1]) for j in range(taps + 1)]
    rows = [_output_transform([column[i] for column in columns]) for i in range(2)]
    y = jnp.stack([jnp.stack(row, axis=3) for row in rows], axis=2)
    y = y.reshape(batch, 2 * height, 2 * width, features)
    return y[:, : geometry.output[0], : geometry.output[1]]


def _tile_slices(x: Array, axis: int, taps: int) -> list[Array]:
    """Element i of every window of taps + 1 along `axis`, whose windows start two apart."""
    # The transpose of a split is a concatenation, where that of two slices would be padded sums.
    num_tiles = (x.shape[axis] - taps + 1) // 2
    pairs, rest = lax.split(x, (2 * num_tiles, taps - 1), axis=axis)
    pairs = pairs.reshape(*x.shape[:axis], num_tiles, 2, *x.shape[axis + 1 :])
    firsts = [lax.squeeze(p, (axis + 1,)) for p in lax.split(pairs, (1, 1), axis=axis + 1)]
    seconds = [
        jnp.concatenate([lax.slice_in_dim(first, 1, num_tiles, axis=axis), last], axis=axis)
        for first, last in zip(firsts, lax.split(rest, (1,) * (taps - 1), axis=axis), strict=False)
    ]
    return [*firsts, *seconds]


def _input_transform(d: Sequence[Array]) -> tuple[Array, ...]:
    if len(d) == 3:
        return d[0] - d[1], d[1], d[1] - d[2]
    return d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]


def _kernel_transform(g: Sequence[Array]) -> tuple[Array, ...]:
    if len(g) == 2:
        return g[0], g[0] + g[1], g[1]
    outer = g[0] + g[2]
    return g[0], (outer + g[1]) / 2, (outer - g[1]) / 2, g[2]


def _output_transform(m: Sequence[Array]) -> tuple[Array, Array]:
    if len(m) == 3:
        return m[0] + m[1], m[1] - m[2]
    return m[0] + m[1] + m[2], m[1] - m[2] - m[3]
