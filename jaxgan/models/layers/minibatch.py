"""Layers through which a discriminator sees how much the examples of a batch differ."""

from __future__ import annotations

from typing import Literal

import chex
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.core.ranges import Count, Width, checked
from jaxgan.core.typing import Array
from jaxgan.models.layers.precision import to_float32

Minibatch = Literal["discrimination", "none", "stddev"]


@checked
class MinibatchDiscrimination(nn.Module):
    r"""Appends to each example's features how close they are to those of the whole batch.

    .. math:: o_{ib} = \sum_j \exp\big(-\| M_{ib} - M_{jb} \|_1\big), \quad M_i = f_i T

    The sum is over the whole batch, example i included, as in the paper; the official code leaves
    the constant 1 of example i out. It needs [B, B, num_kernels, kernel_dim] numbers of memory.

    Args:
        num_kernels: B of the paper, how many numbers are appended.
        kernel_dim: C of the paper, the length of each row of M.

    >>> import jax
    >>> layer = MinibatchDiscrimination(num_kernels=2, kernel_dim=3)
    >>> y, _ = layer.init_with_output(jax.random.key(0), jnp.ones((4, 5)))
    >>> y.shape, y[0, 5:].tolist()  # four equal examples
    ((4, 7), [4.0, 4.0])

    References:
        Salimans et al., 2016 (arXiv:1606.03498), section 3.2; sizes are those of its code.
    """

    num_kernels: Width = 100
    kernel_dim: Width = 5

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map [B, F] to [B, F + num_kernels]."""
        chex.assert_rank(x, 2)
        init = nn.initializers.normal(0.05)
        shape = (x.shape[-1], self.num_kernels * self.kernel_dim)
        tensor = self.param("tensor", init, shape, jnp.float32)
        rows = (x @ tensor).reshape(x.shape[0], self.num_kernels, self.kernel_dim)
        distances = jnp.sum(jnp.abs(rows[:, None] - rows[None, :]), axis=-1)
        return jnp.concatenate([x, jnp.sum(jnp.exp(-distances), axis=1)], axis=-1)


@checked
class MinibatchStddev(nn.Module):
    """Appends channels that say by how much the examples of a group differ.

    The standard deviation of every feature over the group, averaged over pixels and over
    C / num_channels features for each channel that is appended. Groups are of consecutive examples
    of the global batch (official code: every M-th example), so that they are the same on any number
    of devices, and lie on one device where its share of the batch holds whole groups.

    Args:
        group_size: examples in a group; smaller batches are one group. None for the whole batch.
        num_channels: how many are appended; it divides the channels.

    Raises:
        ValueError: if groups do not divide the batch, or `num_channels` the channels.

    >>> import jax
    >>> layer = MinibatchStddev(group_size=2)
    >>> layer.apply({}, jnp.asarray([[1.0], [3.0], [5.0], [5.0]]))[:, 1].round(3).tolist()
    [1.0, 1.0, 0.0, 0.0]

    References:
        Karras et al., 2018 (arXiv:1710.10196), section 3; groups of 4 as in its code.
    """

    group_size: Count | None = 4
    num_channels: Count = 1

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map [B, ..., C] to [B, ..., C + num_channels]."""
        num, channels = len(x), x.shape[-1]
        size = num if self.group_size is None else min(self.group_size, num)
        if size < 1 or num % size:
            raise ValueError(f"group_size is {self.group_size}; it must divide the batch of {num}")
        if self.num_channels < 1 or channels % self.num_channels:
            raise ValueError(
                f"num_channels is {self.num_channels}; it must divide the {channels} channels"
            )
        each = channels // self.num_channels
        groups = to_float32(x).reshape(num // size, size, -1, self.num_channels, each)
        # The square root has no derivative at zero, where a collapsed generator is.
        stds = jnp.sqrt(jnp.var(groups, axis=1) + 1e-8)
        means = jnp.repeat(jnp.mean(stds, axis=(1, 3)), size, axis=0).astype(x.dtype)
        means = means.reshape(num, *(1,) * (x.ndim - 2), self.num_channels)
        means = jnp.broadcast_to(means, (*x.shape[:-1], self.num_channels))
        return jnp.concatenate([x, means], axis=-1)
