"""The hinge objective of SAGAN and BigGAN."""

from __future__ import annotations

import jax.numpy as jnp
from jax.nn import relu

from jaxgan.core.loss import Loss, stateless
from jaxgan.core.ranges import Positive, checked
from jaxgan.core.state import Context
from jaxgan.core.typing import Array


@checked
def hinge(*, margin: Positive = 1.0) -> Loss:
    """The discriminator stops pulling at examples beyond the margin; the generator never stops.

    L_D = E_x[max(0, m - D(x))] + E_z[max(0, m + D(G(z)))],  L_G = -E_z[D(G(z))].

    D* = m sign(p - q), p the data's density and q the generator's, where L_D = 2m (1 - TV(p, q)).
    With m = 1 it is the objective of the geometric GAN, of SAGAN and of BigGAN; the relativistic
    ones are `relativistic(hinge)` and `relativistic_average(hinge)`.

    Args:
      margin: m, a positive number. To scale it is to scale the logits.

    Returns:
      A `Loss` over logits of shape [B].

    Raises:
      ValueError: if the margin is not positive.

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
        m = jnp.asarray(margin, real_logits.dtype)
        return relu(m - real_logits) + relu(m + fake_logits)

    def gen(real_logits: Array, fake_logits: Array, context: Context) -> Array:
        return -fake_logits

    return stateless(disc, gen, name="hinge")
