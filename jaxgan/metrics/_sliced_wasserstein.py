"""Sliced Wasserstein distance of patches, at every level of a Laplacian pyramid."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
from scipy.ndimage import convolve1d

from jaxgan.core.ranges import Count, Index, checked
from jaxgan.metrics import _checks as checks

MIN_SIDE = 16
"""The last level of a pyramid has at least so many pixels a side."""

_KERNEL = np.asarray([1, 4, 6, 4, 1], np.float32) / 16
_NUM_IMAGES, _NUM_DIRECTIONS = 256, 16
"""How many are held at a time, besides the patches themselves."""


class SlicedWasserstein(NamedTuple):
    """Distances times 1,000, as they are published.

    Attributes:
      mean: over the levels.
      per_level: by the shorter side of the level, the finest first.
    """

    mean: float
    per_level: dict[int, float]


def laplacian_pyramid(images: Any) -> list[np.ndarray]:
    """Band-pass images, each half as wide as the one before, and the low-pass rest.

    A level is the images less the next level's images, enlarged. It is halved, rounding up, as long
    as the shorter side stays at least `MIN_SIDE`: three levels for 64 pixels, one for 28 or fewer.
    The filter is binomial of 5 taps, mirrored at the border without repeating the border's pixels.

    Args:
      images: of shape [N, H, W, C].

    Returns:
      float32 of shape [N, H_l, W_l, C] each; the last is the rest.

    Raises:
      ValueError: if the shape is another or a number is not finite.

    Example:
      >>> [level.shape for level in laplacian_pyramid(np.ones([1, 64, 48, 1]))]
      [(1, 64, 48, 1), (1, 32, 24, 1)]

    References:
      Burt and Adelson, 1983, The Laplacian pyramid as a compact image code; Karras et al., 2018
      (arXiv:1710.10196), section 5.
    """
    return _pyramid(checks.finite("images", images, checks.IMAGES))


def _pyramid(images: np.ndarray) -> list[np.ndarray]:
    levels: list[np.ndarray] = [images.astype(np.float32)]
    while -(-min(levels[-1].shape[1:3]) // 2) >= MIN_SIDE:
        lower = _smooth(levels[-1])[:, ::2, ::2]
        enlarged = np.zeros_like(levels[-1])
        enlarged[:, ::2, ::2] = lower
        levels[-1] = levels[-1] - 4.0 * _smooth(enlarged)
        levels.append(lower)
    return levels


def _smooth(images: np.ndarray) -> np.ndarray:
    for axis in (1, 2):
        images = convolve1d(images, _KERNEL, axis=axis, mode="mirror")
    return images


def sliced_distance(a: np.ndarray, b: np.ndarray, directions: np.ndarray) -> float:
    """The mean, over directions, of the 1-Wasserstein distance of two sets projected on each.

    Args:
      a: of shape [N, D].
      b: of shape [N, D].
      directions: unit vectors of shape [K, D].

    Returns:
      The mean of the absolute differences between sorted a·v and sorted b·v.

    Raises:
      ValueError: if the sets are not of one shape.

    Example:
      >>> a = np.asarray([[0.0, 5.0], [1.0, 7.0]])
      >>> sliced_distance(a, a[::-1] + 2.0, np.asarray([[1.0, 0.0]]))
      2.0

    References:
      Rabin et al., 2011, Wasserstein barycenter and its application to texture mixing.
    """
    if a.shape != b.shape:
        raise ValueError(f"sets of shape {a.shape} and {b.shape}; they must be the same")
    total = 0.0
    for start in range(0, len(directions), _NUM_DIRECTIONS):
        part = directions[start : start + _NUM_DIRECTIONS]
        x, y = np.sort(part @ a.T, axis=1), np.sort(part @ b.T, axis=1)
        total += np.abs(x - y).sum(dtype=np.float64)
    return float(total / (len(directions) * len(a)))


@checked
def sliced_wasserstein(
    real: Any,
    fake: Any,
    *,
    num_patches: Count = 128,
    patch_size: Count = 7,
    num_repeats: Count = 4,
    num_directions: Count = 128,
    seed: Index = 0,
) -> SlicedWasserstein:
    """Compares the patches of two sets of images, scale by scale; needs no network.

    From each level of each image's `laplacian_pyramid` patches are taken at random places. Those of
    a set and level are normalised, each channel by its mean and standard deviation over them all,
    so contrast and tint do not count. The distance is `sliced_distance`, on average over repeats of
    so many directions. The defaults are the published ones, there with 8,192 images; the patches
    take N · num_patches · patch_size² · C · 4 bytes per set.

    Args:
      real: images of shape [N, H, W, C].
      fake: images of shape [N, H, W, C].
      num_patches: per image and level.
      patch_size: pixels a side, at most the images' shorter side.
      num_repeats: how often directions are drawn.
      num_directions: each time.
      seed: of places and directions.

    Returns:
      A `SlicedWasserstein`; its levels are as many as exist, one for images of 28 pixels or fewer.

    Raises:
      ValueError: if the shapes differ, images are smaller than a patch, or a number is not finite.

    Warns:
      UserWarning: if a channel is constant in a set, so that its patches cannot be normalised; they
        count as 0.

    Example:
      >>> images = np.random.default_rng(0).normal(size=(64, 16, 16, 1))
      >>> small = {"num_patches": 8, "num_directions": 16}
      >>> near = sliced_wasserstein(images[:32], 3.0 * images[32:], **small)
      >>> far = sliced_wasserstein(images[:32], images[32:] ** 3, **small)
      >>> list(near.per_level), near.mean < far.mean
      ([16], True)

    References:
      Karras et al., 2018 (arXiv:1710.10196), section 5.
    """
    x, y = checks.finite_pair(real, fake, checks.IMAGES)
    if len(x) != len(y):
        raise ValueError(f"real has {len(x)} images, fake {len(y)}; they must be as many")
    if min(x.shape[1:3]) < patch_size:
        raise ValueError(f"images are {x.shape[1:3]} pixels; a side must be at least {patch_size}")
    seeds = np.random.SeedSequence(seed).spawn(3)
    patches = [
        _all_patches(name, images, num_patches, patch_size, np.random.default_rng(one))
        for name, images, one in zip(("real", "fake"), (x, y), seeds, strict=False)
    ]
    random = np.random.default_rng(seeds[2])
    distances = {}
    for side in list(patches[0]):
        a, b = (one.pop(side) for one in patches)
        shape = (num_repeats * num_directions, a.shape[1])
        directions = random.normal(size=shape).astype(np.float32)
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        distances[side] = 1e3 * sliced_distance(a, b, directions)
    return SlicedWasserstein(float(np.mean(list(distances.values()))), distances)


def _all_patches(
    name: str, images: np.ndarray, num: int, size: int, random: np.random.Generator
) -> dict[int, np.ndarray]:
    """Normalised patches [N · num, C · size²], by the level's shorter side."""
    found: dict[int, list[np.ndarray]] = {}
    for start in range(0, len(images), _NUM_IMAGES):
        for level in _pyramid(images[start : start + _NUM_IMAGES]):
            found.setdefault(min(level.shape[1:3]), []).append(_patches(level, num, size, random))
    num_channels = images.shape[3]
    normalised, flat = {}, []
    for side in list(found):
        patches = np.concatenate(found.pop(side)).reshape(-1, num_channels, size * size)
        patches -= patches.mean(axis=(0, 2), keepdims=True, dtype=np.float64).astype(np.float32)
        stds = np.sqrt((patches**2).mean(axis=(0, 2), keepdims=True, dtype=np.float64))
        # Of a constant image's upper levels rounding is left, not zero.
        constant = stds <= 1e-6 * max(float(np.abs(images).max()), 1e-30)
        flat += [side] if constant.any() else []
        patches *= np.where(constant, 0.0, 1.0 / np.where(constant, 1.0, stds)).astype(np.float32)
        normalised[side] = patches.reshape(len(patches), -1)
    if flat:
        levels = ", ".join(map(str, flat))
        warnings.warn(
            f"{name}: a channel is constant over all images at {levels} pixels; its patches count "
            "as 0",
            stacklevel=3,
        )
    return normalised


def _patches(level: np.ndarray, num: int, size: int, random: np.random.Generator) -> np.ndarray:
    """Patches [N · num, C, size, size] at random places."""
    windows = np.lib.stride_tricks.sliding_window_view(level, (size, size), axis=(1, 2))
    rows, columns = (random.integers(windows.shape[i], size=(len(level), num)) for i in (1, 2))
    chosen = windows[np.arange(len(level))[:, None], rows, columns]
    return chosen.reshape(-1, *chosen.shape[2:])
