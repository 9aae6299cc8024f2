"""Feature matching: generated examples have the mean features of real ones."""

from __future__ import annotations

import jax.numpy as jnp

from jaxgan.core.penalty import Penalty, Term, View
from jaxgan.core.ranges import Count, NonNegativeSchedule, checked
from jaxgan.core.typing import Array, PyTree


@checked
def feature_matching(weight: NonNegativeSchedule = 1.0, *, every: Count = 1) -> Penalty:
    """The generator matches the batch's mean of the discriminator's features.

    λ ‖E_x[f(x)] - E_z[f(G(z))]‖², f the discriminator's head `features` [B, F]. Salimans et al. let
    the generator minimise this alone; here it stands beside the adversarial loss.

    Args:
      weight: λ, a number or a schedule of the step.
      every: in every n-th update, with weight nλ.

    Returns:
      A `Penalty` for the generator, which couples the examples of a batch.

    Raises:
      ValueError: if the weight is negative, `every` is not a positive integer or, when played, the
        discriminator has no such head.

    Example:
      >>> outputs = {"real": {"features": jnp.asarray([[1.0], [3.0]])},
      ...            "fake": {"features": jnp.asarray([[0.0], [1.0]])}}
      >>> view = View(params={}, discriminator=abs, scene={}, context=None, player="gen",
      ...             outputs=outputs)
      >>> float(feature_matching().terms[0].values(view, ())[0])  # (2 - ½)²
      2.25

    References:
      Salimans et al., 2016 (arXiv:1606.03498), section 3.1.
    """

    def values(view: View, state: PyTree) -> tuple[Array, PyTree]:
        real, fake = (
            jnp.mean(view.head(which, "features", "feature_matching"), axis=0)
            for which in ("real", "fake")
        )
        return jnp.sum((real - fake) ** 2), state

    return Penalty(
        (
            Term(
                name="feature_matching",
                values=values,
                weight=weight,
                every=every,
                couples_batch=True,
                players=("gen",),
            ),
        )
    )
