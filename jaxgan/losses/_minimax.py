"""The minimax game of the first GAN paper."""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
from jax.nn import softplus

from jaxgan.core.loss import Loss, stateless
from jaxgan.core.ranges import DecaySchedule, checked
from jaxgan.core.schedules import at
from jaxgan.core.state import Context
from jaxgan.core.typing import Array


@checked
def minimax(*, smoothing: DecaySchedule = 0.0, fake_smoothing: DecaySchedule = 0.0) -> Loss:
    """The saturating zero-sum objective: the generator minimises what the discriminator maximises.

    With D = σ(logit), s the smoothing and t that of fakes,

      V = E_x[(1 - s) log D(x) + s log(1 - D(x))] + E_z[(1 - t) log(1 - D(G(z))) + t log D(G(z))],
      L_D = -V, L_G = V.

    Without smoothing D* = p / (p + q), p the data's density and q the generator's, where
    V = 2 JSD(p, q) - log 4. Where D wins, the gradient of L_G with respect to the fake logit,
    -σ(logit), vanishes: it saturates. On a ring of modes, which D soon tells from all fakes, the
    generator then stands still wherever it is, on one mode or between two, and misses the rest.
    L_G holds the term in x too, which is constant in G but not in an unrolled D.

    Args:
      smoothing: label smoothing s in [0, 1), or a schedule: D's target on real examples is 1 - s.
      fake_smoothing: likewise t, D's target on fakes. Beyond 0 it gives them weight where there
        are no data, which is why Salimans et al. smooth one side only.

    Returns:
      A `Loss` over logits of shape [B].

    Raises:
      ValueError: if a smoothing is outside [0, 1).

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
    disc = classifier(smoothing=smoothing, fake_smoothing=fake_smoothing)

    def gen(real_logits: Array, fake_logits: Array, context: Context) -> Array:
        return -disc(real_logits, fake_logits, context)

    return stateless(disc, gen)._replace(is_zero_sum=True, name="minimax")


@checked
def classifier(
    *, smoothing: DecaySchedule = 0.0, fake_smoothing: DecaySchedule = 0.0
) -> Callable[[Array, Array, Context], Array]:
    """The discriminator's part of `minimax` and of all that differ from it in the generator's.

    Args:
      smoothing: of the labels of real examples, in [0, 1), or a schedule.
      fake_smoothing: of those of fakes, likewise.

    Returns:
      (real_logits, fake_logits, context) -> values of shape [B].

    Raises:
      ValueError: if a smoothing is outside [0, 1).

    Example:
      >>> import jax, jax.numpy as jnp
      >>> disc = classifier(fake_smoothing=0.5)
      >>> disc(jnp.full(1, 1e4), jnp.full(1, 1e4), Context(jax.random.key(0))).tolist()
      [5000.0]
    """

    def disc(real_logits: Array, fake_logits: Array, context: Context) -> Array:
        s, t = (
            jnp.asarray(at(value, context.step), real_logits.dtype)
            for value in (smoothing, fake_smoothing)
        )
        return logistic(real_logits, fake_logits, smoothing=s, fake_smoothing=t)

    return disc


def logistic(
    real_logits: Array,
    fake_logits: Array,
    *,
    smoothing: Array | float = 0.0,
    fake_smoothing: Array | float = 0.0,
) -> Array:
    """Binary cross-entropy of the discriminator, per pair of a real and a fake example.

    -(1 - s) log σ(a) - s log(1 - σ(a)) - (1 - t) log(1 - σ(b)) - t log σ(b)
      = softplus(-a) + s a + softplus(b) - t b.

    Args:
      real_logits: a, of shape [B].
      fake_logits: b, of shape [B].
      smoothing: s, of the labels of real examples.
      fake_smoothing: t, of those of fakes.

    Returns:
      Values of shape [B].

    Example:
      >>> import jax.numpy as jnp
      >>> [round(float(v), 4) for v in logistic(jnp.asarray([0.0, 1e4]), jnp.asarray([0.0, 1e4]))]
      [1.3863, 10000.0]

    References:
      Goodfellow et al., 2014 (arXiv:1406.2661).
    """
    real_values = softplus(-real_logits) + smoothing * real_logits
    return real_values + softplus(fake_logits) - fake_smoothing * fake_logits
