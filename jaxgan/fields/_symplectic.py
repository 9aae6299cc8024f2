"""Symplectic gradient adjustment."""

from __future__ import annotations

from typing import Literal

import jax
import jax.numpy as jnp

from jaxgan.core.field import Field, Pull, linearize
from jaxgan.core.game import warn_if_detached
from jaxgan.core.ranges import Finite, FiniteSchedule, checked
from jaxgan.core.schedules import at
from jaxgan.core.state import Context
from jaxgan.core.typing import Batch, PlayerTree, PyTree
from jaxgan.fields import trees


@checked
def symplectic(
    field: Field,
    *,
    lam: FiniteSchedule = 1.0,
    align: bool = True,
    eps: Finite = 0.1,
    count: Literal["parameters", "tensors"] = "parameters",
) -> Field:
    """Corrects the field by its antisymmetric part: ξ + λ Aᵀ ξ, A = ½ (J - Jᵀ).

    A is what rotates. In a game without it (all players descend one function) nothing changes; in
    a game that only rotates, the adjustment points at the equilibrium. With `align` λ takes the
    sign of ⟨ξ, Jᵀξ⟩ ⟨Aᵀξ, Jᵀξ⟩ / d + ε, which attracts to stable equilibria and repels from
    unstable ones; the ε makes up the mind where the products are small.

    Args:
      field: such as `gradient(game)`.
      lam: λ, a number or a schedule of the step.
      align: whether λ's sign is chosen so.
      eps: ε.
      count: d, the number of parameters as in the paper, or of tensors as in the authors' code.

    Returns:
      A `Field`.

    Raises:
      ValueError: if a number is not finite, or `count` is neither.

    Example:
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import bilinear
      >>> field = symplectic(gradient(bilinear()))
      >>> params, net_state = field.game.init(jax.random.key(0))
      >>> pull, _, _ = field.apply(params, (), net_state, {}, Context(jax.random.key(0)))
      >>> pull["gen"].tolist(), pull["disc"].tolist()
      ([2.0], [0.0])

    References:
      Balduzzi et al., 2018 (arXiv:1802.05642), algorithm 1; ε: section 4.
    """
    warn_if_detached(field.game, "symplectic")

    def apply(
        params: PlayerTree,
        memory: PyTree,
        net_state: PlayerTree,
        batch: Batch,
        context: Context,
    ) -> Pull:
        here = linearize(field, params, memory, net_state, batch, context)
        back, forth = here.vjp(here.pull), here.jvp(here.pull)
        adjustment = jax.tree.map(lambda x, y: 0.5 * (x - y), back, forth)
        weight = at(lam, context.step)
        if align:
            leaves = jax.tree.leaves(params)
            d = len(leaves) if count == "tensors" else sum(leaf.size for leaf in leaves)
            product = trees.dot(here.pull, back) * trees.dot(adjustment, back)
            weight = jnp.asarray(weight, product.dtype) * jnp.sign(product / d + eps)
        return trees.add(here.pull, weight, adjustment), here.memory, here.rest

    return Field(game=field.game, init=field.init, apply=apply)
