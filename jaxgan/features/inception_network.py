"""The layers of the Inception-v3 that TensorFlow published on 2015-12-05, and no other's.

Its average pools leave out the padding, its last block takes a maximum in place of an average, and
it has 1008 logits. Batch norms are part of the kernels and biases.

References:
    Szegedy et al., "Rethinking the Inception Architecture for Computer Vision" (2016),
    arXiv:1512.00567.
"""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgan.core.typing import Array

NUM_LOGITS = 1008

Padding = tuple[tuple[int, int], tuple[int, int]]


def conv(x: Array, kernel: Array, bias: Array, stride: int = 1, padding: Any = "VALID") -> Array:
    """Convolution in full float32, plus bias; NHWC and HWIO."""
    y = lax.conv_general_dilated(
        x,
        kernel,
        (stride, stride),
        padding,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        precision=lax.Precision.HIGHEST,
    )
    return y + bias.reshape(1, 1, 1, -1)


def max_pool(x: Array, size: int, stride: int, padding: Padding = ((0, 0), (0, 0))) -> Array:
    """Largest value of each window of size x size pixels."""
    window, strides = (1, size, size, 1), (1, stride, stride, 1)
    pooled: Array = lax.reduce_window(
        x, -jnp.inf, lax.max, window, strides, ((0, 0), *padding, (0, 0))
    )
    return pooled


def average_pool(x: Array) -> Array:
    """Mean of each window of 3 x 3 pixels around a pixel, of those that are in the image."""
    padding = ((0, 0), (1, 1), (1, 1), (0, 0))
    sums = lax.reduce_window(x, 0.0, lax.add, (1, 3, 3, 1), (1, 1, 1, 1), padding)
    height, width = (_num_inside(n) for n in x.shape[1:3])
    counts = (height[:, None] * width[None, :]).reshape(1, x.shape[1], x.shape[2], 1)
    means: Array = sums * jnp.asarray(1.0 / counts, x.dtype)
    return means


def _num_inside(n: int) -> np.ndarray:
    """How many pixels of a window of 3 are within n, at each of its places."""
    index = np.arange(n)
    return np.minimum(index + 1, n - 1) - np.maximum(index - 1, 0) + 1


