"""Kernel distance: the squared maximum mean discrepancy with a cubic kernel, known as KID."""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgan.metrics import checks
from jaxgan.metrics.neighbors import TILE
from jaxgan.typing import Array


class KernelDistance(NamedTuple):
    """The distance over blocks of examples.

    Attributes:
      value: the mean over blocks, unbiased: it is below 0 about as often as above for sets of one
        distribution.
      std: over blocks (0 degrees of freedom withheld). Of a block, not of the mean.
      standard_error: of `value` as an estimate for the distributions, to first order; see
        `kernel_distance`. NaN where a block is a whole set.
    """

    value: float
    std: float
    standard_error: float


class _Part(NamedTuple):
    """Some of a set: values [n, F], shift [n], and member [n, B], 1 where it is in that block."""

    values: Array
    shift: Array
    member: Array


class _Set(NamedTuple):
    """Examples less the mean m of both sets: values [N, F], shift m·(x - m) / F [N], float32."""

    values: np.ndarray
    shift: np.ndarray

    def take(self, chosen: np.ndarray) -> _Set:
        return _Set(self.values[chosen], self.shift[chosen])


def kernel_distance(
    real: Any, fake: Any, *, num_blocks: int = 100, block_size: int = 1000, seed: int = 2020
) -> KernelDistance:
    """KID: the mean of `squared_mmd` over random blocks of both sets.

    A block is `block_size` examples of each set, drawn without replacement; blocks are drawn
    independently of one another. The defaults, the seed and the way of drawing are those of
    torch-fidelity, hence so are the numbers.

    Blocks share examples, so std / √num_blocks understates the error of the mean. Let v be the
    variance of a block of new examples, and f the share of the smaller set that a block has. The
    variance of blocks from given sets is then about (1 - f) v, and that of a whole set about f v:
    hence standard_error = std √(f / (1 - f) + 1 / num_blocks).

    Args:
      real: features of shape [N, F].
      fake: features of shape [M, F].
      num_blocks: how many.
      block_size: at least 2 and at most N and M.
      seed: of the blocks.

    Returns:
      A `KernelDistance`.

    Raises:
      ValueError: if a set is smaller than a block, the numbers of features differ, or a number is
        not finite.

    Example:
      >>> x = np.random.default_rng(0).normal(size=(200, 4))
      >>> found = kernel_distance(x[:100], x[100:] + 1.0, num_blocks=20, block_size=50)
      >>> round(found.value, 1)
      8.9

    References:
      Bińkowski et al., 2018 (arXiv:1801.01401); Gretton et al., 2012, A kernel two-sample test.
    """
    x, y = checks.finite_pair(real, fake)
    checks.at_least("num_blocks", num_blocks, 1)
    checks.at_least("block_size", block_size, 2)
    for name, one in (("real", x), ("fake", y)):
        if len(one) < block_size:
            raise ValueError(
                f"block_size is {block_size}, and {name} has {len(one)} examples; there must be at "
                "least as many as in a block"
            )
    of_x, of_y, base = _centred(x, y)
    random = np.random.RandomState(seed)
    draws = [
        [random.choice(len(one), block_size, replace=False) for one in (x, y)]
        for _ in range(num_blocks)
    ]
    in_x, in_y = (np.asarray(chosen) for chosen in zip(*draws, strict=True))
    if (len(x) + len(y)) ** 2 <= num_blocks * (2 * block_size) ** 2:
        # Blocks share pairs: each is made once, and counted in every block that it is in.
        values = _squared_mmds(of_x, of_y, base, in_x, in_y)
    else:
        whole = np.arange(block_size)[None]
        pairs = zip(in_x, in_y, strict=True)
        blocks = [(of_x.take(one), of_y.take(other), base, whole, whole) for one, other in pairs]
        values = np.concatenate([_squared_mmds(*block) for block in blocks])
    share = block_size / min(len(x), len(y))
    drift = share / (1.0 - share) if share < 1.0 else math.nan
    std = float(values.std())
    return KernelDistance(float(values.mean()), std, std * math.sqrt(drift + 1.0 / num_blocks))


