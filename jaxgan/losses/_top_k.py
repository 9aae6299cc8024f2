"""Top-k training: the generator learns from the samples that the discriminator likes best."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import jax.numpy as jnp

from jaxgan.core.loss import Loss, as_loss, logits
from jaxgan.core.ranges import Range, checked
from jaxgan.core.schedules import at
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, PyTree, ScalarOrSchedule
from jaxgan.losses._non_saturating import non_saturating


@checked
def top_k(
    base: Loss | Callable[..., Loss] = non_saturating,
    *,
    fraction: Annotated[ScalarOrSchedule, Range(above=0, at_most=1)],
    **options: Any,
) -> Loss:
    """The generator's loss over the best-scored fakes of the batch only.

    L_D as the base's;  L_G = (1/k) Σ ℓ_i over the k fakes with the largest logits, ℓ the base's
    generator loss. k = fraction · B, rounded, and at least 1. The worst fakes are no guide: where
    a mixture's modes are apart, following the gradient takes them further from the nearest mode.

    Args:
      base: an objective over logits, or its factory.
      fraction: of the batch, in (0, 1], or a schedule. The paper begins with 1 and falls, by 1 %
        an epoch, to a half or three quarters.
      **options: arguments of the factory.

    Returns:
      A `Loss` over logits of shape [B], which couples the examples of a batch.

    Raises:
      TypeError: if options are given with a base that is already made.
      ValueError: if the fraction is outside (0, 1] or, when played, if the base's generator has no
        values per example, as in `feature_matching`.

    Example:
      >>> import jax
      >>> from jaxgan.losses import hinge
      >>> loss, context = top_k(hinge, fraction=0.5), Context(jax.random.key(0))
      >>> values = loss.gen(jnp.zeros(4), jnp.asarray([1.0, 5.0, 3.0, -9.0]), (), context)
      >>> values.tolist(), float(values.mean())  # -(5 + 3) / 2
      ([0.0, -10.0, -6.0, 0.0], -4.0)

    References:
      Sinha et al., 2020 (arXiv:2002.06224).
    """
    loss = as_loss(base, **options)

    def gen(real_out: PyTree, fake_out: PyTree, state: PyTree, context: Context) -> Array:
        _, fake_logits = logits(real_out, fake_out)
        values = loss.gen(real_out, fake_out, state, context)
        if values.shape != fake_logits.shape:
            raise ValueError(f"top_k: the base gives values of shape {values.shape}, not [batch]")
        num = fake_logits.shape[0]
        share = jnp.asarray(at(fraction, context.step), jnp.float32)
        k = jnp.clip(jnp.round(share * num), 1, num).astype(jnp.int32)
        rank = jnp.argsort(jnp.argsort(-fake_logits)).astype(jnp.int32)
        return jnp.where(rank < k, num / k.astype(values.dtype) * values, 0.0)

    return loss._replace(gen=gen, couples_batch=True, is_zero_sum=False, name="top_k")
