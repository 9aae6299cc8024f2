"""The energy-based objective with a margin."""

from __future__ import annotations

import jax.numpy as jnp
from jax.nn import relu

from jaxgan.core.loss import Loss, stateless
from jaxgan.core.ranges import Positive, checked
from jaxgan.core.state import Context
from jaxgan.core.typing import Array


@checked
def ebgan(*, margin: Positive = 10.0) -> Loss:
    """Low energy for data, at least the margin for samples.

    With the energy E = -logit ≥ 0, such as an autoencoder's error,

      L_D = E(x) + max(0, m - E(G(z))),  L_G = E(G(z)).

    The best energy is 0 where the data's density is the larger and m elsewhere, where
    L_D = m (1 - TV). A discriminator whose energy may be negative has no best one.

    Args:
      margin: m, positive, in the unit of the energy; 10 is the paper's for MNIST, and 20 to 80
        for larger images.

    Returns:
      A `Loss` over logits of shape [B].

    Raises:
      ValueError: if the margin is not positive.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> context = Context(jax.random.key(0))
      >>> ebgan(margin=3.0).disc(jnp.full(1, -1.0), jnp.full(1, -2.0), (), context)[0].tolist()
      [2.0]

    References:
      Zhao et al., 2017 (arXiv:1609.03126), eq. 1 and 2.
    """

    def disc(real_logits: Array, fake_logits: Array, context: Context) -> Array:
        return -real_logits + relu(jnp.asarray(margin, fake_logits.dtype) + fake_logits)

    def gen(real_logits: Array, fake_logits: Array, context: Context) -> Array:
        return -fake_logits

    return stateless(disc, gen, name="ebgan")
