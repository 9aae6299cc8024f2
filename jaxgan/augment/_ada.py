"""The augmentation pipeline of StyleGAN2-ADA."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxgan.augment._base import AdaptiveAugment, check_images, check_policy
from jaxgan.augment._color import color_matrix, recolor
from jaxgan.augment._geometry import geometric_matrix, resample
from jaxgan.core.ranges import Fraction, checked
from jaxgan.core.state import stream
from jaxgan.core.typing import Array, Key

GROUPS = ("blit", "geometric", "color")
"""What the paper's default is made of."""

KNOWN_GROUPS = (*GROUPS, "cutout")

CUTOUT_SIZE = 0.5
"""The sides of the rectangle that is cut out, relative to the image's."""


@checked
def bgc(policy: tuple[str, ...] = GROUPS, *, color_share: Fraction = 1.0) -> AdaptiveAugment:
    """Pixel blitting, general geometric transformations and colour transformations.

    Each of the twelve changes is made with probability p, by itself; see `geometric_matrix` and
    `color_matrix`. All geometric ones are one resampling and all colour ones one matrix. `"cutout"`
    makes a rectangle of half of each side zero, with its centre anywhere in the image; it is not
    part of the paper's default, but of R3GAN's, whose changes of colour have a `color_share` of
    1/2. The paper's image-space filtering and noise, off in both, are left out.

    Args:
      policy: which groups; their order is fixed.
      color_share: the changes of colour are made with probability color_share p.

    Returns:
      An `AdaptiveAugment`; with p = 0 it is exactly the identity.

    Raises:
      ValueError: if a name is unknown, or the share not in [0, 1], or, when applied, the examples
        are not images of 1 or 3 channels.

    Example:
      >>> import jax.numpy as jnp
      >>> images = jax.random.normal(jax.random.key(0), (2, 8, 8, 3))
      >>> made = jax.jit(bgc(("color",)))(jax.random.key(1), images, jnp.float32(0.0))
      >>> bool((made == images).all())
      True

    References:
      Karras et al., 2020 (arXiv:2006.06676), appendix B; Huang et al., 2024 (arXiv:2501.05441).
    """
    check_policy(policy, KNOWN_GROUPS)

    def augment(key: Key, images: Array, p: Array) -> Array:
        check_images(images, "ada", channels=(1, 3))
        num, height, width, num_channels = images.shape
        p = p.astype(images.dtype)
        keys = jax.random.split(stream(key, "ada"), num)
        if "blit" in policy or "geometric" in policy:
            matrices = jax.vmap(lambda key: geometric_matrix(key, p, (height, width), policy))(keys)
            images = resample(images, matrices)
        if "color" in policy:
            share = jnp.asarray(color_share, p.dtype) * p
            matrices = jax.vmap(lambda key: color_matrix(key, share, num_channels))(keys)
            images = recolor(images, matrices)
        if "cutout" in policy:
            images = images * jax.vmap(lambda key: _kept(key, p, (height, width)))(keys)
        return images

    return augment


def _kept(key: Key, p: Array, size: tuple[int, int]) -> Array:
    """0 inside the rectangle of one image and 1 outside, [H, W, 1]; with p = 0 all ones."""
    is_on = jax.random.uniform(stream(key, "cutout/on"), (), p.dtype) < p
    center = jax.random.uniform(stream(key, "cutout/center"), (2,), p.dtype)
    rows, columns = (
        jnp.abs((jnp.arange(side, dtype=p.dtype) + 0.5) / side - center[axis]) < CUTOUT_SIZE / 2
        for axis, side in enumerate(size)
    )
    hole = is_on & rows[:, None] & columns[None, :]
    return (~hole).astype(p.dtype)[..., None]
