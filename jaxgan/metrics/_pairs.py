"""The pairs of examples of two sets of features, tile by tile, for all who look at them.

Nearly all that distances and kernels of features cost is the matrix products x·y. `visit` makes
them, and shows each tile to every reader that it is given: metrics that look at the same pairs
share the products.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgan.core.typing import Array

TILE = 2048
"""Products are made in arrays of at most TILE by TILE, 16 MiB, whatever the number of examples."""

FAR = 1e30
"""|x|² of what fills a part up."""

Reader = Callable[[int, int, Array], None]
"""(i, j, products): x·y of part i of one set with part j of the other, of shape [size, size]."""


class Tiles(NamedTuple):
    """Features on the device, centred, in parts of equal size.

    Attributes:
      host: as they were given, of shape [N, F].
      centre: what was taken off, float64 of shape [F].
      points: float32 of shape [size, F] each, the last filled up with zeros.
      squares: |x|² of shape [size] each, where filled up very large.
      shifts: centre·x of shape [size] each, where filled up 0.
    """

    host: np.ndarray
    centre: np.ndarray
    points: tuple[Array, ...]
    squares: tuple[Array, ...]
    shifts: tuple[Array, ...]

    def split(self, values: np.ndarray) -> list[Array]:
        """float32 of shape [N, ...], one for each example, in parts, filled up with zeros."""
        size, num = len(self.squares[0]), len(self.squares)
        filled = np.zeros((size * num, *values.shape[1:]), np.float32)
        filled[: len(values)] = values
        return [jnp.asarray(filled[start : start + size]) for start in range(0, len(filled), size)]

    def join(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """A value for each example again."""
        return np.concatenate(parts)[: len(self.host)]


def centre_of(*sets: np.ndarray) -> np.ndarray:
    """The mean of sets of features, rounded to a power of two near their spread.

    So features on such a grid, such as integers, are still on it when it is taken off, and their
    distances are exact.

    Args:
      *sets: finite, of shape [N, F] each.

    Returns:
      float64 of shape [F].

    Example:
      >>> centre_of(np.arange(10.0)[:, None]).tolist()
      [4.0]
    """
    total = sum(x.sum(axis=0, dtype=np.float64) for x in sets)
    centre: np.ndarray = total / sum(len(x) for x in sets)
    spread = max(float(x[:TILE].astype(np.float64).std(axis=0).mean()) for x in sets)
    if spread == 0.0:
        return centre
    step = 2.0 ** np.floor(np.log2(spread))
    rounded: np.ndarray = np.round(centre / step) * step
    return rounded


def tiled(*sets: np.ndarray, tile: int = TILE, centre: np.ndarray | None = None) -> list[Tiles]:
    """Puts sets of features onto the device, all with the same centre.

    Args:
      *sets: finite, of shape [N, F] each.
      tile: examples per part, at most.
      centre: what is taken off, float64 of shape [F]; None for `centre_of` the sets.

    Returns:
      A `Tiles` for each set.

    Raises:
      ValueError: if `tile` is below 1.

    Example:
      >>> (one,) = tiled(np.arange(10.0)[:, None], tile=4)
      >>> [part.shape for part in one.points], one.squares[2].tolist()
      ([(4, 1), (4, 1), (4, 1)], [16.0, 25.0, 1.0000000150474662e+30, 1.0000000150474662e+30])
    """
    if centre is None:
        centre = centre_of(*sets)
    return [_tiles(x, centre, tile) for x in sets]


def _tiles(x: np.ndarray, centre: np.ndarray, tile: int) -> Tiles:
    num = -(-len(x) // tile)
    size = -(-len(x) // num)
    points, squares, shifts = [], [], []
    for start in range(0, len(x), size):
        part = x[start : start + size].astype(np.float64) - centre
        filled = np.zeros((size, x.shape[1]), np.float32)
        far, shift = np.full(size, FAR, np.float32), np.zeros(size, np.float32)
        filled[: len(part)] = part
        far[: len(part)] = np.einsum("nf,nf->n", part, part)
        shift[: len(part)] = part @ centre
        points.append(jnp.asarray(filled))
        squares.append(jnp.asarray(far))
        shifts.append(jnp.asarray(shift))
    return Tiles(x, centre, tuple(points), tuple(squares), tuple(shifts))


def visit(x: Tiles, y: Tiles, *readers: Reader) -> None:
    """Shows every pair of an example of x and one of y to all readers.

    Args:
      x: one set.
      y: the other, with the same centre; or x itself, when each pair of parts is shown once, i ≤ j.
      *readers: called in turn with each tile.

    Example:
      >>> x, y = tiled(np.asarray([[0.0], [4.0]]), np.asarray([[1.0], [3.0], [4.0]]), tile=2)
      >>> visit(x, y, lambda i, j, products: print(i, j, products.tolist()))
      0 0 [[2.0, -2.0], [-2.0, 2.0]]
      0 1 [[-4.0, -0.0], [4.0, 0.0]]
    """
    for i, left in enumerate(x.points):
        for j, right in enumerate(y.points):
            if y is x and j < i:
                continue
            products = _products(left, right)
            for reader in readers:
                reader(i, j, products)


@jax.jit
def _products(x: Array, y: Array) -> Array:
    # On an accelerator the default would round the factors to bfloat16 or TF32.
    return jnp.einsum("nf,mf->nm", x, y, precision=lax.Precision.HIGHEST)
