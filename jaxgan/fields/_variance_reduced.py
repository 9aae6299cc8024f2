"""A field whose noise is that of its change since a snapshot."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.core.examples import num_examples
from jaxgan.core.field import Field, Pull
from jaxgan.core.ranges import Fraction, Width, checked
from jaxgan.core.state import Context
from jaxgan.core.typing import Batch, PlayerTree, PyTree
from jaxgan.fields import trees
from jaxgan.fields._microbatch import microbatch


@checked
def variance_reduced(
    field: Field, *, data: Batch, refresh: Fraction, num_parts: Width = 1
) -> Field:
    r"""The field of a batch, corrected by what the batch says of a snapshot: SVRE, SVRG.

    .. math:: \xi_B(w) - \xi_B(\hat w) + \mu, \qquad \mu = \xi_{data}(\hat w)

    with the batch B and latents z the same in both evaluations. Its mean over batches of the data
    is ξ(w), and its variance vanishes as w and the snapshot ŵ come together, so that a constant
    step size converges where plain stochastic steps walk about. With probability `refresh` a step
    begins with a new snapshot, ŵ = w, and a pass over all data for μ; the first step always does.

    `extragradient(variance_reduced(gradient(game), ...), ...)` is SVRE, `simultaneous` SVRG; in the
    paper a snapshot lasts for an epoch on average: `refresh` is the size of a batch over that of
    the data. Latents of μ are drawn once for each example, so that what is left is their noise: the
    paper's theory is of finite sums.

    Args:
      field: such as `gradient(game)`, of losses that are means over examples.
      data: all examples that batches are drawn from, arrays of JAX [n, ...] on the device.
      refresh: the probability of a new snapshot in a step.
      num_parts: of the pass over all data, which is made in so many pieces; it divides n.

    Returns:
      A `Field`, whose memory is the snapshot and μ: twice the parameters. Two evaluations of each
      batch, and n / B more where the snapshot is new: 1 on average at the paper's rate, and all of
      them under `vmap`.

    Raises:
      ValueError: if the data are not on the device, or the probability is none.

    Example:
      The noise of f = (a x y), a = 1 or 3, is gone where the snapshot is:

      >>> from jaxgan.core.game import zero_sum
      >>> from jaxgan.fields import gradient
      >>> game = zero_sum(lambda key: {"gen": jnp.ones(1), "disc": jnp.ones(1)},
      ...                 lambda params, batch, context: jnp.mean(
      ...                     batch["image"] * params["gen"] * params["disc"]))
      >>> data = {"image": jnp.asarray([1.0, 3.0])}
      >>> field = variance_reduced(gradient(game), data=data, refresh=0.5)
      >>> params, net_state = game.init(jax.random.key(0))
      >>> for a in (1.0, 3.0):
      ...     pull, _, _ = field.apply(params, field.init(params), net_state,
      ...                              {"image": jnp.asarray([a])}, Context(jax.random.key(0)))
      ...     print(pull["gen"].tolist())
      [2.0]
      [2.0]

    References:
      Chavdarova et al., 2019 (arXiv:1904.08598), algorithm 1; SVRG: Johnson & Zhang, 2013; for
      games: Palaniappan & Bach, 2016 (arXiv:1605.06398).
    """
    if not _is_on_device(data):
        kinds = jax.tree.map(lambda leaf: type(leaf).__name__, data)
        kinds = kinds if isinstance(data, dict) else type(data).__name__
        raise ValueError(
            f"data is {kinds}; it must be finite data on the device: arrays of JAX [n, ...], as "
            "jax.device_put makes them"
        )
    num_examples(data)
    whole = microbatch(field, num_parts=num_parts) if num_parts > 1 else field

    def apply(
        params: PlayerTree,
        memory: PyTree,
        net_state: PlayerTree,
        batch: Batch,
        context: Context,
    ) -> Pull:
        now = jnp.asarray(context.step, jnp.int32)
        # Once a step: its other evaluations keep the snapshot.
        key = jax.random.fold_in(context.stream("snapshot"), context.part)
        drawn = jax.random.uniform(key) < refresh
        is_first = memory["step"] < 0
        is_new = is_first | ((memory["step"] != now) & drawn)

        def taken(_: PyTree) -> tuple[PlayerTree, PlayerTree]:
            alone = replace(context, part=jnp.int32(0), num_parts=1)
            mean = whole.apply(params, memory["field"], net_state, data, alone)[0]
            return params, mean

        kept = (memory["snapshot"], memory["mean"])
        snapshot, mean = lax.cond(is_new, taken, lambda same: same, kept)
        pull, own, rest = field.apply(params, memory["field"], net_state, batch, context)
        past = field.apply(snapshot, memory["field"], net_state, batch, context)[0]
        total = trees.add(trees.add(pull, -1.0, past), 1.0, mean)
        moved = {
            "field": own,
            "snapshot": snapshot,
            "mean": mean,
            "step": now,
        }
        return total, moved, rest

    def init(params: PlayerTree) -> PyTree:
        return {
            "field": field.init(params),
            "snapshot": jax.tree.map(jnp.copy, params),
            "mean": trees.zeros(params),
            "step": jnp.int32(-1),
        }

    return Field(game=field.game, init=init, apply=apply)


def _is_on_device(data: Batch) -> bool:
    leaves = jax.tree.leaves(data)
    return bool(leaves) and all(isinstance(leaf, jax.Array) for leaf in leaves)
