"""Super-resolution: an image of more pixels, near the true one, and like real ones."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal

from jaxgan.auxiliary import l1, l2
from jaxgan.core.game import Game
from jaxgan.core.network import Network
from jaxgan.core.ranges import NonNegativeSchedule, checked
from jaxgan.core.typing import Array
from jaxgan.games._translation import Comparison, Comparisons, translation
from jaxgan.losses import Loss, non_saturating

NORMS: dict[str, Comparison] = {"l1": l1, "l2": l2}


@checked
def super_resolution(
    gen: Network,
    disc: Network,
    *,
    loss: Loss | None = None,
    pixel: Literal["l1", "l2"] = "l2",
    pixel_weight: NonNegativeSchedule = 1.0,
    adversarial_weight: NonNegativeSchedule = 1e-3,
    features: Callable[[Array], Array] | None = None,
    feature_weight: NonNegativeSchedule = 1.0,
) -> Game:
    """The game of SRGAN: `translation` of small images to large ones.

    L_gen = w E[loss.gen(D(x), D(G(s)))] + λ E[‖x - G(s)‖] + μ E[‖φ(x) - φ(G(s))‖²],
    L_disc = E[loss.disc(D(x), D(G(s)))], norms as means over pixels and features.

    Batches are `{"image": x, "source": s}` with s the smaller one. The discriminator sees the image
    alone.

    Args:
      gen: source -> image.
      disc: image -> logits [B] or [B, h, w].
      loss: an adversarial objective; non-saturating by default, as in the paper.
      pixel: `"l2"`, or `"l1"` for sharper means.
      pixel_weight: λ, logged as `pixel` without the weight.
      adversarial_weight: w.
      features: φ: images -> [B, ...] of a network that is not trained; none by default. The paper's
        is VGG's.
      feature_weight: μ, logged as `feature` without the weight.

    Returns:
      A `Game` with players `gen` and `disc`.

    Raises:
      ValueError: if there is no such norm, a weight is negative or, when played, the data have no
        `source` or shapes do not fit.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> import flax.linen as nn
      >>> from jaxgan.core.network import Network
      >>> from jaxgan.models.adapters import from_linen
      >>> from jaxgan.core.state import Context
      >>> double = Network(
      ...     init=lambda key: ({}, {}),
      ...     apply=lambda w, state, x, **_: (x.repeat(2, axis=1).repeat(2, axis=2), state))
      >>> game = super_resolution(double, from_linen(nn.Dense(1), jnp.zeros((1, 4, 4, 1))))
      >>> params, net_state = game.init(jax.random.key(0))
      >>> batch = {"image": jnp.ones((2, 4, 4, 1)), "source": jnp.zeros((2, 2, 2, 1))}
      >>> scene, _ = game.generate(params, net_state, batch, Context(jax.random.key(1)))
      >>> _, (_, metrics, _) = game.losses(params, net_state, scene, Context(jax.random.key(1)))
      >>> float(metrics["gen"]["pixel"])
      1.0

    References:
      Ledig et al., 2017 (arXiv:1609.04802), eq. 3 to 6.
    """
    comparisons: Comparisons = {"pixel": (pixel_weight, NORMS[pixel])}
    if features is not None:
        compare = partial(_feature_distance, features)
        comparisons = {**comparisons, "feature": (feature_weight, compare)}
    return translation(
        gen,
        disc,
        loss=non_saturating() if loss is None else loss,
        comparisons=comparisons,
        adversarial_weight=adversarial_weight,
        shows_source=False,
    )


def _feature_distance(features: Callable[[Array], Array], real: Array, fake: Array) -> Array:
    return l2(features(real), features(fake))