class Conv(nn.Module):
    """Convolution and ReLU; its batch norm is part of the kernel and the bias.

    Args:
      features: of the output.
      size: of the kernel, (height, width).
      stride: of both axes.
      pad: whether the output of stride 1 is as large as the input.
    """

    features: int
    size: tuple[int, int] = (1, 1)
    stride: int = 1
    pad: bool = False

    @nn.compact
    def __call__(self, x: Array, average: bool = False) -> Array:
        """Maps [B, H, W, C] to [B, H', W', features]; `average` means pooled before."""
        shape = (*self.size, x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.he_normal(), shape)
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        around = [(n // 2, n // 2) for n in self.size]
        if self.size == (3, 3) and self.stride == 1 and not self.pad:
            # On CPU, XLA is up to five times as fast with the padding, which is then cut off.
            return nn.relu(conv(x, kernel, bias, 1, around)[:, 1:-1, 1:-1])
        if not average:
            padding = around if self.pad else "VALID"
            return nn.relu(conv(x, kernel, bias, self.stride, padding))
        # The mean of 1x1 convolutions is the 1x1 convolution of the mean, and has fewer channels.
        x = average_pool(conv(x, kernel, jnp.zeros_like(bias)))
        return nn.relu(x + bias.reshape(1, 1, 1, -1))


class BlockA(nn.Module):
    """35x35 pixels: 1x1, 5x5 and two 3x3 convolutions side by side."""

    pool_features: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps [B, H, W, C] to [B, H, W, 224 + pool_features]."""
        wide = Conv(48, name="branch5x5_1")(x)
        wide = Conv(64, (5, 5), pad=True, name="branch5x5_2")(wide)
        double = Conv(64, name="branch3x3dbl_1")(x)
        double = Conv(96, (3, 3), pad=True, name="branch3x3dbl_2")(double)
        double = Conv(96, (3, 3), pad=True, name="branch3x3dbl_3")(double)
        pooled = Conv(self.pool_features, name="branch_pool")(x, average=True)
        return jnp.concatenate([Conv(64, name="branch1x1")(x), wide, double, pooled], axis=-1)


class BlockB(nn.Module):
    """From 35x35 to 17x17 pixels."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps [B, H, W, C] to [B, H', W', 480 + C]."""
        double = Conv(64, name="branch3x3dbl_1")(x)
        double = Conv(96, (3, 3), pad=True, name="branch3x3dbl_2")(double)
        double = Conv(96, (3, 3), 2, name="branch3x3dbl_3")(double)
        single = Conv(384, (3, 3), 2, name="branch3x3")(x)
        return jnp.concatenate([single, double, max_pool(x, 3, 2)], axis=-1)


class BlockC(nn.Module):
    """17x17 pixels: 7x7 convolutions, each as a row and a column."""

    features: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps [B, H, W, C] to [B, H, W, 768]."""
        row, column = (1, 7), (7, 1)
        single = Conv(self.features, name="branch7x7_1")(x)
        single = Conv(self.features, row, pad=True, name="branch7x7_2")(single)
        single = Conv(192, column, pad=True, name="branch7x7_3")(single)
        double = Conv(self.features, name="branch7x7dbl_1")(x)
        for index, size in ((2, column), (3, row), (4, column)):
            double = Conv(self.features, size, pad=True, name=f"branch7x7dbl_{index}")(double)
        double = Conv(192, row, pad=True, name="branch7x7dbl_5")(double)
        pooled = Conv(192, name="branch_pool")(x, average=True)
        return jnp.concatenate([Conv(192, name="branch1x1")(x), single, double, pooled], axis=-1)


class BlockD(nn.Module):
    """From 17x17 to 8x8 pixels."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps [B, H, W, C] to [B, H', W', 512 + C]."""
        small = Conv(192, name="branch3x3_1")(x)
        small = Conv(320, (3, 3), 2, name="branch3x3_2")(small)
        large = Conv(192, name="branch7x7x3_1")(x)
        large = Conv(192, (1, 7), pad=True, name="branch7x7x3_2")(large)
        large = Conv(192, (7, 1), pad=True, name="branch7x7x3_3")(large)
        large = Conv(192, (3, 3), 2, name="branch7x7x3_4")(large)
        return jnp.concatenate([small, large, max_pool(x, 3, 2)], axis=-1)


class BlockE(nn.Module):
    """8x8 pixels: 3x3 convolutions that end in a row beside a column."""

    max_pooled: bool

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps [B, H, W, C] to [B, H, W, 2048]."""
        single = Conv(384, name="branch3x3_1")(x)
        double = Conv(448, name="branch3x3dbl_1")(x)
        double = Conv(384, (3, 3), pad=True, name="branch3x3dbl_2")(double)
        pool = Conv(192, name="branch_pool")
        if self.max_pooled:
            pooled = pool(max_pool(x, 3, 1, ((1, 1), (1, 1))))
        else:
            pooled = pool(x, average=True)
        parts = [
            Conv(320, name="branch1x1")(x),
            Conv(384, (1, 3), pad=True, name="branch3x3_2a")(single),
            Conv(384, (3, 1), pad=True, name="branch3x3_2b")(single),
            Conv(384, (1, 3), pad=True, name="branch3x3dbl_3a")(double),
            Conv(384, (3, 1), pad=True, name="branch3x3dbl_3b")(double),
            pooled,
        ]
        return jnp.concatenate(parts, axis=-1)


class Inception(nn.Module):
    """Inception-v3 as the Fréchet Inception distance has it.

    Args:
      last: the last of `TAPS` that is wanted; what comes after is not computed.
    """

    last: int = 2048

    @nn.compact
    def __call__(self, x: Array) -> dict[str, Array]:
        """Maps normalised images [B, 299, 299, 3] to features and logits.

        Returns:
          `{"64": [B, 64], ...}` up to `last`, each the mean over all pixels; with 2048 also
          `logits` and `logits_unbiased`, [B, 1008], with and without the last bias.
        """
        found: dict[str, Array] = {}

        def tap(x: Array, length: int) -> bool:
            found[str(length)] = x.mean(axis=(1, 2))
            return length == self.last

        x = Conv(32, (3, 3), 2, name="Conv2d_1a_3x3")(x)
        x = Conv(32, (3, 3), name="Conv2d_2a_3x3")(x)
        x = max_pool(Conv(64, (3, 3), pad=True, name="Conv2d_2b_3x3")(x), 3, 2)
        if tap(x, 64):
            return found
        x = Conv(80, name="Conv2d_3b_1x1")(x)
        x = max_pool(Conv(192, (3, 3), name="Conv2d_4a_3x3")(x), 3, 2)
        if tap(x, 192):
            return found
        for letter, features in zip("bcd", (32, 64, 64), strict=True):
            x = BlockA(features, name=f"Mixed_5{letter}")(x)
        x = BlockB(name="Mixed_6a")(x)
        for letter, features in zip("bcde", (128, 160, 160, 192), strict=True):
            x = BlockC(features, name=f"Mixed_6{letter}")(x)
        if tap(x, 768):
            return found
        x = BlockD(name="Mixed_7a")(x)
        x = BlockE(max_pooled=False, name="Mixed_7b")(x)
        x = BlockE(max_pooled=True, name="Mixed_7c")(x)
        tap(x, 2048)
        logits, unbiased = Logits(name="fc")(found["2048"])
        return {**found, "logits": logits, "logits_unbiased": unbiased}


class Logits(nn.Module):
    """The last layer, with and without its bias."""

    @nn.compact
    def __call__(self, x: Array) -> tuple[Array, Array]:
        """Maps [B, 2048] to two times [B, 1008]."""
        kernel = self.param("kernel", nn.initializers.he_normal(), (x.shape[-1], NUM_LOGITS))
        bias = self.param("bias", nn.initializers.zeros, (NUM_LOGITS,))
        unbiased = jnp.dot(x, kernel, precision=lax.Precision.HIGHEST)
        return unbiased + bias.reshape(1, -1), unbiased
