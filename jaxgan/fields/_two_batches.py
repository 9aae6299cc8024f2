"""A field and its Jacobian from independent halves of the batch."""

from __future__ import annotations

from dataclasses import replace

import jax

from jaxgan.core.field import Field, Pull
from jaxgan.core.ranges import checked
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, Batch, PlayerTree, PyTree


@checked
def two_batches(field: Field) -> Field:
    """The field on the first half of the batch, with the Jacobian of the second half.

    Methods that multiply the field by its own Jacobian are biased where both are of one batch of B
    examples: of losses that are means over examples, with ξ_i and J_i of one example alone,

      E[J_Bᵀ ξ_B] = Jᵀ ξ + (E[J_iᵀ ξ_i] - Jᵀ ξ) / B.

    The second term is ½ ∇ tr Cov(ξ_i) / B: players then also descend the noise of their gradients.
    From independent halves the product has the mean Jᵀ ξ. So `consensus(two_batches(field))` and
    `symplectic(two_batches(field), align=False)` are unbiased; a sign or a linear solve made of
    products is not, since it is not linear in them. A derivative through a training step, as
    `analysis.hypergradient` and `analysis.step_multipliers` take it, has the second half's Jacobian
    too, and is not that of the step. Each half has its own latents. What is not
    differentiated is of the first half alone, and costs nothing for the second.

    Args:
      field: such as `gradient(game)`; the methods that take its Jacobian go around the result.

    Returns:
      A `Field`, with the memory, network states and metrics of the first half.

    Raises:
      ValueError: when played, if the batch is of an odd number of examples.

    Example:
      The loss w² times the mean of the batch has its slope from the first half, of mean 1, and its
      second derivative from the other, of mean 5:

      >>> import jax.numpy as jnp
      >>> from jaxgan.core.game import general_sum
      >>> from jaxgan.fields import gradient, linearize
      >>> game = general_sum(lambda key: {"one": jnp.ones(())}, lambda params, batch, context: {
      ...     "one": params["one"] ** 2 * jnp.mean(batch["image"])})
      >>> params, net_state = game.init(jax.random.key(0))
      >>> at = linearize(two_batches(gradient(game)), params, (), net_state,
      ...                {"image": jnp.asarray([1.0, 1.0, 5.0, 5.0])}, Context(jax.random.key(0)))
      >>> float(at.pull["one"]), float(at.jvp({"one": jnp.ones(())})["one"])
      (2.0, 10.0)

    References:
      Baird, "Residual Algorithms", 1995, has independent samples for products of expectations.
    """

    def apply(
        params: PlayerTree,
        memory: PyTree,
        net_state: PlayerTree,
        batch: Batch,
        context: Context,
    ) -> Pull:
        def half(index: int) -> Pull:
            part = jax.tree.map(lambda x: _half(x, index), batch)
            here = replace(context, part=context.part * 2 + index, num_parts=context.num_parts * 2)
            return field.apply(params, memory, net_state, part, here)

        pull, new_memory, rest = half(0)
        return _with_derivative_of(pull, half(1)[0]), new_memory, rest

    return field._replace(apply=apply)


def _half(x: Array, index: int) -> Array:
    if x.shape[0] % 2:
        raise ValueError(f"the batch has {x.shape[0]} examples; two_batches needs an even number")
    num = x.shape[0] // 2
    return x[index * num : (index + 1) * num]


@jax.custom_jvp
def _with_derivative_of(value: PyTree, other: PyTree) -> PyTree:
    return value


@_with_derivative_of.defjvp
def _(primals: tuple[PyTree, PyTree], tangents: tuple[PyTree, PyTree]) -> tuple[PyTree, PyTree]:
    return _with_derivative_of(*primals), tangents[1]
