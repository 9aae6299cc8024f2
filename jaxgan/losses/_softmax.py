"""The softmax objective: a distribution over the whole batch."""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax
from jax.nn import logsumexp

from jaxgan.core.loss import Loss, stateless
from jaxgan.core.state import Context
from jaxgan.core.typing import Array


def softmax() -> Loss:
    """Cross-entropy of a softmax over all examples of the batch, real and fake together.

    With log Z = log Σ e^logit over the B real and the B fake examples,

      L_D = -E_x[D(x)] + log Z: all probability to the real ones, 1/B each;
      L_G = -½ E_x[D(x)] - ½ E_z[D(G(z))] + log Z: the same, 1/(2B), to every one.

    The paper writes D for minus the logit. Logits count up to a constant: D* = log(p / (p + q)) +
    const, p the data's density and q the generator's, where L_D = log 2B - KL(p, (p + q)/2).

    Returns:
      A `Loss` over logits of shape [B], which couples the examples of a batch.

    Example:
      >>> import jax
      >>> loss, context = softmax(), Context(jax.random.key(0))
      >>> values, _ = loss.disc(jnp.full(2, 1e4), jnp.full(2, 1e4), (), context)
      >>> round(float(values[0]), 2)  # log 2B: nothing to tell them by
      1.39

    References:
      Lin, 2017 (arXiv:1704.06191), eq. 3 to 7.
    """

    def disc(real_logits: Array, fake_logits: Array, context: Context) -> Array:
        largest, log_sum = _normaliser(real_logits, fake_logits)
        return log_sum + (largest - real_logits)

    def gen(real_logits: Array, fake_logits: Array, context: Context) -> Array:
        largest, log_sum = _normaliser(real_logits, fake_logits)
        return log_sum + 0.5 * (largest - real_logits) + 0.5 * (largest - fake_logits)

    return stateless(disc, gen)._replace(couples_batch=True, name="softmax")


def _normaliser(real_logits: Array, fake_logits: Array) -> tuple[Array, Array]:
    """The largest logit and log Z less it: apart, large logits cost no digits of small losses."""
    everyone = jnp.concatenate([real_logits, fake_logits])
    largest = lax.stop_gradient(jnp.max(everyone))
    return largest, logsumexp(everyone - largest)
