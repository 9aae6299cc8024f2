"""The semi-supervised objective over n classes and one more."""

from __future__ import annotations

import chex
import jax.numpy as jnp
from jax.nn import logsumexp, softplus

from jaxgan.core.errors import bad_value
from jaxgan.core.heads import head_of
from jaxgan.core.loss import Loss
from jaxgan.core.ranges import NonNegativeSchedule, checked
from jaxgan.core.schedules import at
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, PyTree

NAME = "multi_class"


@checked
def multi_class(*, label_weight: NonNegativeSchedule = 1.0) -> Loss:
    """A classifier of n classes whose (n + 1)-th is "generated", its logit fixed at 0.

    With l the head `class_logits`, Z = Σ_k e^l_k and D = Z / (Z + 1),

      L_D = -E_x[log D(x)] - E_z[log(1 - D(G(z)))] - w E_x[1(labelled) log p(y | x, y ≤ n)],
      L_G = -E_z[log D(G(z))],  p(y | x, y ≤ n) = e^l_y / Z.

    The last mean is over the batch, unlabelled examples counting as 0, so that an example's loss
    is its own. The paper's generator matches features: `feature_matching(multi_class)`. Let the
    discriminator's `logits`, which penalties look at, be log Z, the logit of D.

    Args:
      label_weight: w, a number or a schedule; over the fraction of labelled examples it makes the
        last mean one over those.

    Returns:
      A `Loss` over a discriminator with a head `class_logits` of shape [B, n], in a game whose
      data have `label`: int32 of shape [B], -1 for unlabelled.

    Raises:
      ValueError: if the weight is negative or, when played, if the head or the labels are missing
        or of another shape.

    Example:
      >>> import jax
      >>> context = Context(jax.random.key(0))
      >>> fake = {"class_logits": jnp.full((2, 2), -9.0)}
      >>> real = {"class_logits": jnp.asarray([[0.0, 9.0]] * 2), "label": jnp.asarray([0, -1])}
      >>> values, _ = multi_class().disc(real, fake, (), context)
      >>> [round(float(value), 2) for value in values]
      [9.0, 0.0]

    References:
      Salimans et al., 2016 (arXiv:1606.03498), section 5.
    """

    def disc(
        real_out: PyTree, fake_out: PyTree, state: PyTree, context: Context
    ) -> tuple[Array, PyTree]:
        classes, fake_classes = _class_logits(real_out), _class_logits(fake_out)
        labels = head_of(real_out, "label", NAME)
        if labels.shape != classes.shape[:1]:
            raise ValueError(bad_value(f"{NAME}: labels.shape", labels.shape, "[batch]"))
        log_z = logsumexp(classes, axis=1)
        chosen = jnp.take_along_axis(classes, jnp.maximum(labels, 0)[:, None], axis=1)[:, 0]
        weight = jnp.asarray(at(label_weight, context.step), classes.dtype)
        supervised = jnp.where(labels >= 0, weight * (log_z - chosen), 0.0)
        adversarial = softplus(-log_z) + softplus(logsumexp(fake_classes, axis=1))
        return adversarial + supervised, state

    def gen(real_out: PyTree, fake_out: PyTree, state: PyTree, context: Context) -> Array:
        return softplus(-logsumexp(_class_logits(fake_out), axis=1))

    return Loss(disc=disc, gen=gen, name="multi_class")


def _class_logits(out: PyTree) -> Array:
    classes = head_of(out, "class_logits", NAME)
    try:
        chex.assert_rank(classes, 2)
    except AssertionError:
        raise ValueError(
            bad_value(f"{NAME}: class_logits.shape", classes.shape, "[batch, classes]")
        ) from None
    return classes
