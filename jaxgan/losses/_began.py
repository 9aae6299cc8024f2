"""The boundary-equilibrium objective."""

from __future__ import annotations

import jax.numpy as jnp

from jaxgan.core.loss import Loss, logits
from jaxgan.core.ranges import Fraction, Positive, checked
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, PyTree


@checked
def began(*, gamma: Fraction = 0.5, lambda_k: Positive = 0.001) -> Loss:
    """Autoencoder errors of data and of samples, held at a fixed ratio by a controller.

    With the error L = -logit ≥ 0, and k its state, from 0 on,

      L_D = L(x) - k L(G(z)),  L_G = L(G(z)),
      k ← clip(k + λ_k (γ E[L(x)] - E[L(G(z))]), 0, 1),
      M = E[L(x)] + abs(γ E[L(x)] - E[L(G(z))]).

    k and M, the measure of convergence, are logged as `k` and `convergence`. k moves once in each
    of the discriminator's updates, after it was used, by means over the batch: in n microbatches
    it moves n times, so the objective says that it couples a batch.

    Nothing here compares one sample with another: on a ring of Gaussians the generator ends on one
    mode, for γ of 0.5 and of 0.9 alike, moving on when the errors there have risen. It is made for
    images; `auxiliary.pull_away` spreads the samples of a batch.

    Args:
      gamma: γ in [0, 1], the ratio of the errors, E[L(G(z))] / E[L(x)]: low for quality, high
        for diversity.
      lambda_k: λ_k, how fast k moves; positive.

    Returns:
      A `Loss` over logits of shape [B] whose state is `{"k", "convergence"}`, float32.

    Raises:
      ValueError: if γ is outside [0, 1] or λ_k not positive.

    Example:
      >>> import jax
      >>> loss, context = began(gamma=0.5, lambda_k=0.1), Context(jax.random.key(0))
      >>> _, state = loss.disc(jnp.full(4, -8.0), jnp.full(4, -1.0), loss.init(), context)
      >>> round(float(state["k"]), 4), float(state["convergence"])  # 0.1 (½ 8 - 1), 8 + 3
      (0.3, 11.0)

    References:
      Berthelot et al., 2017 (arXiv:1703.10717), sections 3.3 and 3.4.
    """

    def disc(
        real_out: PyTree, fake_out: PyTree, state: PyTree, context: Context
    ) -> tuple[Array, PyTree]:
        real_logits, fake_logits = logits(real_out, fake_out)
        real_mean = -jnp.mean(real_logits.astype(jnp.float32))
        fake_mean = -jnp.mean(fake_logits.astype(jnp.float32))
        balance = jnp.asarray(gamma, jnp.float32) * real_mean - fake_mean
        new_state = {
            "k": jnp.clip(state["k"] + jnp.asarray(lambda_k, jnp.float32) * balance, 0.0, 1.0),
            "convergence": real_mean + jnp.abs(balance),
        }
        k = state["k"].astype(fake_logits.dtype)
        return k * fake_logits - real_logits, new_state

    def gen(real_out: PyTree, fake_out: PyTree, state: PyTree, context: Context) -> Array:
        return -logits(real_out, fake_out)[1]

    def init() -> PyTree:
        return {"k": jnp.float32(0.0), "convergence": jnp.float32(0.0)}

    return Loss(disc=disc, gen=gen, init=init, couples_batch=True, name="began")
