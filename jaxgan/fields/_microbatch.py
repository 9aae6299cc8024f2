"""Gradient accumulation."""

from __future__ import annotations

import warnings
from dataclasses import replace

import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.core.field import Field, Pull
from jaxgan.core.ranges import Width, checked
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, Batch, PlayerTree, PyTree


@checked
def microbatch(field: Field, *, num_parts: Width) -> Field:
    """Evaluates a field in parts of the batch, one after the other, and averages.

    ξ(w; B) = (1/n) Σ_i ξ(w; B_i), which equals the large batch's field for losses that are means
    over examples. Latents are drawn for the full batch and then split, so the parts see the very
    numbers of the large batch; noise inside a network (dropout) differs. It goes innermost:
    `consensus(microbatch(gradient(game), num_parts=n))` is the large-batch method.

    Args:
      field: such as `gradient(game)`.
      num_parts: n, which divides the batch.

    Returns:
      A `Field`. It warns if the game couples examples (batch norm, minibatch statistics), since
      then each part is normalised by itself.

    Raises:
      ValueError: if `num_parts` is not positive or, when played, does not divide the batch.

    Example:
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import dirac
      >>> field, parts = gradient(dirac()), microbatch(gradient(dirac()), num_parts=2)
      >>> params, net_state = field.game.init(jax.random.key(0))
      >>> batch, context = {"image": jnp.zeros((4, 1))}, Context(jax.random.key(0))
      >>> whole = field.apply(params, (), net_state, batch, context)[0]
      >>> split = parts.apply(params, (), net_state, batch, context)[0]
      >>> bool(jnp.allclose(whole["gen"], split["gen"]))
      True

    References:
      Ott et al., 2018 (arXiv:1806.00187), section 3.3.
    """

    if num_parts > 1 and field.game.couples_batch:
        warnings.warn(
            "microbatch: the game couples the examples of a batch (batch norm, minibatch "
            "statistics, a term's memory), so the parts together do not equal the large batch",
            stacklevel=2,
        )

    def apply(
        params: PlayerTree,
        memory: PyTree,
        net_state: PlayerTree,
        batch: Batch,
        context: Context,
    ) -> Pull:
        parts = jax.tree.map(lambda x: _split(x, num_parts), batch)

        def body(
            carry: tuple[PyTree, PlayerTree], part: tuple[Array, Batch]
        ) -> tuple[tuple[PyTree, PlayerTree], tuple[PlayerTree, PyTree]]:
            memory, net_state = carry
            index, piece = part
            inner = replace(
                context,
                part=context.part * num_parts + index,
                num_parts=context.num_parts * num_parts,
            )
            grads, memory, (net_state, metrics) = field.apply(
                params, memory, net_state, piece, inner
            )
            return (memory, net_state), (grads, metrics)

        indices = jnp.arange(num_parts, dtype=jnp.int32)
        (memory, net_state), (grads, metrics) = lax.scan(
            body, (memory, net_state), (indices, parts)
        )
        grads, metrics = jax.tree.map(lambda x: jnp.mean(x, axis=0), (grads, metrics))
        return grads, memory, (net_state, metrics)

    return field._replace(apply=apply)


def _split(x: Array, num_parts: int) -> Array:
    if x.shape[0] % num_parts:
        raise ValueError(
            f"num_parts is {num_parts}, which does not divide the batch of {x.shape[0]}"
        )
    return x.reshape(num_parts, x.shape[0] // num_parts, *x.shape[1:])
