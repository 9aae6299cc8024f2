"""DiffAugment: light, differentiable changes that both players see, on real and fake alike."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.augment._base import Augment, check_images, check_policy
from jaxgan.core.ranges import checked
from jaxgan.core.state import stream
from jaxgan.core.typing import Array, Key

TRANSLATION = 1 / 8
"""The largest shift, relative to the image's side."""

CUTOUT = 1 / 2
"""The side of the square that is cut out, relative to the image's."""


@checked
def diffaugment(policy: tuple[str, ...] = ("color", "translation", "cutout")) -> Augment:
    """Differentiable augmentation.

    color: x + b, then m_c + s (x - m_c) with m_c the mean over channels, then m + k (x - m) with m
    that of the image; b ~ U[-½, ½], s ~ U[0, 2], k ~ U[½, 3/2]. translation: by whole pixels,
    uniform up to 1/8 of each side, zeros (grey) moving in. cutout: zeros in a rectangle of half
    each side, whose centre is uniform over the image.

    Args:
      policy: which of them, in the order in which they are made.

    Returns:
      An `Augment`.

    Raises:
      ValueError: if a name is unknown or, when applied, the examples are not images.

    Example:
      >>> augment = diffaugment(("translation",))
      >>> augment(jax.random.key(0), jnp.ones((2, 16, 16, 1))).shape
      (2, 16, 16, 1)

    References:
      Zhao et al., 2020 (arXiv:2006.10738), section 3 and its published code.
    """
    check_policy(policy, tuple(_GROUPS))
    changes = [change for name in policy for change in _GROUPS[name]]

    def augment(key: Key, images: Array) -> Array:
        check_images(images, "diffaugment")
        for change in changes:
            images = change(key, images)
        return images

    return augment


def brightness(images: Array, drawn: Array) -> Array:
    """x + u - ½.

    Args:
      images: of shape [B, H, W, C].
      drawn: u, uniform in [0, 1), of shape [B].

    Returns:
      Images of that shape.

    Example:
      >>> brightness(jnp.zeros((1, 1, 1, 1)), jnp.ones(1)).item()
      0.5
    """
    return images + (_column(drawn) - 0.5)


def saturation(images: Array, drawn: Array) -> Array:
    """m + 2u (x - m), m the mean over channels: 0 is grey, 2 is garish.

    Args:
      images: of shape [B, H, W, C].
      drawn: u, uniform in [0, 1), of shape [B].

    Returns:
      Images of that shape.

    Example:
      >>> saturation(jnp.asarray([[[[0.0, 2.0]]]]), jnp.ones(1)).ravel().tolist()
      [-1.0, 3.0]
    """
    mean = jnp.mean(images, axis=3, keepdims=True)
    return (images - mean) * (2.0 * _column(drawn)) + mean


def contrast(images: Array, drawn: Array) -> Array:
    """m + (u + ½) (x - m), m the mean of the image.

    Args:
      images: of shape [B, H, W, C].
      drawn: u, uniform in [0, 1), of shape [B].

    Returns:
      Images of that shape.

    Example:
      >>> contrast(jnp.asarray([[[[0.0], [2.0]]]]), jnp.full(1, 0.5)).ravel().tolist()
      [0.0, 2.0]
    """
    mean = jnp.mean(images, axis=(1, 2, 3), keepdims=True)
    return (images - mean) * (_column(drawn) + 0.5) + mean


def translate(images: Array, shifts: Array, largest: tuple[int, int]) -> Array:
    """y_{ij} = x_{i+s, j+t}, zero outside.

    Args:
      images: of shape [B, H, W, C].
      shifts: int32 (s, t) in pixels, of shape [B, 2].
      largest: bounds on |s| and |t|.

    Returns:
      Images of that shape.

    Example:
      >>> row = jnp.arange(1.0, 4.0).reshape(1, 1, 3, 1)
      >>> translate(row, jnp.asarray([[0, 1]]), (0, 1)).ravel().tolist()
      [2.0, 3.0, 0.0]
    """
    rows, columns = largest
    padded = jnp.pad(images, ((0, 0), (rows, rows), (columns, columns), (0, 0)))

    def one(image: Array, shift: Array) -> Array:
        start = (rows + shift[0], columns + shift[1], jnp.zeros((), shift.dtype))
        return lax.dynamic_slice(image, start, images.shape[1:])

    return jax.vmap(one)(padded, shifts)


def cut_out(images: Array, centers: Array, size: tuple[int, int]) -> Array:
    """Zeros in a rectangle.

    Args:
      images: of shape [B, H, W, C].
      centers: int32 row and column, of shape [B, 2].
      size: rows and columns of the rectangle.

    Returns:
      Images of that shape.

    Example:
      >>> cut_out(jnp.ones((1, 1, 4, 1)), jnp.asarray([[0, 4]]), (1, 2)).ravel().tolist()
      [1.0, 1.0, 1.0, 0.0]
    """

    def inside(axis: int) -> Array:
        first = centers[:, axis : axis + 1] - size[axis] // 2
        index = jnp.arange(images.shape[1 + axis], dtype=centers.dtype)[None]
        return (first <= index) & (index < first + size[axis])

    hole = inside(0)[:, :, None, None] & inside(1)[:, None, :, None]
    return jnp.where(hole, jnp.zeros((), images.dtype), images)


def _column(drawn: Array) -> Array:
    return drawn[:, None, None, None]


def _uniform(name: str, change: Callable[[Array, Array], Array]) -> Callable[[Key, Array], Array]:
    def apply(key: Key, images: Array) -> Array:
        return change(images, jax.random.uniform(stream(key, name), images.shape[:1], images.dtype))

    return apply


def _portion(images: Array, ratio: float) -> tuple[int, int]:
    return int(images.shape[1] * ratio + 0.5), int(images.shape[2] * ratio + 0.5)


def _integers(key: Key, num: int, least: tuple[int, int], below: tuple[int, int]) -> Array:
    """Integers of shape [num, 2], uniform in [least, below) for each of the two."""
    return jax.random.randint(key, (num, 2), jnp.asarray([least]), jnp.asarray([below]))


def _translation(key: Key, images: Array) -> Array:
    rows, columns = largest = _portion(images, TRANSLATION)
    key = stream(key, "translation")
    shifts = _integers(key, len(images), (-rows, -columns), (rows + 1, columns + 1))
    return translate(images, shifts, largest)


def _cutout(key: Key, images: Array) -> Array:
    size = _portion(images, CUTOUT)
    # An even rectangle has its centre between pixels, hence one more place.
    below = tuple(images.shape[1 + axis] + 1 - size[axis] % 2 for axis in range(2))
    centers = _integers(stream(key, "cutout"), len(images), (0, 0), (below[0], below[1]))
    return cut_out(images, centers, size)


_GROUPS = {
    "color": tuple(
        _uniform(change.__name__, change) for change in (brightness, saturation, contrast)
    ),
    "translation": (_translation,),
    "cutout": (_cutout,),
}
