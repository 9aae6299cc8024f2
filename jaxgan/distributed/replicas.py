"""Replicas that only average: the per-replica mode."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, cast

import jax
import jax.numpy as jnp
from jax import lax
from jax.sharding import Mesh, PartitionSpec

from jaxgan.core.game import Game, Played
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, Batch, PlayerTree, PyTree, Scene
from jaxgan.distributed.sharding import DATA_AXIS, MODEL_AXIS


def replica_mean(game: Game, *, mesh: Mesh) -> Game:
    """The game of replicas that only average: the per-replica (`pmap`) mode, by `shard_map`.

    L_p = (1/R) Σ_r L_p(batch_r): each of the R devices plays its part of the batch by itself, so
    batch norm and minibatch statistics are those of that part, and losses, running statistics and
    metrics are averaged. A gradient of it is the average of the replicas' gradients, and so is all
    that is built on it: `consensus` of it, `unrolled` of it with its inner gradients averaged too.
    For losses that are means over examples it is the game itself. Latents are those of the global
    batch, sliced; noise inside a network differs on every replica.

    It is a map of games and not of fields because a mean of fields would have to be innermost and
    known to every lookahead; a mean of losses is innermost by itself.

    Args:
      game: any game that does not look ahead.
      mesh: the devices, R of them, each with all parameters.

    Returns:
      A `Game`, to be played under `jit` over that mesh.

    Raises:
      ValueError: if the game looks ahead (the replicas' foreseen discriminators would differ: use
        `unrolled(replica_mean(game, mesh=mesh))`), or the mesh splits the parameters.

    Example:
      >>> from jaxgan.games import dirac
      >>> context, batch = Context(jax.random.key(0)), {"image": jnp.arange(4.0)[:, None]}
      >>> params, net_state = dirac().init(context.key)
      >>> def loss(game):
      ...     scene, _ = game.generate(params, net_state, batch, context)
      ...     return game.losses(params, net_state, scene, context)[0]["disc"]
      >>> from jaxgan.distributed import make_mesh
      >>> replicas = replica_mean(dirac(), mesh=make_mesh(2))
      >>> bool(jnp.allclose(jax.jit(loss, static_argnums=0)(replicas), loss(dirac())))
      True

    References:
      Goyal et al., 2017 (arXiv:1706.02677), section 2.3, on statistics per replica.
    """
    if game.is_unrolled:
        raise ValueError(
            "replica_mean: the game looks ahead, and each replica would foresee another opponent; "
            "use unrolled(replica_mean(game, mesh=mesh))"
        )
    if mesh.shape[MODEL_AXIS] > 1:
        raise ValueError(
            f"replica_mean: mesh.model is {mesh.shape[MODEL_AXIS]}; a replica has all parameters, "
            "so it must be 1"
        )
    num = mesh.shape[DATA_AXIS]
    whole, split = PartitionSpec(), PartitionSpec(DATA_AXIS)

    # Nothing is differentiated with respect to parameters inside, so the replicas' sums are made
    # once, by the transposition of the whole.
    spread = partial(jax.shard_map, mesh=mesh, check_vma=False)

    def here(context: Context) -> Context:
        part = context.part * num + lax.axis_index(DATA_AXIS)
        return replace(context, part=part, num_parts=context.num_parts * num)

    def generate(
        params: PlayerTree, net_state: PlayerTree, batch: Batch, context: Context
    ) -> tuple[Scene, PlayerTree]:
        def local(
            params: PlayerTree, net_state: PlayerTree, batch: Batch, context: Context
        ) -> tuple[Scene, PlayerTree]:
            scene, new_state = game.generate(params, net_state, batch, here(context))
            return scene, _mean(new_state)

        run = spread(local, in_specs=(whole, whole, split, whole), out_specs=(split, whole))
        return cast(tuple[Scene, PlayerTree], run(params, net_state, batch, context))

    def losses(params: PlayerTree, net_state: PlayerTree, scene: Scene, context: Context) -> Played:
        def local(
            params: PlayerTree, net_state: PlayerTree, scene: Scene, context: Context
        ) -> tuple[PyTree, PyTree]:
            values, (new_state, metrics, outputs) = game.losses(
                params, net_state, scene, here(context)
            )
            return _mean((values, new_state, metrics)), outputs

        run = spread(local, in_specs=(whole, whole, split, whole), out_specs=(whole, split))
        (values, new_state, metrics), outputs = run(params, net_state, scene, context)
        return values, (new_state, metrics, outputs)

    def critic(
        params: PlayerTree, net_state: PlayerTree, inputs: PyTree, scene: Scene, context: Context
    ) -> Any:
        run = spread(
            lambda params, net_state, inputs, scene, context: game.critic(
                params, net_state, inputs, scene, here(context)
            ),
            in_specs=(whole, whole, split, split, whole),
            out_specs=split,
        )
        return run(params, net_state, inputs, scene, context)

    return game._replace(generate=generate, losses=losses, critic=critic)


def _mean(tree: PyTree) -> PyTree:
    """The replicas' average; counts and keys are the same on all."""

    def mean(x: Array) -> Array:
        return lax.pmean(x, DATA_AXIS) if jnp.issubdtype(x.dtype, jnp.inexact) else x

    return jax.tree.map(mean, tree)
