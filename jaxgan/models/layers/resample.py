"""Filtered up- and downsampling of images, as slices and sums that are fast on every platform."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import chex
import jax.numpy as jnp
from jax import lax

from jaxgan.core.errors import bad_value
from jaxgan.core.typing import Array

Pair = tuple[int, int]

SMOOTH = (1.0, 3.0, 3.0, 1.0)
"""The filter of StyleGAN2; StyleGAN has (1, 2, 1)."""


def blur(
    x: Array, taps: Sequence[float] = SMOOTH, padding: Pair = (2, 1), gain: float = 1.0
) -> Array:
    r"""Low-pass filter of NHWC images, the same for rows and columns, with zeros around them.

    .. math:: y_{ij} = \text{gain} \sum_{kl} f_k f_l\; x_{i + k - p,\, j + l - p},
       \quad f = \text{taps} / \textstyle\sum \text{taps}

    Args:
        x: images, [B, H, W, C].
        taps: of the filter, along each axis; they are divided by their sum.
        padding: zeros before and after each axis, which grows by their sum less (taps - 1).
        gain: of a constant image.

    Returns:
        [B, H + p, W + p, C] with p = sum(padding) - len(taps) + 1.

    Raises:
        ValueError: if the filter is empty or its taps add up to 0.

    >>> blur(jnp.ones((1, 4, 4, 1)), (1, 2, 1), (1, 1))[0, :2, 1, 0].tolist()  # zeros outside
    [0.75, 1.0]

    References:
        Zhang, 2019 (arXiv:1904.11486); in GANs: Karras et al., 2019 (arXiv:1812.04948).
    """
    return _both(functools.partial(_filtered, padding=padding, down=1), x, taps, gain)


def downsample(x: Array, taps: Sequence[float] = SMOOTH, gain: float = 1.0) -> Array:
    """Half the resolution: the filter, then every second pixel of every second row.

    Args:
        x: images, [B, 2 H, 2 W, C].
        taps: of the filter; (1, 1) averages blocks of 2x2 pixels.
        gain: of a constant image.

    Returns:
        [B, H, W, C].

    Raises:
        ValueError: if the filter is empty or its taps add up to 0.

    >>> downsample(jnp.arange(4.0).reshape(1, 2, 2, 1), (1, 1)).item()
    1.5

    References:
        Karras et al., 2020 (arXiv:1912.04958), appendix B.
    """
    total = len(taps) - 1
    padding = (total // 2, (total - 1) // 2)
    return _both(functools.partial(_filtered, padding=padding, down=2), x, taps, gain)


def upsample(x: Array, taps: Sequence[float] = SMOOTH, gain: float = 1.0) -> Array:
    """Twice the resolution: a zero after every pixel and row, then the filter, times 4.

    Of its taps every second one meets each pixel, and only those are computed.

    Args:
        x: images, [B, H, W, C].
        taps: of the filter; (1, 1) repeats every pixel, (1, 2, 1) and (1, 3, 3, 1) interpolate.
        gain: of a constant image.

    Returns:
        [B, 2 H, 2 W, C].

    Raises:
        ValueError: if the filter is empty or its taps add up to 0.

    >>> upsample(jnp.asarray([0.0, 4.0]).reshape(1, 1, 2, 1), (1, 1))[0, 0, :, 0].tolist()
    [0.0, 0.0, 4.0, 4.0]

    References:
        Karras et al., 2020 (arXiv:1912.04958), appendix B.
    """
    return _both(_doubled, x, taps, 4.0 * gain)


def _both(along: Callable[..., Array], x: Array, taps: Sequence[float], gain: float) -> Array:
    chex.assert_rank(x, 4)
    if not taps or sum(taps) == 0:
        raise ValueError(bad_value("taps", tuple(taps), "numbers whose sum is not 0"))
    factor = gain**0.5 / sum(taps)
    taps = [tap * factor for tap in taps]
    for axis in (1, 2):
        x = along(x, taps, axis)
    return x


def _padded(x: Array, axis: int, low: int, high: int) -> Array:
    amounts = [(0, 0, 0)] * x.ndim
    amounts[axis] = (low, high, 0)
    return lax.pad(x, jnp.zeros((), x.dtype), amounts)


def _filtered(x: Array, taps: Sequence[float], axis: int, padding: Pair, down: int) -> Array:
    """Filter along one axis, computed at every `down`-th place only."""
    size = (x.shape[axis] + sum(padding) - len(taps)) // down + 1
    x = _padded(x, axis, *padding)
    last = (size - 1) * down + 1
    return _weighted([lax.slice_in_dim(x, k, k + last, down, axis) for k in range(len(taps))], taps)


def _doubled(x: Array, taps: Sequence[float], axis: int) -> Array:
    """Places 2 m + r see the taps k with (r + k - before) even, at pixel m + (r + k - before)/2."""
    size, before = x.shape[axis], len(taps) // 2
    reach = (len(taps) + 1) // 2
    x = _padded(x, axis, reach, reach)
    phases = []
    for r in (0, 1):
        seen = [k for k in range(len(taps)) if (r + k - before) % 2 == 0]
        starts = [reach + (r + k - before) // 2 for k in seen]
        slices = [lax.slice_in_dim(x, start, start + size, axis=axis) for start in starts]
        phases.append(_weighted(slices, [taps[k] for k in seen]))
    shape = (*x.shape[:axis], 2 * size, *x.shape[axis + 1 :])
    return jnp.stack(phases, axis=axis + 1).reshape(shape)


def _weighted(slices: Sequence[Array], taps: Sequence[float]) -> Array:
    return functools.reduce(jnp.add, [tap * part for tap, part in zip(taps, slices, strict=True)])
