"""Terms for a discriminator that also classifies: ACGAN's, and of a small labelled set."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxgan.core.heads import head_of
from jaxgan.core.penalty import Penalty, Term, View
from jaxgan.core.ranges import Count, NonNegativeSchedule, checked
from jaxgan.core.typing import Array, PyTree


@checked
def auxiliary_classifier(weight: NonNegativeSchedule = 1.0, *, every: Count = 1) -> Penalty:
    """ACGAN: the discriminator tells the class too, and the generator makes it tellable.

    L_D: -λ (E[log P(c | x)] + E[log P(c | G(z, c))]),  L_G: -λ E[log P(c | G(z, c))], P the softmax
    of the discriminator's head `class_logits` [B, K] and c the scene's `label`. Both players
    minimise the cross-entropy. Rows labelled -1 (unlabelled) count as 0 in the mean over the batch.

    Args:
      weight: λ, a number or a schedule of the step.
      every: in every n-th update of either player, with weight nλ.

    Returns:
      A `Penalty` for both players.

    Raises:
      ValueError: if the weight is negative, `every` is not a positive integer or, when played, the
        discriminator has no such head or the data no labels.

    Example:
      >>> heads = {"class_logits": jnp.zeros((2, 4))}
      >>> view = View(params={}, discriminator=abs, scene={"label": jnp.asarray([0, 3])},
      ...             context=None, player="disc",
      ...             outputs={"real": heads, "fake": heads})
      >>> values, _ = auxiliary_classifier().terms[0].values(view, ())
      >>> [round(float(value), 4) for value in values]  # 2 log 4
      [2.7726, 2.7726]

    References:
      Odena et al., 2017 (arXiv:1610.09585).
    """
    name = "auxiliary_classifier"

    def values(view: View, state: PyTree) -> tuple[Array, PyTree]:
        label = view.entry("label", name)
        losses = cross_entropy(view.head("fake", "class_logits", name), label)
        if view.player == "disc":
            losses = losses + cross_entropy(view.head("real", "class_logits", name), label)
        return losses, state

    return Penalty(
        (Term(name=name, values=values, weight=weight, every=every, players=("disc", "gen")),)
    )


@checked
def supervised(weight: NonNegativeSchedule = 1.0, *, every: Count = 1) -> Penalty:
    """A small labelled set, beside data without labels, teaches the discriminator's classifier.

    -λ E[log P(c | x)] over the scene's `labelled_image` [M, ...] and `labelled_label` [M], P the
    softmax of the discriminator's head `class_logits`. M need not be the batch size.

    Args:
      weight: λ, a number or a schedule of the step.
      every: in every n-th update, with weight nλ.

    Returns:
      A `Penalty` for the discriminator.

    Raises:
      ValueError: if the weight is negative, `every` is not a positive integer or, when played, the
        discriminator has no such head or the scene no labelled images.

    Example:
      >>> scene = {"labelled_image": jnp.zeros((3, 4)), "labelled_label": jnp.asarray([0, 1, 3])}
      >>> view = View(params={}, discriminator=lambda x: {"class_logits": x}, scene=scene,
      ...             context=None)
      >>> [round(float(value), 4) for value in supervised().terms[0].values(view, ())[0]]  # log 4
      [1.3863, 1.3863, 1.3863]

    References:
      Salimans et al., 2016 (arXiv:1606.03498), section 5, the supervised part of its loss.
    """

    def values(view: View, state: PyTree) -> tuple[Array, PyTree]:
        out = view.discriminator(view.entry("labelled_image", "supervised"))
        class_logits = head_of(out, "class_logits", "supervised")
        return cross_entropy(class_logits, view.entry("labelled_label", "supervised")), state

    return Penalty((Term(name="supervised", values=values, weight=weight, every=every),))


def cross_entropy(class_logits: Array, label: Array) -> Array:
    """Minus the log-probability of each example's class; 0 for those labelled -1.

    -log softmax(logits)_c, for every label below 0 nothing.

    Args:
      class_logits: [B, K].
      label: integers [B] below K.

    Returns:
      Values of shape [B].

    Raises:
      ValueError: if the shapes do not fit.

    Example:
      >>> values = cross_entropy(jnp.zeros((2, 4)), jnp.asarray([1, -1]))
      >>> [round(float(value), 4) for value in values]
      [1.3863, 0.0]

    References:
      Odena et al., 2017 (arXiv:1610.09585), eq. 3.
    """
    if class_logits.ndim != 2 or label.shape != class_logits.shape[:1]:
        raise ValueError(
            f"class_logits have shape {class_logits.shape}, labels {label.shape}; "
            "they must be [batch, classes] and [batch]"
        )
    is_labelled = label >= 0
    chosen = jnp.where(is_labelled, label, 0)[:, None]
    log_p = jnp.take_along_axis(jax.nn.log_softmax(class_logits), chosen, axis=1)[:, 0]
    return jnp.where(is_labelled, -log_p, 0.0)
