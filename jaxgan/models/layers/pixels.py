"""Pixels moved about: padding by reflection, and channels that become pixels."""

from __future__ import annotations

import chex
import jax.numpy as jnp

from jaxgan.core.errors import bad_value
from jaxgan.core.typing import Array


def reflect_pad(x: Array, num: int) -> Array:
    """Pads images by their own reflection, without the edge twice.

    Args:
        x: [B, H, W, C] with more than `num` pixels in both directions.
        num: pixels on each side.

    Returns:
        [B, H + 2 num, W + 2 num, C].

    Raises:
        ValueError: if the images are too small.

    >>> reflect_pad(jnp.asarray([1, 2, 3]).reshape(1, 1, 3, 1).repeat(2, 1), 1)[0, 0, :, 0].tolist()
    [2, 1, 2, 3, 2]
    """
    chex.assert_rank(x, 4)
    if min(x.shape[1:3]) <= num:
        raise ValueError(
            f"images of {x.shape[1:3]} pixels cannot be reflected by {num}; they need {num + 1}"
        )
    return jnp.pad(x, ((0, 0), (num, num), (num, num), (0, 0)), mode="reflect")


def pixel_shuffle(x: Array, factor: int) -> Array:
    """Turns each pixel with factor² groups of channels into factor x factor pixels.

    Channel c factor² + i factor + j becomes channel c of the pixel (i, j) of its block, the order
    of PyTorch's `pixel_shuffle`.

    Args:
        x: [B, H, W, C factor²].
        factor: of upsampling.

    Returns:
        [B, H factor, W factor, C].

    Raises:
        ValueError: if factor² does not divide the channels.

    >>> pixel_shuffle(jnp.arange(4).reshape(1, 1, 1, 4), 2)[0, :, :, 0].tolist()
    [[0, 1], [2, 3]]

    References:
        Shi et al., 2016 (arXiv:1609.05158).
    """
    chex.assert_rank(x, 4)
    batch, height, width, channels = x.shape
    features, rest = divmod(channels, factor * factor)
    if rest:
        raise ValueError(
            bad_value("x.shape[-1]", channels, f"a multiple of factor² = {factor * factor}")
        )
    x = x.reshape(batch, height, width, features, factor, factor)
    x = x.transpose(0, 1, 4, 2, 5, 3)
    return x.reshape(batch, height * factor, width * factor, features)
