"""The hinge objective of SAGAN and BigGAN."""

from __future__ import annotations

from jax.nn import relu

from jaxgan.losses.base import Loss, stateless
from jaxgan.state import Context
from jaxgan.typing import Array


def hinge() -> Loss:
    """The discriminator stops pulling at examples beyond the margin; the generator never stops.

    L_D = E_x[max(0, 1 - D(x))] + E_z[max(0, 1 + D(G(z)))],  L_G = -E_z[D(G(z))].

    Returns:
      A `Loss` over logits of shape [B].

    Example:
      >>> import jax, jax.numpy as jnp
      >>> context = Context(jax.random.key(0))
      >>> hinge().disc(jnp.asarray([0.5, 2.0]), jnp.asarray([-3.0, 0.0]), (), context)[0].tolist()
      [0.5, 1.0]

    References:
      Lim & Ye, 2017 (arXiv:1705.02894); Tran et al., 2017 (arXiv:1702.08896); Zhang et al., 2019
      (arXiv:1805.08318).
    """

    def disc(real_logits: Array, fake_logits: Array, context: Context) -> Array:
        return relu(1.0 - real_logits) + relu(1.0 + fake_logits)

    def gen(real_logits: Array, fake_logits: Array, context: Context) -> Array:
        return -fake_logits

    return stateless(disc, gen)
