"""What a convolution is compiled to: XLA's own on TPU and GPU, slices and products on CPU.

References:
    Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016), arXiv:1509.09308.
    Shi et al., "Is the deconvolution layer the same as a convolutional layer?" (2016),
    arXiv:1609.07009.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.core.typing import Array

Pair = tuple[int, int]

_DIMENSIONS = ("NHWC", "HWIO", "NHWC")


class Geometry(NamedTuple):
    """The sizes of one convolution, per axis: (height, width)."""

    image: Pair
    kernel: Pair
    stride: Pair
    padding: tuple[Pair, Pair]
    output: Pair


def conv_native(x: Array, kernel: Array, geometry: Geometry) -> Array:
    """XLA's convolution."""
    return lax.conv_general_dilated(
        x, kernel, geometry.stride, geometry.padding, dimension_numbers=_DIMENSIONS
    )


def transpose_native(y: Array, kernel: Array, geometry: Geometry) -> Array:
    """XLA's convolution that is the transpose of `conv_native`."""
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


def conv_matmul(x: Array, kernel: Array, geometry: Geometry) -> Array:
    """The convolution as slices, sums and matrix products."""
    if _winograd_pays(kernel, geometry):
        return _winograd(x, kernel, geometry)
    if geometry.stride == (1, 1) and 2 * kernel.shape[3] <= kernel.shape[2]:
        if min(geometry.kernel) >= 5:
            return _sum_of_rows(x, kernel, geometry)
        return _sum_of_shifts(x, kernel, geometry)
    return _patches_times_matrix(x, kernel, geometry)


def transpose_matmul(y: Array, kernel: Array, geometry: Geometry) -> Array:
    """Slices transposed are pads: overlapping windows are added, and no zero is multiplied."""
    x = jax.ShapeDtypeStruct((y.shape[0], *geometry.image, kernel.shape[2]), y.dtype)
    x_bar: Array
    (x_bar,) = jax.linear_transpose(lambda x: conv_matmul(x, kernel, geometry), x)(y)
    return x_bar


# Convolutions of groups of channels


def grouped_native(x: Array, kernel: Array, geometry: Geometry, groups: int) -> Array:
    """XLA's convolution of groups."""
    return lax.conv_general_dilated(
        x,
        kernel,
        geometry.stride,
        geometry.padding,
        dimension_numbers=_DIMENSIONS,
        feature_group_count=groups,
    )


def grouped_matmul(x: Array, kernel: Array, geometry: Geometry, groups: int) -> Array:
    """For each group its patches times its own matrix, in one batched product."""
    batch, (height, width) = x.shape[0], geometry.output
    num_taps, features = geometry.kernel[0] * geometry.kernel[1], kernel.shape[3]
    windows = jnp.stack(_windows(x, geometry), axis=3)
    patches = windows.reshape(batch * height * width, num_taps, groups, -1).transpose(2, 0, 1, 3)
    patches = patches.reshape(groups, batch * height * width, -1)
    matrices = kernel.reshape(-1, groups, features // groups).transpose(1, 0, 2)
    y = jnp.matmul(patches, matrices).transpose(1, 0, 2)
    return y.reshape(batch, height, width, features)


# Patches times a matrix


def _phases(x: Array, geometry: Geometry, blocks: Pair) -> Array:
    """Pad or crop to whole blocks of stride x stride: [batch, blocks, s, blocks, s, channels]."""
    amounts = [(0, 0, 0)]
    for n, s, (low, _), size in zip(
        geometry.image, geometry.stride, geometry.padding, blocks, strict=True
    ):
        amounts.append((low, size * s - n - low, 0))
    x = lax.pad(x, jnp.zeros((), x.dtype), [*amounts, (0, 0, 0)])
    (rows, columns), (s, t) = blocks, geometry.stride
    return x.reshape(x.shape[0], rows, s, columns, t, x.shape[3])


def _taps(geometry: Geometry) -> Pair:
    """Kernel size in blocks of stride pixels."""
    (height, width), (s, t) = geometry.kernel, geometry.stride
    return -(-height // s), -(-width // t)


def _windows(x: Array, geometry: Geometry) -> list[Array]:
    """What each tap of the kernel sees: [batch, out_height, out_width, channels], row by row."""
    (height, width), (s, t) = geometry.output, geometry.stride
    rows, columns = _taps(geometry)
    x = _phases(x, geometry, (height + rows - 1, width + columns - 1))
    return [
        x[:, i // s : i // s + height, i % s, j // t : j // t + width, j % t]
        for i in range(geometry.kernel[0])
        for j in range(geometry.kernel[1])
    ]


def _patches_times_matrix(x: Array, kernel: Array, geometry: Geometry) -> Array:
    height, width = geometry.output
    patches = jnp.concatenate(_windows(x, geometry), axis=-1)
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


def _sum_of_shifts(x: Array, kernel: Array, geometry: Geometry) -> Array:
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


def _sum_of_rows(x: Array, kernel: Array, geometry: Geometry) -> Array:
    """As `_sum_of_shifts`, with patches of a row: of a 7x7 kernel 7 + 7 slices in place of 49."""
    (height, width), (rows, columns) = geometry.output, geometry.kernel
    in_features, features = kernel.shape[2:]
    x = _phases(x, geometry, (height + rows - 1, width + columns - 1))
    x = x.reshape(x.shape[0], height + rows - 1, width + columns - 1, in_features)
    patches = jnp.concatenate([x[:, :, j : j + width] for j in range(columns)], axis=-1)
    matrix = kernel.transpose(1, 2, 0, 3).reshape(columns * in_features, rows * features)
    products = patches.reshape(-1, columns * in_features) @ matrix
    products = products.reshape(*patches.shape[:3], rows * features)
    shifts = [products[:, i : i + height, :, i * features :][..., :features] for i in range(rows)]
    return functools.reduce(jnp.add, shifts)


# Winograd's minimal filtering F(2, taps), taps in {2, 3}: two outputs of a filter of that many taps
# from taps + 1 products instead of 2 * taps. All constants are 0, 1 and 1/2, so it is as accurate
# as the direct sum, to a small factor. A strided convolution is one of stride 1 over blocks.


def _winograd_pays(kernel: Array, geometry: Geometry) -> bool:
    """Whether the products saved outweigh the sums added, which small channels do not amortise."""
    (rows, columns), (s, t) = _taps(geometry), geometry.stride
    if not (rows == columns and rows in (2, 3)):
        return False
    height, width = (-(-n // 2) for n in geometry.output)
    products = height * width * (rows + 1) ** 2 * s * t
    direct = geometry.output[0] * geometry.output[1] * geometry.kernel[0] * geometry.kernel[1]
    return s * t * kernel.shape[2] >= 64 and kernel.shape[3] >= 32 and products <= 0.8 * direct


def _winograd(x: Array, kernel: Array, geometry: Geometry) -> Array:
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
    # Without the barrier XLA recomputes the blocks in each of the (taps + 1)^2 sums below.
    x = lax.optimization_barrier(jnp.concatenate(blocks, axis=-1))
    inputs = [
        tile.reshape(-1, s * t * in_features)
        for row in _input_transform(_tile_slices(x, 1, taps))
        for tile in _input_transform(_tile_slices(row, 2, taps))
    ]

    amounts = [(0, taps * s - geometry.kernel[0], 0), (0, taps * t - geometry.kernel[1], 0)]
    kernel = lax.pad(kernel, jnp.zeros((), kernel.dtype), [*amounts, (0, 0, 0), (0, 0, 0)])
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
