"""Noisy labels: some real examples are labelled fake for the discriminator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.core.loss import Loss, as_loss, logits, with_logits
from jaxgan.core.ranges import DecaySchedule, checked
from jaxgan.core.schedules import at
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, PyTree
from jaxgan.losses._non_saturating import non_saturating


@checked
def flip_labels(
    base: Loss | Callable[..., Loss] = non_saturating,
    *,
    probability: DecaySchedule,
    **options: Any,
) -> Loss:
    """Swaps the logits of a real and of a fake example, pair by pair, for the discriminator.

    L_D = E[ℓ(b, a) if u < p else ℓ(a, b)], ℓ the base's discriminator loss of a real logit a and
    a fake one b, u uniform;  L_G as the base's.

    In the mean it is two-sided label smoothing by p, with noise instead of a bias in every step.
    Only the logits are swapped: features, class logits and labels stay with their examples. What
    is drawn belongs to the update, so it is the same in inner steps of `unrolled` on one batch.

    Args:
      base: an objective over logits, or its factory.
      probability: p in [0, 1), or a schedule.
      **options: arguments of the factory.

    Returns:
      A `Loss` over logits of shape [B].

    Raises:
      TypeError: if options are given with a base that is already made.
      ValueError: if the probability is outside [0, 1).

    Example:
      >>> loss, context = flip_labels(probability=0.25), Context(jax.random.key(0))
      >>> values, _ = loss.disc(jnp.full(1000, 50.0), jnp.full(1000, -50.0), (), context)
      >>> 0.2 < float((values > 1).mean()) < 0.3
      True

    References:
      Chintala et al., How to train a GAN, 2016 (github.com/soumith/ganhacks, 6).
    """
    loss = as_loss(base, **options)

    def disc(
        real_out: PyTree, fake_out: PyTree, state: PyTree, context: Context
    ) -> tuple[Array, PyTree]:
        real_logits, fake_logits = logits(real_out, fake_out)
        draw = context.draw("flip_labels", jax.random.uniform, real_logits.shape)
        is_flipped = draw < jnp.asarray(at(probability, context.step), draw.dtype)
        swapped = jnp.where(is_flipped, fake_logits, real_logits)
        fake_logits = jnp.where(is_flipped, real_logits, fake_logits)
        real_out, fake_out = with_logits(real_out, swapped), with_logits(fake_out, fake_logits)
        return loss.disc(real_out, fake_out, state, context)

    return loss._replace(disc=disc, is_zero_sum=False, name="flip_labels")
