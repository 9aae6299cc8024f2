"""The same bits on any number of devices."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jaxgan.core.errors import InputError, bad_value
from jaxgan.core.game import Game, Played
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, Batch, PlayerTree, PyTree, Scene
from jaxgan.distributed.sharding import MODEL_AXIS

MAX_TURNS = 8
"""Turns of one loop; more shards take loops in loops, since each turn has a copy of gradients."""

NO_FUSED_MULTIPLY_ADD = "--xla_cpu_max_isa=AVX"

Play = Callable[[PyTree, PyTree, Context], tuple[PyTree, PyTree]]
"""(parameters and the like, a part of the batch, context) -> (to be averaged, one per example)."""


def reproducible(game: Game, *, num_shards: int, mesh: Mesh) -> Game:
    r"""The game whose training has the same bits on any number of devices.

    .. math:: L_p = \frac 1 V \sum_{v=1}^V L_p(\text{batch}_v)

    The batch is V shards, whoever computes them. Each device plays its shards one after the other
    by one and the same program, and sums over shards, of losses, statistics and gradients of any
    order, go along one binary tree: those of a device first, then from device to device in pairs.
    So a run on a pod can be replayed on a laptop, or begun on eight devices and ended on two, bit
    for bit, on processors of one kind with one version of JAX. What is built on the game, such as
    `consensus` or `unrolled`, has the property too.

    For losses that are means over examples it is the game itself. Batch norm and minibatch
    statistics are those of a shard. Latents are those of the global batch, sliced; noise inside a
    network differs in every shard. A device holds copies of the parameters and their gradient, at
    most `MAX_TURNS` for each factor of `MAX_TURNS` of its shards.

    Compilers round a x + b once or twice, depending on what stands around it. On CPUs a flag of XLA
    forbids it, which has to be there before JAX starts: `XLA_FLAGS` with `--xla_cpu_max_isa=AVX`.
    `jaxgan train` sets it.

    Args:
      game: any game that does not look ahead.
      num_shards: V, a power of two that divides the batch; at least two for each device, since a
        compiler drops loops of one turn, and then rounds otherwise.
      mesh: the devices, a power of two of them, each with all parameters.

    Returns:
      A `Game`, to be played under `jit` over that mesh. It warns if the game couples the examples
      of a batch.

    Raises:
      ValueError: if the game looks ahead (use `unrolled(reproducible(...))`), the shards are no
        power of two or fewer than two for each device, the mesh splits the parameters or, when
        played, the shards do not divide the batch.
      InputError: if the devices are CPUs that fuse multiplications and additions; the message says
        what to set.

    Example:
      >>> from jaxgan.distributed import make_mesh
      >>> from jaxgan.games import dirac
      >>> reproducible(dirac(), num_shards=12, mesh=make_mesh(2))
      Traceback (most recent call last):
      ...
      ValueError: num_shards is 12; it must be a power of two, and at least 4 for 2 devices

    References:
      Demmel & Nguyen, 2015 (IEEE Trans. Computers 64), on reproducible sums.
    """
    _check(game, num_shards, mesh)
    pairs = _pairs(mesh)
    run = partial(_over_shards, num_shards=num_shards, mesh=pairs)

    def generate(
        params: PlayerTree, net_state: PlayerTree, batch: Batch, context: Context
    ) -> tuple[Scene, PlayerTree]:
        def play(whole: PyTree, part: Batch, context: Context) -> tuple[PyTree, PyTree]:
            params, net_state = whole
            scene, new_state = game.generate(params, net_state, part, context)
            return new_state, scene

        new_state, scene = run(play, (params, net_state), batch, context)
        return scene, new_state

    def losses(params: PlayerTree, net_state: PlayerTree, scene: Scene, context: Context) -> Played:
        def play(whole: PyTree, part: Scene, context: Context) -> tuple[PyTree, PyTree]:
            params, net_state = whole
            values, rest = game.losses(params, net_state, part, context)
            new_state, metrics, outputs = rest
            return (values, new_state, metrics), outputs

        (values, new_state, metrics), outputs = run(play, (params, net_state), scene, context)
        return values, (new_state, metrics, outputs)

    def critic(
        params: PlayerTree, net_state: PlayerTree, inputs: PyTree, scene: Scene, context: Context
    ) -> Any:
        def play(whole: PyTree, part: Any, context: Context) -> tuple[PyTree, PyTree]:
            params, net_state = whole
            inputs, scene = part
            return (), game.critic(params, net_state, inputs, scene, context)

        return run(play, (params, net_state), (inputs, scene), context)[1]

    return game._replace(generate=generate, losses=losses, critic=critic)


def _check(game: Game, num_shards: int, mesh: Mesh) -> None:
    if game.is_unrolled:
        raise ValueError(
            "reproducible: the game looks ahead, and each shard would foresee another opponent; "
            "use unrolled(reproducible(game, ...))"
        )
    if mesh.shape[MODEL_AXIS] > 1:
        raise ValueError(
            f"reproducible: mesh.model is {mesh.shape[MODEL_AXIS]}; each device has all "
            "parameters, so it must be 1"
        )
    if mesh.size & (mesh.size - 1):
        raise ValueError(f"reproducible: there are {mesh.size} devices; use a power of two of them")
    if num_shards & (num_shards - 1) or num_shards < 2 * mesh.size:
        allowed = f"a power of two, and at least {2 * mesh.size} for {mesh.size} devices"
        raise ValueError(bad_value("num_shards", num_shards, allowed))
    if mesh.devices.flat[0].platform == "cpu" and fuses_multiply_add():
        raise InputError(
            "reproducible: these CPUs fuse multiplications and additions, and so round by what "
            f"stands around them; set XLA_FLAGS={NO_FUSED_MULTIPLY_ADD} before JAX starts"
        )
    if game.couples_batch:
        warnings.warn(
            "reproducible: the game couples the examples of a batch (batch norm, minibatch "
            "statistics, a term's memory); each shard is normalized by itself",
            stacklevel=3,
        )


@functools.cache
def fuses_multiply_add() -> bool:
    """Whether compiled programs round a x + b once, where they may.

    Returns:
      Whether a product minus its rounded self is not 0.

    Example:
      >>> fuses_multiply_add() in (True, False)
      True
    """
    a = np.linspace(1.0, 2.0, 64, dtype=np.float32)
    b = a[::-1].copy()
    rest = jax.jit(lambda a, b, c: a * b - c)(a, b, a * b)
    return bool(np.any(np.asarray(rest)))


def _pairs(mesh: Mesh) -> Mesh:
    """The devices with an axis of two for each level of the tree."""
    levels = mesh.devices.size.bit_length() - 1
    names = tuple(f"pair{level}" for level in range(levels))
    grid = mesh.devices.reshape((2,) * levels)
    return Mesh(grid, names, axis_types=(AxisType.Auto,) * levels)


def _over_shards(
    play: Play, whole: PyTree, split: PyTree, context: Context, *, num_shards: int, mesh: Mesh
) -> tuple[PyTree, PyTree]:
    for x in jax.tree.leaves(split):
        if x.shape[0] % num_shards:
            raise ValueError(
                f"num_shards is {num_shards}, which does not divide the batch of {x.shape[0]}"
            )
    names = mesh.axis_names
    num_local = num_shards // mesh.size
    each, rows = PartitionSpec(*names), PartitionSpec(names)

    def on_device(copies: PyTree, split: PyTree, context: Context) -> tuple[PyTree, PyTree]:
        own = jax.tree.map(lambda x: x.reshape(x.shape[len(names) :]), copies)
        device = lax.axis_index(names) if names else jnp.int32(0)
        sums, rest = _in_turn(play, own, split, context, device * num_local, num_local, num_shards)
        return jax.tree.map(lambda x: x.reshape((1,) * len(names) + x.shape), sums), rest

    everywhere = on_device
    if names:
        everywhere = jax.shard_map(
            on_device,
            mesh=mesh,
            in_specs=(each, rows, PartitionSpec()),
            out_specs=(each, rows),
            check_vma=False,
        )
    sums, rest = everywhere(_copies(whole, mesh), split, context)
    return _total(sums, mesh, num_shards), rest


def _in_turn(
    play: Play,
    whole: PyTree,
    split: PyTree,
    context: Context,
    first: Array,
    num: int,
    num_shards: int,
) -> tuple[PyTree, PyTree]:
    """Plays `num` parts, the first of them number `first`, and adds what they give in pairs."""
    if num == 1:
        here = replace(
            context,
            part=context.part * num_shards + first,
            num_parts=context.num_parts * num_shards,
        )
        # Barriers keep the compiler from fusing a part with what differs around it.
        whole, split = lax.optimization_barrier((whole, split))
        given: tuple[PyTree, PyTree] = lax.optimization_barrier(play(whole, split, here))
        return given

    num_turns = min(num, MAX_TURNS)
    each = num // num_turns

    def turn(given: tuple[Array, PyTree, PyTree]) -> tuple[PyTree, PyTree]:
        first, whole, split = given
        return _in_turn(play, whole, split, context, first, each, num_shards)

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
        tree = jax.tree.map(partial(_twice, level=level), tree)
        tree = lax.optimization_barrier(_placed(tree, mesh, level + 1))
    return tree


def _twice(x: Array, level: int) -> Array:
    shape = (*x.shape[:level], 2, *x.shape[level:])
    return jnp.broadcast_to(jnp.expand_dims(x, level), shape)


def _total(tree: PyTree, mesh: Mesh, num_shards: int) -> PyTree:
    """The mean over the shards of sums that lie on the devices, neighbors added first."""
    tree = lax.optimization_barrier(tree)
    for level in reversed(range(len(mesh.axis_names))):
        tree = jax.tree.map(partial(_one, level=level), tree)
        tree = lax.optimization_barrier(_placed(tree, mesh, level))
    return jax.tree.map(lambda x: x / num_shards if _is_float(x) else x, tree)


def _one(x: Array, level: int) -> Array:
    return jnp.sum(x, axis=level) if _is_float(x) else lax.index_in_dim(x, 0, level, keepdims=False)


def _placed(tree: PyTree, mesh: Mesh, num_axes: int) -> PyTree:
    spec = PartitionSpec(*mesh.axis_names[:num_axes])
    return lax.with_sharding_constraint(tree, NamedSharding(mesh, spec))


def _is_float(x: Array) -> bool:
    return bool(jnp.issubdtype(x.dtype, jnp.inexact))
