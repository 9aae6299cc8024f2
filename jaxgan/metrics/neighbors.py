"""Distances between features on the device, tile by tile: k-NN radii, and who is in whose ball.

|x - y|² = |x|² + |y|² - 2 x·y loses digits where |x| is large beside |x - y|. So the features are
centred first, and a radius, of which there are few, is summed from differences in float64. What is
left is an error of about 1e-7 (|x|² + |y|²) in the squared distances of the comparisons.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgan.metrics import checks
from jaxgan.typing import Array

TILE = 2048
"""Distances are made in arrays of at most TILE by TILE, 16 MiB, whatever the number of examples."""

Ties = Literal["outside", "inside"]
"""Whether a point at a distance equal to the radius is in the ball."""

_SLACK = 2.0**-21
_FAR = 1e30


class Tiles(NamedTuple):
    """Features on the device, centred, in parts of equal size.

    Attributes:
      host: as they were given, of shape [N, F].
      points: float32 of shape [size, F] each, the last filled up with zeros.
      squares: |x|² of shape [size] each, where filled up very large.
    """

    host: np.ndarray
    points: tuple[Array, ...]
    squares: tuple[Array, ...]

    def split(self, values: np.ndarray) -> list[Array]:
        """A float32 for each example, in parts, filled up with zeros."""
        size, num = len(self.squares[0]), len(self.squares)
        filled = np.zeros(size * num, np.float32)
        filled[: len(values)] = values
        return [jnp.asarray(part) for part in filled.reshape(num, size)]

    def join(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """A value for each example again."""
        return np.concatenate(parts)[: len(self.host)]


def tiled(*sets: np.ndarray, tile: int = TILE) -> list[Tiles]:
    """Puts sets of features onto the device, all with the same centre.

    The centre is their mean, rounded to a power of two near their spread, so that features on such
    a grid, such as integers, are still on it and their distances are exact.

    Args:
      *sets: finite, of shape [N, F] each.
      tile: examples per part, at most.

    Returns:
      A `Tiles` for each set.

    Raises:
      ValueError: if `tile` is below 1.

    Example:
      >>> (one,) = tiled(np.arange(10.0)[:, None], tile=4)
      >>> [part.shape for part in one.points], one.squares[2].tolist()
      ([(4, 1), (4, 1), (4, 1)], [16.0, 25.0, 1.0000000150474662e+30, 1.0000000150474662e+30])
    """
    checks.at_least("tile", tile, 1)
    total = sum(x.sum(axis=0, dtype=np.float64) for x in sets)
    centre = total / sum(len(x) for x in sets)
    spread = max(float(x[:TILE].astype(np.float64).std(axis=0).mean()) for x in sets)
    if spread > 0.0:
        step = 2.0 ** np.floor(np.log2(spread))
        centre = np.round(centre / step) * step
    return [_tiles(x, centre, tile) for x in sets]


def _tiles(x: np.ndarray, centre: np.ndarray, tile: int) -> Tiles:
    num = -(-len(x) // tile)
    size = -(-len(x) // num)
    points, squares = [], []
    for start in range(0, len(x), size):
        part = x[start : start + size].astype(np.float64) - centre
        filled = np.zeros((size, x.shape[1]), np.float32)
        filled[: len(part)] = part
        far = np.full(size, _FAR, np.float32)
        far[: len(part)] = np.einsum("nf,nf->n", part, part)
        points.append(jnp.asarray(filled))
        squares.append(jnp.asarray(far))
    return Tiles(x, tuple(points), tuple(squares))


def squared_distances(x: Array, y: Array, xx: Array, yy: Array) -> Array:
    """|x_i - y_j|² of every pair, to about 1e-7 (|x_i|² + |y_j|²); it may be a little below 0.

    Args:
      x: of shape [N, F].
      y: of shape [M, F].
      xx: |x_i|² of shape [N].
      yy: |y_j|² of shape [M].

    Returns:
      Of shape [N, M].

    Example:
      >>> x = jnp.asarray([[0.0], [3.0]])
      >>> squared_distances(x, x, x[:, 0] ** 2, x[:, 0] ** 2).tolist()
      [[0.0, 9.0], [9.0, 0.0]]
    """
    # On an accelerator the default would round the factors to bfloat16 or TF32.
    dots = jnp.einsum("nf,mf->nm", x, y, precision=lax.Precision.HIGHEST)
    return xx[:, None] + yy[None, :] - 2.0 * dots


@functools.partial(jax.jit, static_argnames=("num", "same"))
def _nearest(x: Array, y: Array, xx: Array, yy: Array, num: int, same: bool) -> list[Array]:
    """Distances and indices of the nearest in the other part: of x in y, and of y in x."""
    distances = squared_distances(x, y, xx, yy)
    if same:
        distances = jnp.where(jnp.eye(len(x), dtype=bool), _FAR, distances)
        return list(lax.top_k(-distances, num))
    return [*lax.top_k(-distances, num), *lax.top_k(-distances.T, num)]


def knn_radii(features: np.ndarray, k: int, *, tile: int = TILE) -> np.ndarray:
    """The Euclidean distance of each example to its k-th nearest other one.

    Which one that is, is decided in float32; how far it is, is computed in float64. So examples
    that are equal have radius 0.

    Args:
      features: of shape [N, F].
      k: which neighbour; 1 is the nearest other one.
      tile: how many examples are compared with how many at a time.

    Returns:
      float64 of shape [N].

    Raises:
      ValueError: if there are no more than k examples, or a number is not finite.

    Example:
      >>> knn_radii(np.asarray([[0.0], [1.0], [3.0]]), 2).tolist()
      [3.0, 2.0, 3.0]

    References:
      Kynkäänniemi et al., 2019 (arXiv:1904.06991).
    """
    check_k(k, features=checks.finite("features", features))
    return radii_of(tiled(np.asarray(features), tile=tile)[0], k)


def check_k(k: int, **sets: np.ndarray) -> None:
    """A neighbour that every example must have.

    Args:
      k: which neighbour.
      **sets: of shape [N, F] each, by name.

    Raises:
      ValueError: if k is below 1, or a set has no more than k examples.

    Example:
      >>> check_k(5, real=np.ones([5, 2]))
      Traceback (most recent call last):
      ValueError: k is 5, and real has 5 examples; there must be more than k
    """
    checks.at_least("k", k, 1)
    for name, x in sets.items():
        if len(x) <= k:
            raise ValueError(
                f"k is {k}, and {name} has {len(x)} examples; there must be more than k"
            )


def radii_of(tiles: Tiles, k: int) -> np.ndarray:
    """`knn_radii` of features that are on the device.

    Args:
      tiles: more than k features.
      k: which neighbour.

    Returns:
      float64 of shape [N].

    Example:
      >>> radii_of(tiled(np.asarray([[0.0], [1.0], [3.0]]), tile=2)[0], 1).tolist()
      [1.0, 1.0, 2.0]
    """
    parts, size = len(tiles.points), len(tiles.squares[0])
    # The best so far: minus the squared distances, and which they are.
    best = [(np.full((size, k), -np.inf, np.float32), np.zeros((size, k), int))] * parts
    num = min(k, size)
    for i in range(parts):
        for j in range(i, parts):
            x, y, xx, yy = tiles.points[i], tiles.points[j], tiles.squares[i], tiles.squares[j]
            found = [np.asarray(part) for part in _nearest(x, y, xx, yy, num, i == j)]
            best[i] = _better(best[i], found[0], found[1] + j * size)
            if i != j:
                best[j] = _better(best[j], found[2], found[3] + i * size)
    chosen = tiles.join([indices[:, -1] for _, indices in best])
    radii = np.empty(len(chosen))
    for start in range(0, len(chosen), size):
        part = slice(start, start + size)
        gap = tiles.host[part].astype(np.float64) - tiles.host[chosen[part]]
        radii[part] = np.sqrt(np.einsum("nf,nf->n", gap, gap))
    return radii


def _better(
    best: tuple[np.ndarray, np.ndarray], values: np.ndarray, indices: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The k largest of both, the largest first."""
    k = best[0].shape[1]
    values = np.concatenate([best[0], values], axis=1)
    indices = np.concatenate([best[1], indices], axis=1)
    order = np.argsort(-values, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(values, order, 1), np.take_along_axis(indices, order, 1)


class Counts(NamedTuple):
    """Who is in whose ball.

    Attributes:
      real_balls: how many balls of real examples each fake one is in, of shape [M].
      fakes_inside: how many fake examples are in the ball of each real one, of shape [N].
      fake_balls: how many balls of fake examples each real one is in, of shape [N].
    """

    real_balls: np.ndarray
    fakes_inside: np.ndarray
    fake_balls: np.ndarray


@functools.partial(jax.jit, static_argnames="ties")
def _inside(
    x: Array, y: Array, xx: Array, yy: Array, rx: Array, ry: Array, ties: Ties
) -> tuple[Array, Array, Array]:
    distances = squared_distances(x, y, xx, yy)
    slack = _SLACK * (xx[:, None] + yy[None, :])
    if ties == "outside":
        in_x, in_y = distances < rx[:, None] - slack, distances < ry[None, :] - slack
    else:
        in_x, in_y = distances <= rx[:, None] + slack, distances <= ry[None, :] + slack
    return in_x.sum(axis=0), in_x.sum(axis=1), in_y.sum(axis=1)


def count_inside(
    real: Tiles,
    fake: Tiles,
    real_radii: np.ndarray,
    fake_radii: np.ndarray,
    ties: Ties = "outside",
) -> Counts:
    """Looks at every pair of a real and a fake example, and in which ball of the two the other is.

    Squared distances within 5e-7 (|x|² + |y|²) of a squared radius are taken for ties, as float32
    cannot tell.

    Args:
      real: N features, centred as those of `fake` are.
      fake: M features.
      real_radii: of shape [N].
      fake_radii: of shape [M].
      ties: whether a point at a distance equal to the radius is in the ball.

    Returns:
      The `Counts`.

    Raises:
      ValueError: if `ties` is neither.

    Example:
      >>> real, fake = tiled(np.asarray([[0.0], [4.0]]), np.asarray([[1.0], [2.0], [9.0]]))
      >>> counts = count_inside(real, fake, np.asarray([1.5, 3.0]), np.full(3, 2.0))
      >>> counts.real_balls.tolist(), counts.fakes_inside.tolist(), counts.fake_balls.tolist()
      ([1, 1, 0], [1, 1], [1, 0])
    """
    if ties not in ("outside", "inside"):
        raise ValueError(f"ties is {ties!r}; it must be 'outside' or 'inside'")
    rx, ry = real.split(real_radii**2), fake.split(fake_radii**2)
    size_x, size_y = len(real.squares[0]), len(fake.squares[0])
    real_balls = np.zeros((len(ry), size_y), int)
    fakes_inside, fake_balls = np.zeros((2, len(rx), size_x), int)
    for i in range(len(rx)):
        for j in range(len(ry)):
            x, y, xx, yy = real.points[i], fake.points[j], real.squares[i], fake.squares[j]
            of_y, in_x, of_x = _inside(x, y, xx, yy, rx[i], ry[j], ties)
            real_balls[j] += np.asarray(of_y)
            fakes_inside[i] += np.asarray(in_x)
            fake_balls[i] += np.asarray(of_x)
    return Counts(
        fake.join(list(real_balls)), real.join(list(fakes_inside)), real.join(list(fake_balls))
    )
