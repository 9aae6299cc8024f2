"""The minimax game of the first GAN paper."""

from __future__ import annotations

from jax.nn import softplus

from jaxgan.losses.base import Loss, check_smoothing, stateless
from jaxgan.schedules import at
from jaxgan.state import Context
from jaxgan.typing import Array, ScalarOrSchedule


def minimax(smoothing: ScalarOrSchedule = 0.0) -> Loss:
    """The saturating zero-sum objective: the generator minimises what the discriminator maximises.

    With D = σ(logit) and s the smoothing,

      V = E_x[(1 - s) log D(x) + s log(1 - D(x))] + E_z[log(1 - D(G(z)))],
      L_D = -V, L_G = V.

    Where D wins, the gradient of L_G with respect to the fake logit, -σ(logit), vanishes: it
    saturates. L_G holds the term in x too, which is constant in G but not in an unrolled D.

    Args:
      smoothing: one-sided label smoothing s in [0, 1), or a schedule.

    Returns:
      A `Loss` over logits of shape [B].

    Raises:
      ValueError: if the smoothing is outside [0, 1).

    Example:
      >>> import jax, jax.numpy as jnp
      >>> loss, context = minimax(), Context(jax.random.key(0))
      >>> values, _ = loss.disc(jnp.zeros(1), jnp.zeros(1), (), context)
      >>> round(float(values[0]), 4)  # 2 log 2, where D cannot tell
      1.3863

    References:
      Goodfellow et al., 2014 (arXiv:1406.2661), eq. 1. Smoothing: Salimans et al., 2016
      (arXiv:1606.03498).
    """
    check_smoothing(smoothing)

    def disc(real_logits: Array, fake_logits: Array, context: Context) -> Array:
        return logistic(real_logits, fake_logits, at(smoothing, context.step))

    def gen(real_logits: Array, fake_logits: Array, context: Context) -> Array:
        return -logistic(real_logits, fake_logits, at(smoothing, context.step))

    return stateless(disc, gen)._replace(is_zero_sum=True)


def logistic(real_logits: Array, fake_logits: Array, smoothing: Array | float = 0.0) -> Array:
    """Binary cross-entropy of the discriminator, per pair of a real and a fake example.

    -(1 - s) log σ(a) - s log(1 - σ(a)) - log(1 - σ(b)) = softplus(-a) + s a + softplus(b).

    Args:
      real_logits: a, of shape [B].
      fake_logits: b, of shape [B].
      smoothing: one-sided label smoothing s.

    Returns:
      Values of shape [B].

    Example:
      >>> import jax.numpy as jnp
      >>> [round(float(v), 4) for v in logistic(jnp.asarray([0.0, 1e4]), jnp.asarray([0.0, 1e4]))]
      [1.3863, 10000.0]

    References:
      Goodfellow et al., 2014 (arXiv:1406.2661).
    """
    return softplus(-real_logits) + smoothing * real_logits + softplus(fake_logits)
