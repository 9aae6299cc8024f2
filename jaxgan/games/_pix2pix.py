"""pix2pix: one image made of another, near its true counterpart, and like real ones."""

from __future__ import annotations

from jaxgan.auxiliary import l1
from jaxgan.core.game import Game
from jaxgan.core.network import Network
from jaxgan.core.ranges import NonNegativeSchedule, checked
from jaxgan.games._translation import translation
from jaxgan.losses import Loss, non_saturating


@checked
def pix2pix(
    gen: Network,
    disc: Network,
    *,
    loss: Loss | None = None,
    l1_weight: NonNegativeSchedule = 100.0,
    adversarial_weight: NonNegativeSchedule = 1.0,
) -> Game:
    """The game of pix2pix: a conditional GAN of patches, and the L1 distance to the true image.

    L_gen = w E[loss.gen(D(s, x), D(s, G(s)))] + λ E[mean abs(x - G(s))],
    L_disc = E[loss.disc(D(s, x), D(s, G(s)))].

    Batches are `{"image": x, "source": s}`, of pairs. See `translation` for the scene.

    Args:
      gen: source -> image; its dropout is the noise.
      disc: source and image, joined along the channels, -> logits [B, h, w] or [B].
      loss: an adversarial objective; non-saturating by default, as in the paper.
      l1_weight: λ, logged as `l1` without the weight.
      adversarial_weight: w.

    Returns:
      A `Game` with players `gen` and `disc`.

    Raises:
      ValueError: if a weight is negative or, when played, the data have no `source` or shapes do
        not fit.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> import flax.linen as nn
      >>> from jaxgan.models.adapters import from_linen
      >>> from jaxgan.core.state import Context
      >>> gen = from_linen(nn.Dense(3), jnp.zeros((1, 8, 8, 1)))
      >>> disc = from_linen(nn.Dense(1), jnp.zeros((1, 8, 8, 4)))  # every pixel is a patch
      >>> game = pix2pix(gen, disc)
      >>> params, net_state = game.init(jax.random.key(0))
      >>> batch = {"image": jnp.ones((2, 8, 8, 3)), "source": jnp.zeros((2, 8, 8, 1))}
      >>> scene, _ = game.generate(params, net_state, batch, Context(jax.random.key(1)))
      >>> _, (_, metrics, _) = game.losses(params, net_state, scene, Context(jax.random.key(1)))
      >>> float(metrics["gen"]["l1"])
      1.0

    References:
      Isola et al., 2017 (arXiv:1611.07004), eq. 1, 3 and 4.
    """
    return translation(
        gen,
        disc,
        loss=non_saturating() if loss is None else loss,
        comparisons={"l1": (l1_weight, l1)},
        adversarial_weight=adversarial_weight,
    )
