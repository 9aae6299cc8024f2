"""Feature matching: another loss for the generator, under any objective of the discriminator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from jaxgan.core.heads import head_of
from jaxgan.core.loss import Loss, as_loss
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, PyTree
from jaxgan.losses._non_saturating import non_saturating


def feature_matching(base: Loss | Callable[..., Loss] = non_saturating, **options: Any) -> Loss:
    """The generator matches the mean of the discriminator's features instead of fooling it.

    L_D as the base's;  L_G = ‖E_x[f(x)] - E_z[f(G(z))]‖², f the head `features`.

    Args:
      base: the discriminator's objective, or its factory.
      **options: arguments of the factory, such as `smoothing=0.1`.

    Returns:
      A `Loss` over a discriminator with a head `features` of shape [B, F] or [B, ...]. It couples
      the examples of a batch.

    Raises:
      TypeError: if options are given with a base that is already made.
      ValueError: when played, if the head is missing or its shapes differ.

    Example:
      >>> import jax
      >>> context = Context(jax.random.key(0))
      >>> real, fake = {"features": jnp.ones((4, 3))}, {"features": jnp.zeros((4, 3))}
      >>> float(feature_matching().gen(real, fake, (), context))
      3.0

    References:
      Salimans et al., 2016 (arXiv:1606.03498), section 3.1.
    """
    loss = as_loss(base, **options)

    def gen(real_out: PyTree, fake_out: PyTree, state: PyTree, context: Context) -> Array:
        real, fake = (head_of(out, "features", "feature_matching") for out in (real_out, fake_out))
        if real.ndim < 2 or real.shape[1:] != fake.shape[1:]:
            raise ValueError(
                f"feature_matching: real features have shape {real.shape}, fake ones {fake.shape}; "
                "they must be [batch, features]"
            )
        return jnp.sum((jnp.mean(real, axis=0) - jnp.mean(fake, axis=0)) ** 2)

    return loss._replace(gen=gen, couples_batch=True, is_zero_sum=False, name="feature_matching")
