"""The least-squares objective."""

from __future__ import annotations

import jax.numpy as jnp

from jaxgan.core.loss import Loss, stateless
from jaxgan.core.ranges import Finite, checked
from jaxgan.core.state import Context
from jaxgan.core.typing import Array


@checked
def least_squares(
    *, fake_label: Finite = 0.0, real_label: Finite = 1.0, gen_label: Finite = 1.0
) -> Loss:
    """Squared distances to labels instead of a log likelihood.

    L_D = ½ E_x[(D(x) - b)²] + ½ E_z[(D(G(z)) - a)²],  L_G = ½ E_z[(D(G(z)) - c)²].
    The default is the paper's 0-1 coding (a, b, c) = (0, 1, 1); (-1, 1, 0) gives Pearson's
    χ²: at D* = (p - q) / (p + q), p the data's density and q the generator's,
    L_D = 1 - ½ χ²(p + q, 2q).

    Args:
      fake_label: a.
      real_label: b.
      gen_label: c, what the generator wants D to say of its samples.

    Returns:
      A `Loss` over logits of shape [B].

    Raises:
      ValueError: if a label is not finite.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> context = Context(jax.random.key(0))
      >>> float(least_squares().gen(jnp.zeros(1), jnp.asarray([3.0]), (), context)[0])
      2.0

    References:
      Mao et al., 2017 (arXiv:1611.04076), eq. 2, 8 and 9.
    """

    def squared(logits: Array, label: float) -> Array:
        return 0.5 * (logits - jnp.asarray(label, logits.dtype)) ** 2

    def disc(real_logits: Array, fake_logits: Array, context: Context) -> Array:
        return squared(real_logits, real_label) + squared(fake_logits, fake_label)

    def gen(real_logits: Array, fake_logits: Array, context: Context) -> Array:
        return squared(fake_logits, gen_label)

    return stateless(disc, gen, name="least_squares")
