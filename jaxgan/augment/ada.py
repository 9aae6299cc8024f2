"""The augmentation pipeline of StyleGAN2-ADA."""

from __future__ import annotations

import jax

from jaxgan.augment.base import AdaptiveAugment, check_images, check_policy
from jaxgan.augment.color import color_matrix, recolor
from jaxgan.augment.geometry import geometric_matrix, resample
from jaxgan.state import stream
from jaxgan.typing import Array, Key

GROUPS = ("blit", "geometric", "color")


def bgc(policy: tuple[str, ...] = GROUPS) -> AdaptiveAugment:
    """Pixel blitting, general geometric transformations and colour transformations.

    Each of the twelve changes is made with probability p, by itself; see `geometric_matrix` and
    `color_matrix`. All geometric ones are one resampling and all colour ones one matrix. The
    paper's image-space filtering, noise and cutout, which its default leaves off, are left out.

    Args:
      policy: which groups; their order is fixed.

    Returns:
      An `AdaptiveAugment`; with p = 0 it is exactly the identity.

    Raises:
      ValueError: if a name is unknown or, when applied, the examples are not images of 1 or 3
        channels.

    Example:
      >>> import jax.numpy as jnp
      >>> images = jax.random.normal(jax.random.key(0), (2, 8, 8, 3))
      >>> made = jax.jit(bgc(("color",)))(jax.random.key(1), images, jnp.float32(0.0))
      >>> bool((made == images).all())
      True

    References:
      Karras et al., 2020 (arXiv:2006.06676), appendix B.
    """
    check_policy(policy, GROUPS)

    def augment(key: Key, images: Array, p: Array) -> Array:
        check_images(images, "ada", channels=(1, 3))
        num, height, width, num_channels = images.shape
        p = p.astype(images.dtype)
        keys = jax.random.split(stream(key, "ada"), num)
        if "blit" in policy or "geometric" in policy:
            matrices = jax.vmap(lambda key: geometric_matrix(key, p, (height, width), policy))(keys)
            images = resample(images, matrices)
        if "color" in policy:
            matrices = jax.vmap(lambda key: color_matrix(key, p, num_channels))(keys)
            images = recolor(images, matrices)
        return images

    return augment
