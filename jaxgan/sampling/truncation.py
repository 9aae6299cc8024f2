"""The truncation trick: samples of less variety and better quality."""

from __future__ import annotations

import math
from collections.abc import Mapping

import jax
import jax.numpy as jnp

from jaxgan.core.errors import InputError, bad_value
from jaxgan.core.game import Game
from jaxgan.core.state import TrainState, stream
from jaxgan.core.typing import Array, Key
from jaxgan.sampling.draw import CHUNK, Draw, has_styles, make_draw

ElementShapes = Mapping[str, jax.ShapeDtypeStruct]


def check_truncation(
    game: Game, element_spec: ElementShapes, limit: float | None, latent_dim: int | None
) -> None:
    """Raises where samples cannot be truncated like that.

    Args:
      game: whose samples they are.
      element_spec: shape and dtype of one real example.
      limit: T, or ψ where the generator has styles; None for none.
      latent_dim: of standard normal latents; None where they are none.

    Raises:
      InputError: if the number is out of range, or there is nothing to truncate.

    Example:
      >>> from jaxgan.games import dirac
      >>> check_truncation(dirac(), {"image": jax.ShapeDtypeStruct((1,), jnp.float32)}, 0.0, 2)
      Traceback (most recent call last):
      ...
      jaxgan.core.errors.InputError: truncation is 0.0; it must be above 0
    """
    if limit is None:
        return
    if not math.isfinite(limit):
        raise InputError(bad_value("truncation", limit, "finite, or left out"))
    if has_styles(game, element_spec):
        if limit < 0:
            raise InputError(bad_value("truncation", limit, "at least 0"))
        return
    if latent_dim is None:
        raise InputError(
            f"truncation is {limit}; it is for standard normal latents, which this game has not"
        )
    if limit <= 0:
        raise InputError(bad_value("truncation", limit, "above 0"))


def make_truncated_draw(
    game: Game, element_spec: ElementShapes, limit: float | None, latent_dim: int | None
) -> Draw:
    r"""What draws a chunk with truncation.

    Latents are those of a standard normal redrawn until :math:`|z_i| \le T`; of a generator with
    styles the style is moved towards its mean, :math:`\bar w + \psi (w - \bar w)`.

    Args:
      game: see `check_truncation`.
      element_spec: likewise.
      limit: T or ψ; None for no truncation.
      latent_dim: of standard normal latents.

    Returns:
      A `Draw` of (state, key, labels), see `make_draw`.

    Raises:
      InputError: as `check_truncation`.

    Example:
      See `jaxgan.run.Loaded.sample`.

    References:
      Brock et al., 2019 (arXiv:1809.11096), section 3.1; Karras et al., 2019 (arXiv:1812.04948),
      appendix B.
    """
    draw = make_draw(game, element_spec)
    if limit is None:
        return draw
    check_truncation(game, element_spec, limit, latent_dim)
    of_styles = has_styles(game, element_spec)

    def truncating(state: TrainState, key: Key, labels: Array) -> Array:
        if of_styles:
            images: Array = draw(state, key, labels, {"truncation": jnp.float32(limit)})
            return images
        shape = (CHUNK, latent_dim or 0)
        latent = jax.random.truncated_normal(stream(key, "latent"), -limit, limit, shape)
        images = draw(state, key, labels, {"latent": latent})
        return images

    return truncating
