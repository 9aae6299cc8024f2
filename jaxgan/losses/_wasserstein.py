"""The Wasserstein objective."""

from __future__ import annotations

from jaxgan.core.loss import Loss, stateless
from jaxgan.core.state import Context
from jaxgan.core.typing import Array


def wasserstein() -> Loss:
    """The dual form of the earth mover's distance, zero-sum.

    V = E_x[D(x)] - E_z[D(G(z))],  L_D = -V,  L_G = V,
    over critics D with Lipschitz constant 1, which something else must keep: `penalties.wgan_gp`,
    or clipped weights, as in the paper, `optimizers.rmsprop(5e-5, weight_clip=0.01)` and five
    steps of D to one of G. L_G holds the term in x, so that it reads as the distance itself and
    the game is zero-sum; the term is constant in G but not in an unrolled D.

    Clipping keeps the slope bounded, by far less than 1 for small bounds, but most weights end at
    the bound and the critic becomes nearly linear. A nearly linear critic compares little more
    than means: a ring and a heap at its centre have the same mean, so modes are missed.

    Returns:
      A `Loss` over critic values of shape [B].

    Example:
      >>> import jax, jax.numpy as jnp
      >>> context = Context(jax.random.key(0))
      >>> wasserstein().gen(jnp.asarray([3.0]), jnp.asarray([1.0]), (), context).tolist()
      [2.0]

    References:
      Arjovsky et al., 2017 (arXiv:1701.07875), eq. 2 and 3, algorithm 1. What clipping does:
      Gulrajani et al., 2017 (arXiv:1704.00028), section 3.
    """

    def disc(real_values: Array, fake_values: Array, context: Context) -> Array:
        return fake_values - real_values

    def gen(real_values: Array, fake_values: Array, context: Context) -> Array:
        return real_values - fake_values

    return stateless(disc, gen)._replace(is_zero_sum=True, name="wasserstein")
