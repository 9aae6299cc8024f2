"""The pulling-away term of EBGAN."""

from __future__ import annotations

import jax.numpy as jnp

from jaxgan.core.penalty import Penalty, Term, View, norm
from jaxgan.core.ranges import Count, NonNegativeSchedule, checked
from jaxgan.core.typing import Array, PyTree


@checked
def pull_away(weight: NonNegativeSchedule = 0.1, *, every: Count = 1) -> Penalty:
    """The codes of generated examples point in different directions.

    λ / (N (N - 1)) Σ_{i≠j} cos²(s_i, s_j), s the discriminator's head `code` [N, C] (an
    autoencoder's code) of the generated batch. A code of zero has cosine 0 with every other.

    Args:
      weight: λ, a number or a schedule of the step.
      every: in every n-th update, with weight nλ.

    Returns:
      A `Penalty` for the generator, which couples the examples of a batch.

    Raises:
      ValueError: if the weight is negative, `every` is not a positive integer or, when played, the
        discriminator has no such head or the batch one example only.

    Example:
      >>> code = jnp.asarray([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]])
      >>> view = View(params={}, discriminator=abs, scene={}, context=None, player="gen",
      ...             outputs={"fake": {"code": code}})
      >>> round(float(pull_away().terms[0].values(view, ())[0]), 4)  # one pair of three
      0.3333

    References:
      Zhao et al., 2017 (arXiv:1609.03126), section 2.4; 0.1 is the weight of its experiments.
    """

    def values(view: View, state: PyTree) -> tuple[Array, PyTree]:
        code = view.head("fake", "code", "pull_away")
        if (num := code.shape[0]) < 2:
            raise ValueError(f"pull_away: the batch has {num} example; it needs two")
        length = norm(code)
        unit = code / jnp.where(length > 0, length, 1.0)[:, None]
        cosines = unit @ unit.T
        others = 1.0 - jnp.eye(num, dtype=code.dtype)
        return jnp.sum(others * cosines**2) / (num * (num - 1)), state

    return Penalty(
        (
            Term(
                name="pull_away",
                values=values,
                weight=weight,
                every=every,
                couples_batch=True,
                players=("gen",),
            ),
        )
    )
