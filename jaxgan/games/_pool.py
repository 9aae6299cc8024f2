"""A pool of past images: the discriminator is shown some of them in place of the newest."""

from __future__ import annotations

from typing import Any

import chex
import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.core.ranges import Count, Width, checked
from jaxgan.core.typing import Array

Pool = dict[str, Any]
"""`images` [N, H, W, C] and `count`, how many of them there are, an int32 scalar."""


@checked
def empty_pool(size: Width, *, shape: tuple[Count, ...]) -> Pool:
    """A pool with room for so many images.

    Args:
      size: N, at least 1.
      shape: of one image.

    Returns:
      A `Pool`.

    Raises:
      ValueError: if there is no room.

    Example:
      >>> empty_pool(50, shape=(8, 8, 1))["images"].shape
      (50, 8, 8, 1)
    """
    return {"images": jnp.zeros((size, *shape), jnp.float32), "count": jnp.int32(0)}


def query(pool: Pool, images: Array, draws: Array) -> tuple[Array, Pool]:
    """Images to show in place of the newest, and the pool after them.

    One image after the other: while there is room it is stored and shown itself; then with
    probability ½ it is shown itself, and else it takes the place of a random one of the pool,
    which is shown instead. That one may be an earlier image of the same batch.

    Gradients go to images that are shown themselves, or come from this batch; the pool is state,
    and depends on no parameters of this update.

    Args:
      pool: N images.
      images: the newest, [B, H, W, C].
      draws: uniform in [0, 1), [B, 2]: whether to swap (if above ½), and which place of the pool.

    Returns:
      (images to show [B, H, W, C], pool).

    Example:
      >>> pool, images = empty_pool(1, shape=(1, 1, 1)), jnp.asarray([1.0, 2.0]).reshape(2, 1, 1, 1)
      >>> shown, pool = query(pool, images, jnp.asarray([[0.0, 0.0], [0.9, 0.0]]))
      >>> shown.ravel().tolist(), pool["images"].ravel().tolist()  # 1 is stored, then swapped
      ([1.0, 1.0], [2.0])

    References:
      Shrivastava et al., 2017 (arXiv:1612.07828), section 2.3; with this rule: the authors' code
      of Zhu et al., 2017 (arXiv:1703.10593), section 4.
    """
    stored = pool["images"]
    chex.assert_equal_shape_suffix([stored, images], images.ndim - 1)
    chex.assert_shape(draws, (len(images), 2))
    size = len(stored)
    places = jnp.minimum((draws[:, 1] * size).astype(jnp.int32), size - 1)

    def show_one(
        carry: tuple[Array, Array], drawn: tuple[Array, Array, Array]
    ) -> tuple[tuple[Array, Array], Array]:
        # Only numbers move here: images are those of the pool, then those of the batch.
        holds, count = carry
        own, swaps, place = drawn
        has_room = count < size
        place = jnp.where(has_room, count, place)
        is_kept = has_room | swaps
        shown = jnp.where(~has_room & swaps, holds[place], own)
        holds = holds.at[place].set(jnp.where(is_kept, own, holds[place]))
        return (holds, count + has_room.astype(jnp.int32)), shown

    start = (jnp.arange(size, dtype=jnp.int32), pool["count"])
    own = size + jnp.arange(len(images), dtype=jnp.int32)
    (holds, count), shown = lax.scan(show_one, start, (own, draws[:, 0] > 0.5, places))
    everything = jnp.concatenate([stored.astype(images.dtype), images])
    kept = everything[holds].astype(stored.dtype)
    return everything[shown], {"images": kept, "count": count}


def pool_draws(key: Array, shape: tuple[int, ...]) -> Array:
    """What `query` draws: a sampler for `Context.draw`.

    Args:
      key: typed PRNG key.
      shape: (B,).

    Returns:
      Uniform in [0, 1), [B, 2].

    Example:
      >>> pool_draws(jax.random.key(0), (3,)).shape
      (3, 2)
    """
    return jax.random.uniform(key, (*shape, 2))
