"""Orthogonal regularisation of a network's kernels."""

from __future__ import annotations

import operator
from functools import reduce

import jax.numpy as jnp

from jaxgan.core.penalty import Penalty, Term, View
from jaxgan.core.ranges import Count, NonNegativeSchedule, checked
from jaxgan.core.typing import Array, PyTree
from jaxgan.penalties._kernels import kernels, named


@checked
def orthogonal(
    weight: NonNegativeSchedule = 1e-4,
    *,
    every: Count = 1,
    off_diagonal: bool = False,
    player: str = "disc",
) -> Penalty:
    """The columns of every kernel are orthogonal: orthonormal, or of any length.

    β Σ_W ‖WᵀW - I‖²_F, or with `off_diagonal` β Σ_W ‖WᵀW ⊙ (1 - I)‖²_F, where W has one column per
    output, hence a convolution's filters are compared with each other. BigGAN has the second form,
    for the generator; its authors' code takes half of this formula's gradient.

    Args:
      weight: β, a number or a schedule of the step.
      every: in every n-th update, with weight nβ.
      off_diagonal: whether only inner products of different columns count.
      player: whose kernels, `"disc"` or `"gen"`.

    Returns:
      A `Penalty` for that player.

    Raises:
      ValueError: if the weight is negative, `every` is not a positive integer or, when played, the
        player has no kernels.

    Example:
      >>> view = View(params={"disc": {"kernel": jnp.asarray([[2.0, 0.0], [0.0, 1.0]])}},
      ...             discriminator=abs, scene={}, context=None)
      >>> both = orthogonal().terms[0], orthogonal(off_diagonal=True).terms[0]
      >>> [float(term.values(view, ())[0]) for term in both]
      [9.0, 0.0]

    References:
      Brock et al., 2017 (arXiv:1609.07093), there with absolute values; squared, and off the
      diagonal: Brock et al., 2019 (arXiv:1809.11096), eqs. 2 and 3.
    """
    name = named("orthogonal", player)

    def values(view: View, state: PyTree) -> tuple[Array, PyTree]:
        squares = []
        for matrix in kernels(view.params[view.player], name):
            gram, unit = matrix.T @ matrix, jnp.eye(matrix.shape[1], dtype=matrix.dtype)
            excess = gram * (1.0 - unit) if off_diagonal else gram - unit
            squares.append(jnp.sum(excess * excess))
        return reduce(operator.add, squares), state

    return Penalty((Term(name=name, values=values, weight=weight, every=every, players=(player,)),))
