"""Relativistic averaging over any base objective."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from jaxgan.core.loss import Loss, as_loss, logits, with_logits
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, PyTree
from jaxgan.losses._non_saturating import non_saturating


def relativistic_average(base: Loss | Callable[..., Loss] = non_saturating, **options: Any) -> Loss:
    """The base objective on differences to the mean of the other side.

    With a = D(x) - E_z[D(G(z))], b = D(G(z)) - E_x[D(x)] and ℓ the base's discriminator loss as a
    function of real and fake logits,

      L_D = ℓ(a, b),  L_G = ℓ(b, a).

    The generator plays the same game with the roles swapped, whatever the base's own generator
    term: it wants fakes to look more real than the mean of the data, and the data less real than
    the mean of the fakes. Over `non_saturating` it is RaSGAN, over `hinge` RaHingeGAN, over
    `least_squares(fake_label=-1.0)` half of RaLSGAN, whose squares have no ½. The means are over
    the batch, so an example's loss depends on all others.

    Args:
      base: an objective over logits, or its factory.
      **options: arguments of the factory, such as `smoothing=0.1`.

    Returns:
      A `Loss` over logits of shape [B].

    Raises:
      TypeError: if options are given with a base that is already made.

    Example:
      >>> import jax
      >>> loss, context = relativistic_average(), Context(jax.random.key(0))
      >>> real, fake = jnp.asarray([5.0, 7.0]), jnp.asarray([6.0, 6.0])
      >>> values, _ = loss.disc(real, fake, loss.init(), context)
      >>> round(float(values.mean()), 4)  # a = ±1, b = 0
      1.5064

    References:
      Jolicoeur-Martineau, 2019 (arXiv:1807.00734), section 4.2 and appendix.
    """
    loss = as_loss(base, **options)

    def disc(
        real_out: PyTree, fake_out: PyTree, state: PyTree, context: Context
    ) -> tuple[Array, PyTree]:
        a, b = _against_means(*logits(real_out, fake_out))
        return loss.disc(with_logits(real_out, a), with_logits(fake_out, b), state, context)

    def gen(real_out: PyTree, fake_out: PyTree, state: PyTree, context: Context) -> Array:
        a, b = _against_means(*logits(real_out, fake_out))
        return loss.disc(with_logits(real_out, b), with_logits(fake_out, a), state, context)[0]

    return Loss(disc=disc, gen=gen, init=loss.init, couples_batch=True, name="relativistic_average")


def _against_means(real_logits: Array, fake_logits: Array) -> tuple[Array, Array]:
    return real_logits - jnp.mean(fake_logits), fake_logits - jnp.mean(real_logits)
