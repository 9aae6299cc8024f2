"""The non-saturating objective, the usual one of the first GAN paper."""

from __future__ import annotations

from jax.nn import softplus

from jaxgan.core.loss import Loss, stateless
from jaxgan.core.ranges import DecaySchedule, checked
from jaxgan.core.state import Context
from jaxgan.core.typing import Array
from jaxgan.losses._minimax import classifier


@checked
def non_saturating(*, smoothing: DecaySchedule = 0.0, fake_smoothing: DecaySchedule = 0.0) -> Loss:
    """The generator maximises log D(G(z)) rather than minimising log(1 - D(G(z))).

    With D = σ(logit), s the smoothing and t that of fakes,

      L_D = -E_x[(1 - s) log D(x) + s log(1 - D(x))] -
      E_z[(1 - t) log(1 - D(G(z))) + t log D(G(z))],
      L_G = -E_z[log D(G(z))].

    The same fixed points as `minimax`, with a strong gradient where the discriminator wins.

    Args:
      smoothing: label smoothing s in [0, 1), or a schedule: D's target on real examples is 1 - s.
      fake_smoothing: likewise t, D's target on fakes.

    Returns:
      A `Loss` over logits of shape [B].

    Raises:
      ValueError: if a smoothing is outside [0, 1).

    Example:
      >>> import jax, jax.numpy as jnp
      >>> context = Context(jax.random.key(0))
      >>> values = non_saturating().gen(jnp.zeros(1), jnp.asarray([-20.0]), (), context)
      >>> round(float(values[0]), 4)
      20.0

    References:
      Goodfellow et al., 2014 (arXiv:1406.2661), section 3. Smoothing: Salimans et al., 2016
      (arXiv:1606.03498).
    """

    def gen(real_logits: Array, fake_logits: Array, context: Context) -> Array:
        return softplus(-fake_logits)

    return stateless(
        classifier(smoothing=smoothing, fake_smoothing=fake_smoothing), gen, name="non_saturating"
    )
