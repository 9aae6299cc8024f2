"""Maximum likelihood by way of a discriminator."""

from __future__ import annotations

from typing import Annotated

from jaxgan.core.loss import Loss, stateless
from jaxgan.core.ranges import DecaySchedule, Range, checked
from jaxgan.core.state import Context
from jaxgan.core.typing import Array
from jaxgan.losses._capped import CAP, capped_exp
from jaxgan.losses._minimax import classifier


@checked
def maximum_likelihood(
    *,
    smoothing: DecaySchedule = 0.0,
    fake_smoothing: DecaySchedule = 0.0,
    cap: Annotated[float, Range(above=0, at_most=80)] = CAP,
) -> Loss:
    """The generator weighs its samples by the density ratio, which is to maximise likelihood.

    L_D as in `non_saturating`;  L_G = -½ E_z[exp(σ⁻¹(D(G(z))))] = -½ E_z[e^logit].

    At D* the exponential is p/q, the data's density over the generator's, and the gradient of L_G
    is half that of KL(p, q), so every mode must be covered. In practice it is the ratio itself
    that is summed: a batch is dominated by the few samples that D likes best, the others have no
    gradient to speak of, so on a ring the generator goes to one mode before it learns of the
    rest, and the estimate has the largest variance of all objectives here.

    Args:
      smoothing: label smoothing s in [0, 1), or a schedule: D's target on real examples is 1 - s.
      fake_smoothing: likewise t, D's target on fakes.
      cap: up to this logit the exponential is exact; beyond it goes on as its tangent there, so
        that value and gradient stay finite. At most 80, for float32.

    Returns:
      A `Loss` over logits of shape [B].

    Raises:
      ValueError: if a smoothing is outside [0, 1), or the cap is not in (0, 80].

    Example:
      >>> import jax, jax.numpy as jnp
      >>> context = Context(jax.random.key(0))
      >>> maximum_likelihood().gen(jnp.zeros(2), jnp.asarray([0.0, -1e4]), (), context).tolist()
      [-0.5, -0.0]

    References:
      Goodfellow, 2016 (arXiv:1701.00160), section 3.2.5; Goodfellow, 2014 (arXiv:1412.6515).
    """

    def gen(real_logits: Array, fake_logits: Array, context: Context) -> Array:
        return -0.5 * capped_exp(fake_logits, cap=cap)

    return stateless(
        classifier(smoothing=smoothing, fake_smoothing=fake_smoothing),
        gen,
        name="maximum_likelihood",
    )
