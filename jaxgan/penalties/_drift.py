"""Drift: the critic's values of real examples stay near zero."""

from __future__ import annotations

import jax.numpy as jnp

from jaxgan.core.penalty import Penalty, Term, View
from jaxgan.core.ranges import Count, NonNegativeSchedule, checked
from jaxgan.core.typing import Array, PyTree


@checked
def drift(weight: NonNegativeSchedule = 1e-3, *, every: Count = 1) -> Penalty:
    """A critic of which only differences count does not drift away from zero.

    ε E_x[D(x)²] over real examples. The value of a Wasserstein critic is known up to a constant
    only, which nothing else holds.

    Args:
      weight: ε, a number or a schedule of the step.
      every: in every n-th update, with weight nε.

    Returns:
      A `Penalty` for the discriminator.

    Raises:
      ValueError: if the weight is negative, `every` is not a positive integer or, when played, the
        game has no discriminator's outputs.

    Example:
      >>> view = View(params={}, discriminator=abs, scene={}, context=None,
      ...             outputs={"real": jnp.asarray([3.0, -1.0])})
      >>> drift().terms[0].values(view, ())[0].tolist()
      [9.0, 1.0]

    References:
      Karras et al., 2018 (arXiv:1710.10196), appendix A.1.
    """

    def values(view: View, state: PyTree) -> tuple[Array, PyTree]:
        return jnp.square(view.head("real", "logits", "drift")), state

    return Penalty((Term(name="drift", values=values, weight=weight, every=every),))
