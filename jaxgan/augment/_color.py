"""Affine changes of colour: random matrices, and their application."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgan.augment._base import check_images
from jaxgan.core.ranges import Count, checked
from jaxgan.core.state import stream
from jaxgan.core.typing import Array, Key

BRIGHTNESS_STD = 0.2
CONTRAST_STD = 0.5
SATURATION_STD = 1.0

_HIGHEST = lax.Precision.HIGHEST


@checked
def color_matrix(key: Key, p: Array, num_channels: Count = 3) -> Array:
    """A random affine map of colours, for one image.

    Brightness + N(0, 0.2²), contrast × 2^N(0, 0.5²), luma flip (a reflection that turns light into
    dark, made half the time), a rotation of the hue by any angle, saturation × 2^N(0, 1); each with
    probability p, in this order. Hue and saturation are for colours only. With p = 0 it is exactly
    the identity.

    Args:
      key: the example's.
      p: the probability, a scalar.
      num_channels: 3 for red, green and blue, 1 for grey.

    Returns:
      [4, 4], acting on (r, g, b, 1).

    Example:
      >>> bool((color_matrix(jax.random.key(0), jnp.float32(0.0)) == jnp.eye(4)).all())
      True

    References:
      Karras et al., 2020 (arXiv:2006.06676), appendix B.
    """

    is_on = jax.random.uniform(stream(key, "color/on"), (5,), p.dtype) < p
    uniform = jax.random.uniform(stream(key, "color/uniform"), (2,), p.dtype)
    normal = jax.random.normal(stream(key, "color/normal"), (3,), p.dtype)
    steps = [
        brighten(jnp.where(is_on[0], BRIGHTNESS_STD * normal[0], 0.0)),
        contrasted(jnp.where(is_on[1], jnp.exp2(CONTRAST_STD * normal[1]), 1.0)),
        luma_flipped(jnp.where(is_on[2], jnp.floor(2.0 * uniform[0]), 0.0)),
    ]
    if num_channels > 1:
        angle = jnp.where(is_on[3], math.pi * (2.0 * uniform[1] - 1.0), 0.0)
        spread = jnp.where(is_on[4], jnp.exp2(SATURATION_STD * normal[2]), 1.0)
        steps += [hue_turned(angle), saturated(spread)]
    matrix = jnp.eye(4, dtype=p.dtype)
    for step in steps:
        matrix = jnp.matmul(step, matrix, precision=_HIGHEST)
    return matrix


def brighten(shift: Array) -> Array:
    """Adds the same to every channel.

    Args:
      shift: what is added.

    Returns:
      [4, 4].

    Example:
      >>> brighten(jnp.float32(0.5))[:, 3].tolist()
      [0.5, 0.5, 0.5, 1.0]
    """
    return jnp.eye(4, dtype=shift.dtype).at[:3, 3].set(shift)


def contrasted(factor: Array) -> Array:
    """Multiplies every channel by the same.

    Args:
      factor: by which.

    Returns:
      [4, 4].

    Example:
      >>> jnp.diagonal(contrasted(jnp.float32(2.0))).tolist()
      [2.0, 2.0, 2.0, 1.0]
    """
    return jnp.diag(jnp.stack([factor, factor, factor, jnp.ones_like(factor)]))


def luma_flipped(flip: Array) -> Array:
    """I - 2 i v vᵀ, v the luma axis: light becomes dark and hues stay.

    Args:
      flip: i, 1 or 0.

    Returns:
      [4, 4].

    Example:
      >>> grey = jnp.asarray([0.5, 0.5, 0.5, 1.0])
      >>> jnp.round(luma_flipped(jnp.float32(1.0)) @ grey, 5).tolist()
      [-0.5, -0.5, -0.5, 1.0]
    """
    return jnp.eye(4, dtype=flip.dtype) - 2.0 * flip * jnp.asarray(_LUMA, flip.dtype)


def hue_turned(angle: Array) -> Array:
    """A rotation around the luma axis (Rodrigues): v vᵀ + cos (I - v vᵀ) + sin [v]×.

    Args:
      angle: in radians; 2π/3 makes red green.

    Returns:
      [4, 4].

    Example:
      >>> red = jnp.asarray([1.0, 0.0, 0.0, 1.0])
      >>> [abs(round(x, 4)) for x in (hue_turned(jnp.float32(2 * math.pi / 3)) @ red).tolist()]
      [0.0, 1.0, 0.0, 1.0]
    """
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    chroma, cross = (jnp.asarray(matrix, angle.dtype) for matrix in (_CHROMA, _CROSS))
    # As a change of the identity, so that nothing is rounded where the angle is 0.
    return jnp.eye(4, dtype=angle.dtype) + (cos - 1.0) * chroma + sin * cross


def saturated(factor: Array) -> Array:
    """v vᵀ + s (I - v vᵀ): away from grey, or towards it.

    Args:
      factor: s.

    Returns:
      [4, 4].

    Example:
      >>> color = jnp.asarray([1.0, 0.0, 0.0, 1.0])
      >>> [round(x, 4) for x in (saturated(jnp.float32(0.0)) @ color).tolist()]
      [0.3333, 0.3333, 0.3333, 1.0]
    """
    chroma = jnp.asarray(_CHROMA, factor.dtype)
    return jnp.eye(4, dtype=factor.dtype) + (factor - 1.0) * chroma


def recolor(images: Array, matrix: Array) -> Array:
    """Images under affine maps of their colours.

    Grey images are mapped as colours with three equal channels and the mean is taken. Where the map
    is exactly the identity so is this.

    Args:
      images: of shape [B, H, W, 3] or [B, H, W, 1].
      matrix: of shape [B, 4, 4], as `color_matrix` gives them.

    Returns:
      Images of that shape.

    Raises:
      ValueError: if the images have another number of channels.

    Example:
      >>> recolor(jnp.zeros((1, 1, 1, 1)), brighten(jnp.float32(0.5))[None]).item()
      0.5
    """
    check_images(images, "recolor", channels=(1, 3))
    matrix = matrix.astype(images.dtype)
    linear, shift = matrix[:, :3, :3], matrix[:, :3, 3]
    if images.shape[-1] == 1:
        linear = jnp.mean(jnp.sum(linear, axis=2, keepdims=True), axis=1, keepdims=True)
        shift = jnp.mean(shift, axis=1, keepdims=True)
    made = jnp.einsum("bkl,bhwl->bhwk", linear, images, precision=_HIGHEST)
    made = made + shift[:, None, None, :]
    is_identity = jnp.all(matrix == jnp.eye(4, dtype=matrix.dtype)[None], axis=(1, 2))
    return jnp.where(is_identity[:, None, None, None], images, made)


_AXIS = np.asarray([1.0, 1.0, 1.0, 0.0]) / np.sqrt(3.0)
_LUMA = np.outer(_AXIS, _AXIS)
_CHROMA = np.diag([1.0, 1.0, 1.0, 0.0]) - _LUMA
_CROSS = np.zeros((4, 4))
_CROSS[:3, :3] = np.asarray([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]]) / np.sqrt(3.0)
