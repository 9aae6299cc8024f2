"""What the products of a large matrix with a few vectors say of its eigenvalues."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.flatten_util import ravel_pytree

from jaxgan.core.errors import bad_value
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Array, Batch, Key, Metrics

_SQUARINGS = 30


class Krylov(NamedTuple):
    """A matrix A seen from the space that b, A b, A² b, ... span.

    Attributes:
      basis: Q, orthonormal rows, of shape [num, size]; those after the first `rank` are 0.
      matrix: Q A Qᵀ, of shape [num, num].
      rank: how many dimensions the space has; below `num` it is invariant under A.
    """

    basis: Array
    matrix: Array
    rank: Array


def arnoldi(product: Callable[[Array], Array], start: Array, *, num: int) -> Krylov:
    """The Arnoldi iteration, each vector made orthogonal to those before it twice.

    It is one compiled loop, also under `vmap` and inside `lax.cond`. Of a symmetric matrix it is
    the Lanczos iteration with full orthogonalization.

    Args:
      product: v -> A v, on vectors of shape [size].
      start: b, not 0.
      num: products with A, at most the size.

    Returns:
      A `Krylov`.

    Example:
      >>> matrix = jnp.diag(jnp.asarray([1.0, 2.0, 3.0]))
      >>> found = arnoldi(lambda v: matrix @ v, jnp.ones(3), num=3)
      >>> [round(float(x), 4) for x in jnp.linalg.eigvalsh(found.matrix)]
      [1.0, 2.0, 3.0]
      >>> int(arnoldi(lambda v: matrix @ v, jnp.asarray([1.0, 1.0, 0.0]), num=3).rank)
      2

    References:
      Saad, 2011, Numerical methods for large eigenvalue problems, section 6.2.
    """
    size = start.shape[0]
    if not 1 <= num <= size:
        raise ValueError(bad_value("num", num, f"from 1 to the size, {size}"))
    highest = lax.Precision.HIGHEST

    def extend(
        index: Array, carry: tuple[Array, Array, Array, Array]
    ) -> tuple[Array, Array, Array, Array]:
        basis, matrix, rank, scale = carry
        image = product(basis[index])
        scale = jnp.maximum(scale, jnp.linalg.norm(image))
        column = jnp.zeros(num + 1, start.dtype)
        for _ in range(2):
            along = jnp.matmul(basis, image, precision=highest)
            image = image - jnp.matmul(along, basis, precision=highest)
            column = column + along
        rest = jnp.linalg.norm(image)
        is_new = rest > 10 * jnp.finfo(start.dtype).eps * scale
        rest = jnp.where(is_new, rest, 0.0)
        column = column.at[index + 1].set(rest)
        basis = basis.at[index + 1].set(jnp.where(is_new, image / jnp.where(is_new, rest, 1), 0.0))
        return basis, matrix.at[:, index].set(column), rank + is_new.astype(rank.dtype), scale

    basis = jnp.zeros((num + 1, size), start.dtype).at[0].set(start / jnp.linalg.norm(start))
    begin = (
        basis,
        jnp.zeros((num + 1, num), start.dtype),
        jnp.int32(1),
        jnp.zeros((), start.dtype),
    )
    basis, matrix, rank, _ = lax.fori_loop(0, num, extend, begin)
    return Krylov(basis[:num], matrix[:num], jnp.minimum(rank, num))


def spectral_radius(matrix: Array) -> Array:
    """The largest magnitude of an eigenvalue, max |λ| = lim ‖M^n‖^(1/n), by repeated squaring.

    Eigenvalues of a general matrix are computed on few devices; products are on all.

    Args:
      matrix: M, of shape [num, num], real.

    Returns:
      A scalar; infinity where the matrix is not finite.

    Example:
      >>> print(f"{spectral_radius(jnp.asarray([[0.0, 2.0], [-2.0, 0.0]])):.5f}")
      2.00000

    References:
      Gelfand's formula: Horn & Johnson, 2013, Matrix analysis, corollary 5.6.14.
    """

    def square(_: int, carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        power, log, weight = carry
        norm = jnp.linalg.norm(power)
        power = power / jnp.where(norm > 0, norm, 1.0)
        power = jnp.matmul(power, power, precision=lax.Precision.HIGHEST)
        return power, log + weight * jnp.log(norm), 0.5 * weight

    one = jnp.ones((), matrix.dtype)
    power, log, weight = lax.fori_loop(0, _SQUARINGS, square, (matrix, 0.0 * one, one))
    norm = jnp.linalg.norm(power)
    log = log + weight * jnp.log(norm)
    # Of a nilpotent matrix some power is 0, whose logarithm is minus infinity.
    radius: Array = jnp.where(jnp.isnan(log), jnp.inf, jnp.exp(log))
    return radius


def random_direction(key: Key, vector: Array) -> Array:
    """A vector of length 1 whose direction is uniform on the sphere, shaped like another.

    Args:
      key: typed PRNG key.
      vector: of shape [size].

    Returns:
      A vector of that shape and dtype.

    Example:
      >>> float(jnp.linalg.norm(random_direction(jax.random.key(0), jnp.zeros(100)))).__round__(5)
      1.0
    """
    drawn = jax.random.normal(key, vector.shape, vector.dtype)
    direction: Array = drawn / jnp.linalg.norm(drawn)
    return direction


def flat_step(
    step: Callable[[TrainState, Batch], tuple[TrainState, Metrics]],
    state: TrainState,
    batch: Batch,
) -> tuple[Array, Callable[[Array], Array]]:
    """A training step as a map from vector to vector, and the point where a state lies.

    The vector has every real floating-point number of the state that training goes on from:
    parameters, moments, memory, states of networks. Counts and the key stay as they are in `state`,
    and averages (`ema`) are left out, which feed nothing back.

    Args:
      step: an algorithm's.
      state: where it is taken.
      batch: real data.

    Returns:
      The vector, of shape [size], and the map.

    Raises:
      ValueError: if the state holds no floating-point number.

    Example:
      >>> from jaxgan.algorithms import simultaneous
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import bilinear
      >>> from jaxgan.optimizers import sgd
      >>> made = simultaneous(gradient(bilinear()), optimizers={"gen": sgd(0.5), "disc": sgd(0.5)})
      >>> point, move = flat_step(made.step, made.init(jax.random.key(0)), {})
      >>> point.tolist(), move(point).tolist()  # disc, then gen
      ([1.0, 1.0], [1.5, 0.5])
    """
    leaves, structure = jax.tree.flatten(state._replace(ema={}))
    is_float = [jnp.issubdtype(leaf.dtype, jnp.floating) for leaf in leaves]

    def numbers_of(leaves: list[Array]) -> list[Array]:
        return [leaf for leaf, yes in zip(leaves, is_float, strict=True) if yes]

    if not any(leaf.size for leaf in numbers_of(leaves)):
        raise ValueError("state holds no floating-point number; its step has no derivative")
    # Leaves may differ in precision: the vector then has the highest.
    with jax.numpy_dtype_promotion("standard"):
        point, unravel = ravel_pytree(numbers_of(leaves))

    def move(vector: Array) -> Array:
        numbers = iter(unravel(vector))
        mixed = [next(numbers) if yes else leaf for leaf, yes in zip(leaves, is_float, strict=True)]
        there: TrainState = jax.tree.unflatten(structure, mixed)
        moved, _ = step(there._replace(ema=state.ema), batch)
        with jax.numpy_dtype_promotion("standard"):
            return ravel_pytree(numbers_of(jax.tree.leaves(moved._replace(ema={}))))[0]

    return point, move
