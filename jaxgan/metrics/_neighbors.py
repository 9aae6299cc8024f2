"""Distances between features on the device: k-NN radii, and who is in whose ball.

|x - y|² = |x|² + |y|² - 2 x·y loses digits where |x| is large beside |x - y|. So the features are
centred first, and a radius, of which there are few, is summed from differences in float64. What is
left is an error of about 1e-7 (|x|² + |y|²) in the squared distances of the comparisons.
"""

from __future__ import annotations

import functools
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgan.core.ranges import Count, checked
from jaxgan.core.typing import Array
from jaxgan.metrics import _checks as checks
from jaxgan.metrics._pairs import FAR, TILE, Tiles, tiled, visit

Ties = Literal["outside", "inside"]
"""Whether a point at a distance equal to the radius is in the ball."""

_SLACK = 2.0**-21


def squared_distances(products: Array, xx: Array, yy: Array) -> Array:
    """|x_i - y_j|² of every pair, to about 1e-7 (|x_i|² + |y_j|²); it may be a little below 0.

    Args:
      products: x_i·y_j, of shape [N, M].
      xx: |x_i|² of shape [N].
      yy: |y_j|² of shape [M].

    Returns:
      Of shape [N, M].

    Example:
      >>> x = jnp.asarray([0.0, 3.0])
      >>> squared_distances(jnp.outer(x, x), x**2, x**2).tolist()
      [[0.0, 9.0], [9.0, 0.0]]
    """
    return xx[:, None] + yy[None, :] - 2.0 * products


@checked
def knn_radii(features: np.ndarray, k: Count, *, tile: Count = TILE) -> np.ndarray:
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
    (tiles,) = tiled(np.asarray(features), tile=tile)
    nearest = Nearest(tiles, k)
    visit(tiles, tiles, nearest)
    return nearest.radii()


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
    for name, x in sets.items():
        if len(x) <= k:
            raise ValueError(
                f"k is {k}, and {name} has {len(x)} examples; there must be more than k"
            )


class Nearest:
    """A reader of the pairs within one set: who is the k-th nearest of each example.

    Args:
      tiles: more than k features.
      k: which neighbour.

    Example:
      >>> (tiles,) = tiled(np.asarray([[0.0], [1.0], [3.0]]), tile=2)
      >>> nearest = Nearest(tiles, 1)
      >>> visit(tiles, tiles, nearest)
      >>> nearest.radii().tolist()
      [1.0, 1.0, 2.0]
    """

    def __init__(self, tiles: Tiles, k: int) -> None:
        self._tiles = tiles
        num, self._size = len(tiles.points), len(tiles.squares[0])
        # The best so far: minus the squared distances, and which they are.
        none = np.full((self._size, k), -np.inf, np.float32), np.zeros((self._size, k), int)
        self._best = [none] * num
        self._num = min(k, self._size)

    def __call__(self, i: int, j: int, products: Array) -> None:
        """Looks at a tile of pairs; see `pairs.Reader`."""
        xx, yy = self._tiles.squares[i], self._tiles.squares[j]
        found = [np.asarray(part) for part in _nearest(products, xx, yy, self._num, i == j)]
        self._best[i] = _better(self._best[i], found[0], found[1] + j * self._size)
        if i != j:
            self._best[j] = _better(self._best[j], found[2], found[3] + i * self._size)

    def radii(self) -> np.ndarray:
        """How far it is, once all pairs were seen: float64 of shape [N]."""
        chosen = self._tiles.join([indices[:, -1] for _, indices in self._best])
        radii = np.empty(len(chosen))
        for start in range(0, len(chosen), self._size):
            part = slice(start, start + self._size)
            gap = self._tiles.host[part].astype(np.float64) - self._tiles.host[chosen[part]]
            radii[part] = np.sqrt(np.einsum("nf,nf->n", gap, gap))
        return radii


@functools.partial(jax.jit, static_argnames=("num", "same"))
def _nearest(products: Array, xx: Array, yy: Array, num: int, same: bool) -> list[Array]:
    """Distances and indices of the nearest in the other part: of x in y, and of y in x."""
    distances = squared_distances(products, xx, yy)
    if same:
        distances = jnp.where(jnp.eye(len(xx), dtype=bool), FAR, distances)
        return list(lax.top_k(-distances, num))
    return [*lax.top_k(-distances, num), *lax.top_k(-distances.T, num)]


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


class Balls:
    """A reader of the pairs of real and fake examples: in which ball of the two the other is.

    Squared distances within 5e-7 (|x|² + |y|²) of a squared radius are taken for ties, as float32
    cannot tell.

    Args:
      real: N features, centred as those of `fake` are.
      fake: M features.
      real_radii: of shape [N].
      fake_radii: of shape [M].
      ties: whether a point at a distance equal to the radius is in the ball.

    Raises:
      ValueError: if `ties` is neither.

    Example:
      >>> real, fake = tiled(np.asarray([[0.0], [4.0]]), np.asarray([[1.0], [2.0], [9.0]]))
      >>> balls = Balls(real, fake, np.asarray([1.5, 3.0]), np.full(3, 2.0))
      >>> visit(real, fake, balls)
      >>> [part.tolist() for part in balls.counts()]
      [[1, 1, 0], [1, 1], [1, 0]]
    """

    def __init__(
        self,
        real: Tiles,
        fake: Tiles,
        real_radii: np.ndarray,
        fake_radii: np.ndarray,
        ties: Ties = "outside",
    ) -> None:
        self._real, self._fake, self._ties = real, fake, ties
        self._rx, self._ry = real.split(real_radii**2), fake.split(fake_radii**2)
        self._real_balls = np.zeros((len(self._ry), len(self._ry[0])), int)
        self._fakes_inside, self._fake_balls = np.zeros((2, len(self._rx), len(self._rx[0])), int)

    def __call__(self, i: int, j: int, products: Array) -> None:
        """Looks at a tile of pairs; see `pairs.Reader`."""
        xx, yy = self._real.squares[i], self._fake.squares[j]
        of_y, in_x, of_x = _inside(products, xx, yy, self._rx[i], self._ry[j], self._ties)
        self._real_balls[j] += np.asarray(of_y)
        self._fakes_inside[i] += np.asarray(in_x)
        self._fake_balls[i] += np.asarray(of_x)

    def counts(self) -> Counts:
        """What was found, once all pairs were seen."""
        return Counts(
            self._fake.join(list(self._real_balls)),
            self._real.join(list(self._fakes_inside)),
            self._real.join(list(self._fake_balls)),
        )


@functools.partial(jax.jit, static_argnames="ties")
def _inside(
    products: Array, xx: Array, yy: Array, rx: Array, ry: Array, ties: Ties
) -> tuple[Array, Array, Array]:
    distances = squared_distances(products, xx, yy)
    slack = _SLACK * (xx[:, None] + yy[None, :])
    if ties == "outside":
        in_x, in_y = distances < rx[:, None] - slack, distances < ry[None, :] - slack
    else:
        in_x, in_y = distances <= rx[:, None] + slack, distances <= ry[None, :] + slack
    return in_x.sum(axis=0), in_x.sum(axis=1), in_y.sum(axis=1)
