"""A penalty on the spectral norms of a network's kernels."""

from __future__ import annotations

import operator
from functools import reduce

import jax
import jax.numpy as jnp

from jaxgan.core.derivatives import held
from jaxgan.core.penalty import Penalty, Term, View
from jaxgan.core.ranges import Count, NonNegativeSchedule, Repeats, checked
from jaxgan.core.typing import Array, PlayerTree, PyTree
from jaxgan.penalties._kernels import kernels, named


@checked
def spectral_norm_penalty(
    weight: NonNegativeSchedule = 0.01,
    *,
    every: Count = 1,
    player: str = "disc",
    num_iterations: Repeats = 1,
) -> Penalty:
    """The largest singular value of every kernel is small.

    λ/2 Σ_W σ(W)², kernels as matrices with one column per output. The singular vectors come from
    power iteration, which goes on from where the last update left it; σ = uᵀWv with u and v held
    constant in the gradient, which is λ Σ σ u vᵀ.

    Args:
      weight: λ, a number or a schedule of the step.
      every: in every n-th update, with weight nλ; the vectors move in those only.
      player: whose kernels, `"disc"` or `"gen"`.
      num_iterations: of power iteration in every update.

    Returns:
      A `Penalty` for that player, which remembers one vector per kernel.

    Raises:
      ValueError: if the weight is negative, `every` or `num_iterations` is not a positive integer
        or the player has no kernels.

    Example:
      >>> params = {"disc": {"kernel": jnp.asarray([[3.0, 0.0], [0.0, 1.0]])}}
      >>> term = spectral_norm_penalty(num_iterations=20).terms[0]
      >>> view = View(params=params, discriminator=abs, scene={}, context=None)
      >>> round(float(term.values(view, term.init(params))[0]), 4)  # ½ 3²
      4.5

    References:
      Yoshida & Miyato, 2017 (arXiv:1705.10941).
    """
    name = named("spectral_norm_penalty", player)

    def init(params: PlayerTree) -> PyTree:
        # No kernel that a network learns is orthogonal to these.
        keys = jax.random.split(jax.random.key(0), len(kernels(params[player], name)))
        found = zip(keys, kernels(params[player], name), strict=True)
        return {"vectors": [jax.random.normal(k, w.shape[1:], w.dtype) for k, w in found]}

    def values(view: View, state: PyTree) -> tuple[Array, PyTree]:
        halves, vectors = [], []
        for matrix, v in zip(
            kernels(view.owned(player, name), name), state["vectors"], strict=True
        ):
            fixed = held(matrix, view.params)
            for _ in range(num_iterations):
                u = _unit(fixed @ v, jnp.zeros(fixed.shape[0], fixed.dtype))
                v = _unit(fixed.T @ u, v)
            sigma = u @ matrix @ v
            halves.append(0.5 * sigma * sigma)
            vectors.append(v)
        return reduce(operator.add, halves), {"vectors": vectors}

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


def _unit(vector: Array, instead: Array) -> Array:
    """The vector at length 1; `instead` where it has none, so that a zero kernel may still grow."""
    squared = jnp.sum(vector * vector)
    has_length = squared > 0
    return jnp.where(has_length, vector / jnp.sqrt(jnp.where(has_length, squared, 1.0)), instead)
