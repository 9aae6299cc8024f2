"""Historical averaging: parameters stay near their own past."""

from __future__ import annotations

import operator
from functools import reduce

import jax
import jax.numpy as jnp

from jaxgan.core.penalty import Penalty, Term, View
from jaxgan.core.ranges import Count, NonNegativeSchedule, checked
from jaxgan.core.typing import Array, PlayerTree, PyTree
from jaxgan.penalties._averages import zero
from jaxgan.penalties._kernels import named


@checked
def historical_averaging(
    weight: NonNegativeSchedule = 1.0, *, every: Count = 1, player: str = "disc"
) -> Penalty:
    """A player's parameters stay near the mean of what they have been.

    λ ‖θ - (1/t) Σ_{i=1}^t θ_i‖² over the t updates before this one; 0 in the first. Inspired by
    fictitious play; it finds equilibria of low-dimensional games that gradient descent orbits. The
    paper names no λ.

    Args:
      weight: λ, a number or a schedule of the step.
      every: in every n-th update, with weight nλ; the mean is over those only.
      player: whose parameters, `"disc"` or `"gen"`. For both, add one of each.

    Returns:
      A `Penalty` for that player, which remembers `{"mean": ..., "count": t}`: as much as the
      parameters themselves.

    Raises:
      ValueError: if the weight is negative or `every` is not a positive integer.

    Example:
      >>> term = historical_averaging().terms[0]
      >>> state, seen = term.init({"disc": jnp.zeros(1)}), []
      >>> for theta in (1.0, 3.0, 5.0):
      ...     view = View(params={"disc": jnp.full(1, theta)}, discriminator=abs, scene={},
      ...                 context=None)
      ...     value, state = term.values(view, state)
      ...     seen.append(float(value))
      >>> seen  # 0, (3 - 1)², (5 - (1 + 3)/2)²
      [0.0, 4.0, 9.0]

    References:
      Salimans et al., 2016 (arXiv:1606.03498), section 3.3.
    """
    name = named("historical_averaging", player)

    def init(params: PlayerTree) -> PyTree:
        own = params[player]
        return {"mean": jax.tree.map(jnp.zeros_like, own), "count": zero(own)}

    def values(view: View, state: PyTree) -> tuple[Array, PyTree]:
        own, count = view.owned(player, name), state["count"]
        gaps = jax.tree.map(operator.sub, own, state["mean"])
        has_past = jnp.minimum(count, 1.0)
        squares = [jnp.sum(gap * gap).astype(count.dtype) for gap in jax.tree.leaves(gaps)]

        def average(mean: Array, gap: Array) -> Array:
            average: Array = mean + gap / (count + 1.0).astype(mean.dtype)
            return average

        mean = jax.tree.map(average, state["mean"], gaps)
        return has_past * reduce(operator.add, squares), {"mean": mean, "count": count + 1.0}

    # Each part of a batch that is split moves the state once more.
    term = Term(
        name=name,
        values=values,
        weight=weight,
        every=every,
        init=init,
        couples_batch=True,
        players=(player,),
    )
    return Penalty((term,))
