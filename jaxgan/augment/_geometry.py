"""Geometric changes of an image: random affine maps, and resampling without aliasing."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgan.augment._base import check_images
from jaxgan.core.ranges import Count, checked
from jaxgan.core.state import stream
from jaxgan.core.typing import Array, Key

XINT_MAX = 0.125
SCALE_STD = 0.2
ANISO_STD = 0.2
XFRAC_STD = 0.125

# The low pass of the orthogonal wavelet "sym6" (Daubechies, 1992), of unit norm.
_SYM6 = (
    0.015404109327027373,
    0.0034907120842174702,
    -0.11799011114819057,
    -0.048311742585633,
    0.4910559419267466,
    0.787641141030194,
    0.3379294217276218,
    -0.07263752278646252,
    -0.021060292512300564,
    0.04472490177066578,
    0.0017677118642428036,
    -0.007800708325034148,
)
_TAPS = len(_SYM6)
_MARGIN = _TAPS // 4
"""Pixels on each side that the downsampling filter needs beyond the image."""

_HIGHEST = lax.Precision.HIGHEST  # A TPU's default would lose the fractions of a coordinate.


@checked
def geometric_matrix(
    key: Key, p: Array, size: tuple[Count, Count], policy: Sequence[str] = ("blit", "geometric")
) -> Array:
    """A random affine map of the plane, for one image.

    blit: x-flip, a multiple of 90°, an integer translation up to 1/8 of each side. geometric:
    isotropic scale 2^N(0, 0.2²), rotation, anisotropic scale, rotation, fractional translation by
    N(0, (1/8)²) of each side. Each is made with probability p; either of the two rotations with
    1 - √(1 - p), so that one or both are with p. With p = 0 it is exactly the identity.

    Args:
      key: the example's.
      p: the probability, a scalar.
      size: height and width in pixels.
      policy: which of the two groups.

    Returns:
      [3, 3]: from the place (x, y, 1) of an output's pixel, in pixels from the image's centre, to
      the place in the input that it shows.

    Example:
      >>> geometric_matrix(jax.random.key(0), jnp.float32(0.0), (8, 8)).tolist()
      [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]

    References:
      Karras et al., 2020 (arXiv:2006.06676), appendix B.
    """
    height, width = size
    sides = jnp.asarray([width, height], p.dtype)
    # Either rotation with such a probability that one or both are made with p.
    either = 1.0 - jnp.sqrt(1.0 - p)
    chances = jnp.stack([p, p, p, p, either, p, either, p])
    is_on = jax.random.uniform(stream(key, "geometry/on"), (8,), p.dtype) < chances
    # Few draws of many numbers: each is a program of its own.
    uniform = jax.random.uniform(stream(key, "geometry/uniform"), (6,), p.dtype)
    normal = jax.random.normal(stream(key, "geometry/normal"), (4,), p.dtype)
    flip = jnp.where(is_on[0], jnp.floor(2.0 * uniform[0]), 0.0)
    turns = jnp.where(is_on[1], jnp.floor(4.0 * uniform[1]), 0.0)
    whole = jnp.where(is_on[2], jnp.round(XINT_MAX * (2.0 * uniform[2:4] - 1.0) * sides), 0.0)
    scale = jnp.where(is_on[3], jnp.exp2(SCALE_STD * normal[0]), 1.0)
    before = jnp.where(is_on[4], math.pi * (2.0 * uniform[4] - 1.0), 0.0)
    aniso = jnp.where(is_on[5], jnp.exp2(ANISO_STD * normal[1]), 1.0)
    after = jnp.where(is_on[6], math.pi * (2.0 * uniform[5] - 1.0), 0.0)
    shift = jnp.where(is_on[7], XFRAC_STD * normal[2:4] * sides, 0.0)
    blit = [
        scaling(1.0 - 2.0 * flip, jnp.ones_like(flip)),
        rotation(0.5 * math.pi * turns),
        translation(-whole),
    ]
    geometric = [
        scaling(1.0 / scale, 1.0 / scale),
        rotation(before),
        scaling(1.0 / aniso, aniso),
        rotation(after),
        translation(-shift),
    ]
    inverse = jnp.eye(3, dtype=p.dtype)
    for step in blit * ("blit" in policy) + geometric * ("geometric" in policy):
        inverse = jnp.matmul(inverse, step, precision=_HIGHEST)
    return inverse


def translation(shift: Array) -> Array:
    """The homogeneous matrix of a translation.

    Args:
      shift: (x, y).

    Returns:
      [3, 3].

    Example:
      >>> translation(jnp.asarray([2.0, 3.0]))[:2, 2].tolist()
      [2.0, 3.0]
    """
    return jnp.eye(3, dtype=shift.dtype).at[:2, 2].set(shift)


def scaling(x: Array, y: Array) -> Array:
    """The homogeneous matrix of a scaling.

    Args:
      x: the horizontal factor.
      y: the vertical one.

    Returns:
      [3, 3].

    Example:
      >>> jnp.diagonal(scaling(jnp.float32(2.0), jnp.float32(3.0))).tolist()
      [2.0, 3.0, 1.0]
    """
    return jnp.diag(jnp.stack([x, y, jnp.ones_like(x)]))


def rotation(angle: Array) -> Array:
    """The homogeneous matrix of a rotation.

    Args:
      angle: in radians, from x to y.

    Returns:
      [3, 3].

    Example:
      >>> jnp.round(rotation(jnp.float32(math.pi / 2))[:2, :2]).tolist()
      [[-0.0, -1.0], [1.0, -0.0]]
    """
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    turn = jnp.stack([jnp.stack([cos, -sin]), jnp.stack([sin, cos])])
    return jnp.eye(3, dtype=angle.dtype).at[:2, :2].set(turn)


def resample(images: Array, inverse: Array) -> Array:
    """Images under affine maps, each pixel a band-limited reading of the input.

    The input goes on beyond its borders by reflection; it is upsampled twofold by the orthogonal
    wavelet sym6, read at the mapped places of a twice as fine grid by linear interpolation, and
    downsampled by the same wavelet. Where the map is exactly the identity so is this. Linear in the
    images. The published code reflects once and is black beyond; here reflections go on for ever.

    Args:
      images: of shape [B, H, W, C].
      inverse: of shape [B, 3, 3], as `geometric_matrix` gives them.

    Returns:
      Images of that shape.

    Raises:
      ValueError: if the examples are not images.

    Example:
      >>> flip = jnp.diag(jnp.asarray([-1.0, 1.0, 1.0]))[None]
      >>> flat = resample(jnp.ones((1, 4, 4, 1)), flip)
      >>> bool(jnp.allclose(flat, 1.0, atol=1e-5))
      True

    References:
      Karras et al., 2020 (arXiv:2006.06676), appendix B.
    """
    check_images(images, "resample")
    _, height, width, _ = images.shape
    dtype = images.dtype
    up_rows, up_columns = (jnp.asarray(_upsampling(n), dtype) for n in (height, width))
    down_rows, down_columns = (jnp.asarray(_downsampling(n), dtype) for n in (height, width))
    fine = jnp.einsum("ih,bhwc,jw->bijc", up_rows, images, up_columns, precision=_HIGHEST)
    read = jax.vmap(_read, in_axes=(0, 0, None))(fine, inverse, (height, width))
    made = jnp.einsum("hi,bijc,wj->bhwc", down_rows, read, down_columns, precision=_HIGHEST)
    is_identity = jnp.all(inverse == jnp.eye(3, dtype=inverse.dtype)[None], axis=(1, 2))
    return jnp.where(is_identity[:, None, None, None], images, made)


def _read(fine: Array, inverse: Array, size: tuple[int, int]) -> Array:
    """One upsampled period, read by linear interpolation where the map says."""
    height, width = size
    # Sample m of the fine grid is at pixel (m - 2 margin) / 2; places count from the centre.
    y, x = (
        (jnp.arange(2 * (n + 2 * _MARGIN), dtype=inverse.dtype) - 2 * _MARGIN) / 2 - (n - 1) / 2
        for n in (height, width)
    )
    places = jnp.stack(jnp.broadcast_arrays(x[None, :], y[:, None], jnp.ones((1, 1), x.dtype)))
    at_x, at_y, _ = jnp.einsum("kl,lij->kij", inverse, places, precision=_HIGHEST)
    row, row_share = _split(2.0 * at_y + (height - 1), fine.shape[0])
    column, column_share = _split(2.0 * at_x + (width - 1), fine.shape[1])
    total = jnp.zeros((), fine.dtype)
    for down in (0, 1):
        for right in (0, 1):
            share = jnp.abs(1 - down - row_share) * jnp.abs(1 - right - column_share)
            here = fine[(row + down) % fine.shape[0], (column + right) % fine.shape[1]]
            total = total + share.astype(fine.dtype)[..., None] * here
    return total


def _split(place: Array, period: int) -> tuple[Array, Array]:
    """The whole part of a place, within the period, and its fraction."""
    whole = jnp.floor(place)
    return jnp.mod(whole, period).astype(jnp.int32), place - whole


@functools.cache
def _upsampling(num: int) -> np.ndarray:
    """[2P, num]: one period of the reflected signal, upsampled twofold; P = 2 (num - 1)."""
    period = max(2 * (num - 1), 1)
    taps = np.asarray(_SYM6) / np.sum(_SYM6)
    matrix = np.zeros((2 * period, num))
    for sample in range(2 * period):
        for tap, weight in enumerate(taps):
            place = sample + _TAPS // 2 - 1 - tap
            if place % 2 == 0:
                pixel = (place // 2) % period
                matrix[sample, min(pixel, period - pixel) if num > 1 else 0] += 2.0 * weight
    return matrix


@functools.cache
def _downsampling(num: int) -> np.ndarray:
    """[num, 2 (num + 2 margin)]: the transposed filter, every second sample, the margin cut off."""
    taps = np.asarray(_SYM6) / np.sum(_SYM6)
    matrix = np.zeros((num, 2 * (num + 2 * _MARGIN)))
    for pixel in range(num):
        matrix[pixel, 2 * pixel + 1 : 2 * pixel + 1 + _TAPS] = taps
    return matrix