def squared_mmd(real: Any, fake: Any) -> float:
    """MMD² = E k(x, x') + E k(y, y') - 2 E k(x, y) with k(x, y) = (x·y / F + 1)³, of whole sets.

    The unbiased estimate: pairs of an example with itself are left out, and of x with y all pairs
    count. In float32 on the default device; the number of pairs at a time is bounded by TILE².

    Args:
      real: features of shape [N, F], N at least 2.
      fake: features of shape [M, F], M at least 2.

    Returns:
      The estimate, which may be negative.

    Raises:
      ValueError: if a set has fewer than 2 examples, the numbers of features differ, or a number is
        not finite.

    Example:
      >>> squared_mmd([[0.0], [0.0]], [[1.0], [1.0]])
      7.0

    References:
      Gretton et al., 2012, A kernel two-sample test; Bińkowski et al., 2018 (arXiv:1801.01401).
    """
    x, y = checks.finite_pair(real, fake)
    for name, one in (("real", x), ("fake", y)):
        checks.at_least(f"{name}: the number of examples", len(one), 2)
    in_x, in_y = (np.arange(len(one))[None] for one in (x, y))
    return float(_squared_mmds(*_centred(x, y), in_x, in_y)[0])


def _centred(real: np.ndarray, fake: np.ndarray) -> tuple[_Set, _Set, float]:
    """Both sets less their mean m, and |m|² / F + 1.

    x·y / F + 1 is then |m|² / F + 1 + shift(x) + shift(y) + (x - m)·(y - m) / F, where float32
    holds each term to its own precision.
    """
    sets = (real, fake)
    mean = sum(x.sum(axis=0, dtype=np.float64) for x in sets) / sum(len(x) for x in sets)
    num_features = len(mean)
    centred = []
    for x in sets:
        values, shift = np.empty(x.shape, np.float32), np.empty(len(x), np.float32)
        for start in range(0, len(x), TILE):
            rows = slice(start, start + TILE)
            part = x[rows].astype(np.float64) - mean
            values[rows], shift[rows] = part, part @ mean / num_features
        centred.append(_Set(values, shift))
    left, right = centred
    return left, right, float(mean @ mean / num_features + 1.0)


def _parts(of: _Set, blocks: np.ndarray) -> list[_Part]:
    """The set in tiles of equal size, filled up with what is in no block."""
    num = -(-len(of.values) // TILE)
    size = -(-len(of.values) // num)
    member = np.zeros((len(of.values), len(blocks)), np.float32)
    np.put_along_axis(member, blocks.T, 1.0, axis=0)
    parts = []
    for start in range(0, len(of.values), size):
        arrays = [x[start : start + size] for x in (of.values, of.shift, member)]
        missing = size - len(arrays[0])
        filled = [np.pad(x, [(0, missing)] + [(0, 0)] * (x.ndim - 1)) for x in arrays]
        parts.append(_Part(*map(jnp.asarray, filled)))
    return parts


def _squared_mmds(
    real: _Set, fake: _Set, base: float, in_real: np.ndarray, in_fake: np.ndarray
) -> np.ndarray:
    """The estimate for each block; `in_real` [B, n] and `in_fake` [B, m] say who is in it."""
    x, y = _parts(real, in_real), _parts(fake, in_fake)
    n, m = in_real.shape[1], in_fake.shape[1]
    within = _sums(x, x, base, True) / (n * (n - 1)) + _sums(y, y, base, True) / (m * (m - 1))
    return within - 2.0 * _sums(x, y, base, False) / (n * m)


def _sums(x: list[_Part], y: list[_Part], base: float, same: bool) -> np.ndarray:
    """Σ k - base³ over the pairs in each block, without those of an example with itself."""
    total = np.zeros(x[0].member.shape[1])
    for i, left in enumerate(x):
        for j, right in enumerate(y):
            if same and j < i:
                continue
            rows = np.asarray(_row_sums(left, right, jnp.float32(base), same and i == j))
            total += rows.sum(axis=0, dtype=np.float64) * (2.0 if same and i < j else 1.0)
    return total


@functools.partial(jax.jit, static_argnames="same")
def _row_sums(x: _Part, y: _Part, base: Array, same: bool) -> Array:
    """Of shape [n, B]."""
    dots = jnp.einsum("nf,mf->nm", x.values, y.values, precision=lax.Precision.HIGHEST)
    gap = x.shift[:, None] + y.shift[None, :] + dots / x.values.shape[1]
    # (base + gap)³ - base³: the constant would cancel between the three means, and cost digits.
    excess = gap * (3.0 * base**2 + gap * (3.0 * base + gap))
    if same:
        excess = jnp.where(jnp.eye(len(x.values), dtype=bool), 0.0, excess)
    return x.member * jnp.matmul(excess, y.member, precision=lax.Precision.HIGHEST)
