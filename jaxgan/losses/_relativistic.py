"""Relativistic pairing over any base objective."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jaxgan.core.loss import Loss, as_loss, logits, with_logits
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, PyTree
from jaxgan.losses._non_saturating import non_saturating


def relativistic(base: Loss | Callable[..., Loss] = non_saturating, **options: Any) -> Loss:
    """The base objective on differences: is this real example more real than that fake one?

    With d = D(x) - D(G(z)) over pairs of one real and one fake example, and ℓ the base's
    discriminator loss as a function of real and fake logits,

      L_D = ½ ℓ(d, -d),  L_G = ½ ℓ(-d, d).

    The generator plays the same game with the roles swapped, whatever the base's own generator
    term, and the half leaves one term per pair where the two are equal: over the non-saturating
    base it is RpGAN, L_D = E softplus(-d) and L_G = E softplus(d). Moving all fakes to one side
    of a decision boundary gains nothing here, as each fake is measured against its own real one.

    Args:
      base: an objective over logits, or its factory.
      **options: arguments of the factory, such as `smoothing=0.1`.

    Returns:
      A `Loss` over logits of shape [B].

    Raises:
      TypeError: if options are given with a base that is already made.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> context = Context(jax.random.key(0))
      >>> values, _ = relativistic().disc(jnp.asarray([5.0]), jnp.asarray([5.0]), (), context)
      >>> round(float(values[0]), 4)  # log 2: only the gap counts
      0.6931

    References:
      Jolicoeur-Martineau, 2019 (arXiv:1807.00734), RpGAN with g1 = f2 and
      g2 = f1; Huang et al., 2024 (arXiv:2501.05441).
    """
    loss = as_loss(base, **options)

    def disc(
        real_out: PyTree, fake_out: PyTree, state: PyTree, context: Context
    ) -> tuple[Array, PyTree]:
        real_logits, fake_logits = logits(real_out, fake_out)
        gap = real_logits - fake_logits
        real_out, fake_out = with_logits(real_out, gap), with_logits(fake_out, -gap)
        values, state = loss.disc(real_out, fake_out, state, context)
        return 0.5 * values, state

    def gen(real_out: PyTree, fake_out: PyTree, state: PyTree, context: Context) -> Array:
        real_logits, fake_logits = logits(real_out, fake_out)
        gap = real_logits - fake_logits
        real_out, fake_out = with_logits(real_out, -gap), with_logits(fake_out, gap)
        values, _ = loss.disc(real_out, fake_out, state, context)
        return 0.5 * values

    return Loss(
        disc=disc, gen=gen, init=loss.init, couples_batch=loss.couples_batch, name="relativistic"
    )
