"""Kernel distance: the squared maximum mean discrepancy with a cubic kernel, known as KID."""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgan.core.ranges import Count, Index, Several, checked
from jaxgan.core.typing import Array
from jaxgan.metrics import _checks as checks
from jaxgan.metrics._pairs import TILE, Tiles, centre_of, tiled, visit


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


@checked
def kernel_distance(
    real: Any,
    fake: Any,
    *,
    num_blocks: Count = 100,
    block_size: Several = 1000,
    seed: Index = 2020,
    tile: Count = TILE,
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
      tile: how many examples are compared with how many at a time.

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
    in_x, in_y = draw_blocks(x, y, num_blocks, block_size, seed)
    if blocks_share_pairs(len(x), len(y), num_blocks, block_size):
        values = _squared_mmds(x, y, in_x, in_y, tile)
    else:
        whole, centre = np.arange(block_size)[None], centre_of(x, y)
        found = [
            _squared_mmds(x[one], y[other], whole, whole, tile, centre)
            for one, other in zip(in_x, in_y, strict=True)
        ]
        values = np.concatenate(found)
    return summarise(values, block_size / min(len(x), len(y)))


@checked
def squared_mmd(real: Any, fake: Any, *, tile: Count = TILE) -> float:
    """MMD² = E k(x, x') + E k(y, y') - 2 E k(x, y) with k(x, y) = (x·y / F + 1)³, of whole sets.

    The unbiased estimate: pairs of an example with itself are left out, and of x with y all pairs
    count. In float32 on the default device.

    Args:
      real: features of shape [N, F], N at least 2.
      fake: features of shape [M, F], M at least 2.
      tile: how many examples are compared with how many at a time.

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
    return float(_squared_mmds(x, y, in_x, in_y, tile)[0])


@checked
def blocks_share_pairs(
    num_real: Count, num_fake: Count, num_blocks: Count, block_size: Several
) -> bool:
    """Whether blocks have more pairs, together, than there are.

    Each pair is then made once, and counted in every block that it is in.

    Args:
      num_real: examples.
      num_fake: examples.
      num_blocks: how many.
      block_size: examples of each set in a block.

    Returns:
      Whether it is so.

    Example:
      >>> blocks_share_pairs(10_000, 10_000, 100, 1000), blocks_share_pairs(20_000, 500, 100, 500)
      (True, False)
    """
    return (num_real + num_fake) ** 2 <= num_blocks * (2 * block_size) ** 2


def draw_blocks(
    real: np.ndarray, fake: np.ndarray, num_blocks: int, block_size: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Which examples the blocks of `kernel_distance` are.

    Args:
      real: of shape [N, F].
      fake: of shape [M, F].
      num_blocks: how many.
      block_size: at least 2 and at most N and M.
      seed: of the draws.

    Returns:
      Indices of real and of fake examples, each of shape [num_blocks, block_size].

    Raises:
      ValueError: if a set is smaller than a block.

    Example:
      >>> of_real, of_fake = draw_blocks(np.ones([5, 1]), np.ones([9, 1]), 3, 2, seed=0)
      >>> of_real.shape, of_fake.max() < 9
      ((3, 2), np.True_)
    """
    for name, one in (("real", real), ("fake", fake)):
        if len(one) < block_size:
            raise ValueError(
                f"block_size is {block_size}, and {name} has {len(one)} examples; there must be at "
                "least as many as in a block"
            )
    random = np.random.RandomState(seed)
    draws = [
        [random.choice(len(one), block_size, replace=False) for one in (real, fake)]
        for _ in range(num_blocks)
    ]
    of_real, of_fake = (np.asarray(chosen) for chosen in zip(*draws, strict=True))
    return of_real, of_fake


def summarise(values: np.ndarray, share: float) -> KernelDistance:
    """What the estimates of blocks say of the distance.

    Args:
      values: of shape [num_blocks].
      share: of the smaller set that a block has.

    Returns:
      A `KernelDistance`.

    Example:
      >>> summarise(np.asarray([1.0, 3.0]), 0.5)
      KernelDistance(value=2.0, std=1.0, standard_error=1.224744871391589)
    """
    drift = share / (1.0 - share) if share < 1.0 else math.nan
    std = float(values.std())
    return KernelDistance(float(values.mean()), std, std * math.sqrt(drift + 1.0 / len(values)))


class BlockEstimates:
    """Readers of pairs that find the squared MMD of every block.

    x·y / F + 1 is taken for base + (c·(x - c) + c·(y - c) + (x - c)·(y - c)) / F, where c is the
    centre of the features and base = |c|² / F + 1: float32 holds each term to its own precision.

    Args:
      real: N features.
      fake: M features with the same centre.
      of_real: which are in each block, of shape [B, n].
      of_fake: the same, of shape [B, m].

    Attributes:
      real: to be shown the pairs of real examples.
      fake: to be shown the pairs of fake ones.
      across: to be shown the pairs of a real example and a fake one.

    Example:
      >>> real, fake = tiled(np.asarray([[0.0], [0.0]]), np.asarray([[1.0], [1.0]]))
      >>> whole = np.asarray([[0, 1]])
      >>> blocks = BlockEstimates(real, fake, whole, whole)
      >>> visit(real, real, blocks.real)
      >>> visit(fake, fake, blocks.fake)
      >>> visit(real, fake, blocks.across)
      >>> blocks.values().tolist()
      [7.0]
    """

    def __init__(self, real: Tiles, fake: Tiles, of_real: np.ndarray, of_fake: np.ndarray) -> None:
        x, y = _Blocks(real, of_real), _Blocks(fake, of_fake)
        self.real, self.fake, self.across = _Means(x, x), _Means(y, y), _Means(x, y)

    def values(self) -> np.ndarray:
        """The estimates once all pairs were seen: float64 of shape [B]."""
        estimates: np.ndarray = self.real.means() + self.fake.means() - 2.0 * self.across.means()
        return estimates


def _squared_mmds(
    real: np.ndarray,
    fake: np.ndarray,
    of_real: np.ndarray,
    of_fake: np.ndarray,
    tile: int,
    centre: np.ndarray | None = None,
) -> np.ndarray:
    """The estimate for each block; `of_real` [B, n] and `of_fake` [B, m] say who is in it."""
    x, y = tiled(real, fake, tile=tile, centre=centre)
    blocks = BlockEstimates(x, y, of_real, of_fake)
    visit(x, x, blocks.real)
    visit(y, y, blocks.fake)
    visit(x, y, blocks.across)
    return blocks.values()


class _Blocks:
    """Of each part: centre·x [size], and member [size, B], 1 where an example is in that block."""

    def __init__(self, tiles: Tiles, blocks: np.ndarray) -> None:
        self.num_blocks, self.num = blocks.shape
        self.scale = 1.0 / len(tiles.centre)
        self.base = float(tiles.centre @ tiles.centre * self.scale + 1.0)
        member = np.zeros((len(tiles.host), self.num_blocks), np.float32)
        np.put_along_axis(member, blocks.T, 1.0, axis=0)
        self.member, self.shift = tiles.split(member), tiles.shifts


class _Means:
    """A reader: the mean of k - base³ over the pairs in each block, none of x with itself."""

    def __init__(self, x: _Blocks, y: _Blocks) -> None:
        self._x, self._y, self._total = x, y, np.zeros(x.num_blocks)

    def __call__(self, i: int, j: int, products: Array) -> None:
        x, y, is_one = self._x, self._y, self._x is self._y
        of_x, of_y = (x.shift[i], x.member[i]), (y.shift[j], y.member[j])
        sums = _row_sums(products, of_x, of_y, (x.base, x.scale), is_one and i == j)
        twice = 2.0 if is_one and i < j else 1.0
        self._total += np.asarray(sums).sum(axis=0, dtype=np.float64) * twice

    def means(self) -> np.ndarray:
        n, m = self._x.num, self._y.num
        means: np.ndarray = self._total / (n * (n - 1) if self._x is self._y else n * m)
        return means


@functools.partial(jax.jit, static_argnames="same")
def _row_sums(
    products: Array,
    x: tuple[Array, Array],
    y: tuple[Array, Array],
    constants: tuple[float, float],
    same: bool,
) -> Array:
    """Of shape [size, B], for x and y as (shift, member), and (base, 1 / F)."""
    (shift_x, in_x), (shift_y, in_y), (base, scale) = x, y, constants
    gap = scale * (shift_x[:, None] + shift_y[None, :] + products)
    # (base + gap)³ - base³: the constant would cancel between the three means, and cost digits.
    excess = gap * (3.0 * base**2 + gap * (3.0 * base + gap))
    if same:
        excess = jnp.where(jnp.eye(len(excess), dtype=bool), 0.0, excess)
    return in_x * jnp.matmul(excess, in_y, precision=lax.Precision.HIGHEST)
