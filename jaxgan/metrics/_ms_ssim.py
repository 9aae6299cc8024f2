"""MS-SSIM of pairs of samples: a generator that repeats itself makes pairs that are alike."""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgan.core.ranges import Count, Finite, Index, checked
from jaxgan.core.typing import Array
from jaxgan.metrics import _checks as checks

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""The published exponents, the finest scale first."""

WINDOW, SIGMA = 11, 1.5
"""Side and standard deviation of the Gaussian window, in pixels."""

_K1, _K2 = 0.01, 0.03


class PairSimilarity(NamedTuple):
    """MS-SSIM over random pairs.

    Attributes:
      mean: over the pairs; 1 where all pictures are one.
      std: over the pairs.
      num_scales: how many the images were large enough for.
    """

    mean: float
    std: float
    num_scales: int


def num_scales(side: int) -> int:
    """How many scales images have.

    All five if the window still fits into the coarsest, which takes 161 pixels; otherwise as many
    as it fits into, at least one.

    Args:
      side: the shorter one, in pixels.

    Returns:
      From 1 to 5.

    Example:
      >>> [num_scales(side) for side in (8, 28, 32, 64, 128, 160, 161, 1024)]
      [1, 2, 2, 3, 4, 4, 5, 5]
    """
    fitting = [s for s in range(len(WEIGHTS)) if math.ceil(side / 2**s) >= WINDOW]
    return max(len(fitting), 1)


@checked
def ms_ssim(
    a: Any, b: Any, *, value_range: tuple[Finite, Finite] = (-1.0, 1.0), batch: Count = 64
) -> np.ndarray:
    """Multi-scale structural similarity of pairs of images.

    (l_M cs_M)^w_M Π_{s<M} cs_s^w_s, the mean over channels, with M = `num_scales` and the first M
    published exponents, divided by their sum if M < 5. Pixels are mapped to [0, 1];
    l = (2 μ_a μ_b + c1) / (μ_a² + μ_b² + c1) and cs = (2 σ_ab + c2) / (σ_a² + σ_b² + c2) are means
    over the places where a Gaussian window fits; c1 = 0.01², c2 = 0.03². From scale to scale 2 x 2
    pixels are averaged, an odd side first repeated at its end. A negative cs counts as 0, as its
    power is not real. For images smaller than the window, the window is as large as they are and
    its σ smaller in proportion.

    Args:
      a: images of shape [N, H, W, C].
      b: images of shape [N, H, W, C].
      value_range: the least and the largest value that a pixel can have.
      batch: how many pairs at a time on the device.

    Returns:
      float64 of shape [N], in [0, 1].

    Raises:
      ValueError: if the shapes differ, a number is not finite or an option is out of range.

    Example:
      >>> image = np.linspace(-1.0, 1.0, 144, dtype=np.float32).reshape(1, 12, 12, 1)
      >>> ms_ssim(image, image).round(4), ms_ssim(image, -image).round(4)
      (array([1.]), array([0.]))

    References:
      Wang et al., 2003, Multiscale structural similarity for image quality assessment.
    """
    x, y = checks.finite_pair(a, b, checks.IMAGES)
    if len(x) != len(y):
        raise ValueError(f"a has {len(x)} images, b {len(y)}; they must be as many")
    pairs = np.arange(len(x))
    return _similarities(x, y, pairs, pairs, value_range, batch)


@checked
def ms_ssim_diversity(
    images: Any,
    *,
    labels: Any = None,
    num_pairs: Count = 1000,
    seed: Index = 0,
    value_range: tuple[Finite, Finite] = (-1.0, 1.0),
    batch: Count = 64,
) -> PairSimilarity:
    """The mean MS-SSIM of random pairs of different samples: the lower, the more diverse.

    It is to be compared with that of the data. Noise is diverse too: it says nothing of quality.

    Args:
      images: of shape [N, H, W, C], N at least 2.
      labels: classes of shape [N]: pairs are then of one class, as published; None for any pairs.
      num_pairs: how many; published are 100 per class.
      seed: of the pairs.
      value_range: the least and the largest value that a pixel can have.
      batch: how many pairs at a time on the device.

    Returns:
      A `PairSimilarity`.

    Raises:
      ValueError: if there are no two images, or none of a class, or a number is not finite.

    Example:
      >>> ms_ssim_diversity(np.zeros([4, 8, 8, 1]), num_pairs=5)
      PairSimilarity(mean=1.0, std=0.0, num_scales=1)

    References:
      Odena et al., 2017 (arXiv:1610.09585), section 4.2.
    """
    x = checks.finite("images", images, checks.IMAGES)
    checks.at_least("the number of images", len(x), 2)
    classes = np.zeros(len(x), int)
    if labels is not None:
        classes = checks.class_labels("labels", labels, len(x), np.iinfo(np.int32).max)
    order = np.argsort(classes, kind="stable")
    values, starts, counts = np.unique(classes[order], return_index=True, return_counts=True)
    if counts.min() < 2:
        raise ValueError(f"class {values[counts.argmin()]} has one image; each must have two")
    random = np.random.default_rng(seed)
    first = random.integers(len(x), size=num_pairs)
    group = np.searchsorted(starts, first, side="right") - 1
    # Any other place of the same class, counted on from the first and around.
    on = 1 + (random.random(num_pairs) * (counts[group] - 1)).astype(int)
    second = starts[group] + (first - starts[group] + on) % counts[group]
    found = _similarities(x, x, order[first], order[second], value_range, batch)
    scales = num_scales(min(x.shape[1:3]))
    return PairSimilarity(float(found.mean()), float(found.std()), scales)


def _similarities(
    x: np.ndarray,
    y: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    value_range: tuple[float, float],
    batch: int,
) -> np.ndarray:
    low, high = value_range
    if not high > low:
        raise ValueError(f"value_range is {value_range}; the second must be above the first")
    num = len(first)
    batch = min(batch, num)
    found = np.empty(num)
    for start in range(0, num, batch):
        # Filled up from the front, so that there is one shape to compile for.
        rows = np.arange(start, start + batch) % num
        a, b = (one[index[rows]].astype(np.float32) for one, index in ((x, first), (y, second)))
        a, b = (a - low) / (high - low), (b - low) / (high - low)
        values = _ms_ssim(jnp.asarray(a), jnp.asarray(b))
        found[start : start + batch] = np.asarray(values)[: num - start]
    return found


@jax.jit
def _ms_ssim(a: Array, b: Array) -> Array:
    scales = num_scales(min(a.shape[1:3]))
    total = 1.0 if scales == len(WEIGHTS) else sum(WEIGHTS[:scales])
    product = jnp.ones((a.shape[0], a.shape[3]), a.dtype)
    for scale in range(scales):
        similarity, contrast = _ssim(a, b)
        part = similarity if scale == scales - 1 else contrast
        product = product * jnp.maximum(part, 0.0) ** (WEIGHTS[scale] / total)
        a, b = _halved(a), _halved(b)
    return product.mean(axis=1)


def _ssim(a: Array, b: Array) -> tuple[Array, Array]:
    """Means over the places of l cs and of cs, of shape [N, C] each."""
    # Second moments about the images' means, so that less cancels.
    shift_a, shift_b = (x.mean(axis=(1, 2), keepdims=True) for x in (a, b))
    a, b = a - shift_a, b - shift_b
    mean_a, mean_b, square_a, square_b, product = (
        _windowed(x) for x in (a, b, a * a, b * b, a * b)
    )
    variances = square_a - mean_a**2 + square_b - mean_b**2
    contrast = (2.0 * (product - mean_a * mean_b) + _K2**2) / (variances + _K2**2)
    mean_a, mean_b = mean_a + shift_a, mean_b + shift_b
    light = (2.0 * mean_a * mean_b + _K1**2) / (mean_a**2 + mean_b**2 + _K1**2)
    return (light * contrast).mean(axis=(1, 2)), contrast.mean(axis=(1, 2))


def _windowed(x: Array) -> Array:
    """The Gaussian mean at every place where the window fits."""
    size = min(WINDOW, *x.shape[1:3])
    rows, columns = (_band(side, size) for side in x.shape[1:3])
    sums = functools.partial(jnp.einsum, precision=lax.Precision.HIGHEST)
    return sums("vw,nhwc->nhvc", columns, sums("uh,nhwc->nuwc", rows, x))


def _band(side: int, size: int) -> Array:
    """Windows of `size` pixels at all places, as rows of shape [side - size + 1, side]."""
    sigma = SIGMA * size / WINDOW
    taps = np.exp(-0.5 * ((np.arange(size) - (size - 1) / 2) / sigma) ** 2)
    num = side - size + 1
    matrix = np.zeros((num, side), np.float32)
    for place in range(num):
        matrix[place, place : place + size] = taps / taps.sum()
    return jnp.asarray(matrix)


def _halved(x: Array) -> Array:
    odd = [side % 2 for side in x.shape[1:3]]
    x = jnp.pad(x, ((0, 0), (0, odd[0]), (0, odd[1]), (0, 0)), mode="edge")
    n, h, w, c = x.shape
    return x.reshape(n, h // 2, 2, w // 2, 2, c).mean(axis=(2, 4))
