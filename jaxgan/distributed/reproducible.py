"""The same bits on any number of devices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jaxgan.core.game import Game, Played
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, Batch, PlayerTree, PyTree, Scene
from jaxgan.distributed.sharding import MODEL_AXIS

MAX_TURNS = 8

Play = Callable[[PyTree, PyTree, Context], tuple[PyTree, PyTree]]
"""(parameters and the like, a part of the batch, context) -> (to be averaged, one per example)."""


def reproducible(game: Game, *, num_shards: int, mesh: Mesh) -> Game:
    num_devices = mesh.devices.size
    pairs = _pairs(mesh)
    run = partial(_over_shards, num_shards=num_shards, mesh=pairs)

    def generate(
        params: PlayerTree, net_state: PlayerTree, batch: Batch, context: Context
    ) -> tuple[Scene, PlayerTree]:
        def play(whole: PyTree, part: Batch, context: Context) -> tuple[PyTree, PyTree]:
            scene, new_state = game.generate(*whole, part, context)
            return new_state, scene

        new_state, scene = run(play, (params, net_state), batch, context)
        return scene, new_state

    def losses(params: PlayerTree, net_state: PlayerTree, scene: Scene, context: Context) -> Played:
        def play(whole: PyTree, part: Scene, context: Context) -> tuple[PyTree, PyTree]:
            values, (new_state, metrics, outputs) = game.losses(*whole, part, context)
            return (values, new_state, metrics), outputs

        (values, new_state, metrics), outputs = run(play, (params, net_state), scene, context)
        return values, (new_state, metrics, outputs)

    def critic(
        params: PlayerTree, net_state: PlayerTree, inputs: PyTree, scene: Scene, context: Context
    ) -> Any:
        def play(whole: PyTree, part: Any, context: Context) -> tuple[PyTree, PyTree]:
            return (), game.critic(*whole, *part, context)

        return run(play, (params, net_state), (inputs, scene), context)[1]

    return game._replace(generate=generate, losses=losses, critic=critic)


def _pairs(mesh: Mesh) -> Mesh:
    """The devices with an axis of two for each level of the tree."""
    levels = mesh.devices.size.bit_length() - 1
    names = tuple(f"pair{level}" for level in range(levels))
    grid = mesh.devices.reshape((2,) * levels)
    return Mesh(grid, names, axis_types=(AxisType.Auto,) * levels)


def _over_shards(
    play: Play, whole: PyTree, split: PyTree, context: Context, *, num_shards: int, mesh: Mesh
) -> tuple[PyTree, PyTree]:
    names = mesh.axis_names
    num_parts = 2 * num_shards
    num_local = num_parts // mesh.size
    each, rows = PartitionSpec(*names), PartitionSpec(names)

    def local(copies: PyTree, split: PyTree, context: Context) -> tuple[PyTree, PyTree]:
        own = jax.tree.map(lambda x: x.reshape(x.shape[len(names) :]), copies)
        device = lax.axis_index(names) if names else 0
        sums, rest = _in_turn(play, own, split, context, device * num_local, num_local, num_parts)
        return jax.tree.map(lambda x: x.reshape((1,) * len(names) + x.shape), sums), rest

    if names:
        local = jax.shard_map(
            local,
            mesh=mesh,
            in_specs=(each, rows, PartitionSpec()),
            out_specs=(each, rows),
            check_vma=False,
        )
    sums, rest = local(_copies(whole, mesh), split, context)
    return jax.tree.map(lambda x: _total(x, mesh, num_parts), sums), rest


def _in_turn(
    play: Play,
    whole: PyTree,
    split: PyTree,
    context: Context,
    first: Array,
    num: int,
    num_parts: int,
) -> tuple[PyTree, PyTree]:
    """Plays `num` parts, the first of them number `first`, and adds what they give in pairs."""
    if num == 1:
        here = replace(
            context,
            part=context.part * num_parts + first,
            num_parts=context.num_parts * num_parts,
        )
        # Barriers keep the compiler from fusing a part with what differs around it.
        return lax.optimization_barrier(play(*lax.optimization_barrier((whole, split)), here))

    num_turns = min(num, MAX_TURNS)
    each = num // num_turns

    def turn(given: tuple[Array, PyTree, PyTree]) -> tuple[PyTree, PyTree]:
        first, whole, split = given
        return _in_turn(play, whole, split, context, first, each, num_parts)

    firsts = first + each * jnp.arange(num_turns, dtype=jnp.int32)
    parts = jax.tree.map(lambda x: x.reshape(num_turns, -1, *x.shape[1:]), split)
    sums, rest = lax.map(turn, (firsts, _repeat(whole, num_turns), parts))
    return (
        jax.tree.map(_sum_in_pairs, sums),
        jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), rest),
    )


def _repeat(tree: PyTree, num: int) -> PyTree:
    """Copies along a new first axis, made by doubling: their gradients are added in pairs."""
    tree = jax.tree.map(lambda x: x[None], tree)
    while num > 1:
        # The transpose adds neighbors: [a, b] -> [a, a, b, b].
        tree = jax.tree.map(lambda x: jnp.stack([x, x], 1).reshape(-1, *x.shape[1:]), tree)
        num //= 2
    return tree


def _sum_in_pairs(x: Array) -> Array:
    if not _is_float(x):
        return x[0]
    while len(x) > 1:
        pairs = x.reshape(-1, 2, *x.shape[1:])
        x = pairs[:, 0] + pairs[:, 1]
    return x[0]


def _copies(tree: PyTree, mesh: Mesh) -> PyTree:
    """A copy on each device; a gradient of them is added in pairs."""
    tree = lax.optimization_barrier(tree)
    for level in range(len(mesh.axis_names)):
        placed = NamedSharding(mesh, PartitionSpec(*mesh.axis_names[: level + 1]))

        def copy(x: Array) -> Array:
            shape = (*x.shape[:level], 2, *x.shape[level:])
            x = jnp.broadcast_to(jnp.expand_dims(x, level), shape)
            return lax.with_sharding_constraint(x, placed)

        tree = lax.optimization_barrier(jax.tree.map(copy, tree))
    return tree


def _total(x: Array, mesh: Mesh, num_parts: int) -> Array:
    """The mean over the shards, of sums that lie on the devices: added in pairs, neighbors first."""
    x = lax.optimization_barrier(x)
    for level in reversed(range(len(mesh.axis_names))):
        placed = NamedSharding(mesh, PartitionSpec(*mesh.axis_names[:level]))
        x = jnp.sum(x, axis=level) if _is_float(x) else lax.index_in_dim(x, 0, level, keepdims=False)
        x = lax.optimization_barrier(lax.with_sharding_constraint(x, placed))
    return x / num_parts if _is_float(x) else x


def _is_float(x: Array) -> bool:
    return bool(jnp.issubdtype(x.dtype, jnp.inexact))
