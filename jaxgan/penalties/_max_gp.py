"""MaxGP: a gradient penalty on the steepest point of a batch."""

from __future__ import annotations

import jax.numpy as jnp

from jaxgan.core.penalty import Penalty, Term, View, squared_norm
from jaxgan.core.ranges import Count, NonNegativeSchedule, checked
from jaxgan.core.typing import Array, PyTree
from jaxgan.penalties._interpolates import interpolates


@checked
def max_gp(weight: NonNegativeSchedule = 0.1, *, every: Count = 1) -> Penalty:
    """MaxGP: the discriminator's Lipschitz constant, estimated at the steepest of many points.

    λ max_i ‖∇_x D(x̂_i)‖² over the batch's points x̂ between real and generated examples, as for
    `wgan_gp`. A penalty on the mean slope lets some points be steep; this one bounds them all. The
    authors' code also looks at the steepest points of earlier batches again.

    Args:
      weight: λ, a number or a schedule of the step; that of the authors' code by default.
      every: in every n-th update, with weight nλ.

    Returns:
      A `Penalty` for the discriminator, which couples the examples of a batch.

    Raises:
      ValueError: if the weight is negative or `every` is not a positive integer.

    Example:
      >>> import jax
      >>> from jaxgan.core.state import Context
      >>> scene = {"real": jnp.asarray([[1.0], [3.0]]), "fake": jnp.asarray([[1.0], [3.0]])}
      >>> view = View(params={}, discriminator=lambda x: 0.5 * x[:, 0] ** 2, scene=scene,
      ...             context=Context(jax.random.key(0)))
      >>> round(float(max_gp().terms[0].values(view, ())[0]), 4)  # slopes 1 and 3
      9.0

    References:
      Zhou et al., 2019 (arXiv:1902.05687).
    """

    def values(view: View, state: PyTree) -> tuple[Array, PyTree]:
        slopes = squared_norm(view.input_gradient(interpolates(view, "max_gp")))
        return jnp.max(slopes), state

    return Penalty(
        (Term(name="max_gp", values=values, weight=weight, every=every, couples_batch=True),)
    )
