"""What a training run remembers, what a step may know, and where randomness comes from."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax

from jaxgan.core.show import counts_of, rows, size_of
from jaxgan.core.typing import Array, Key, PlayerTree, PyTree

_NOTHING: PlayerTree = {}


class TrainState(NamedTuple):
    """Everything that a run remembers, as arrays only: it jits, vmaps, shards and saves as it is.

    Attributes:
      step: int32 scalar, the number of steps done.
      key: the run's typed PRNG key; it never changes, see `stream`.
      params: parameters of each player.
      net_state: what each player carries besides: batch statistics, a loss's state.
      opt_state: Optax state of each player.
      memory: the field's memory; `()` for most.
      ema: averaged players, `{player: {"params": ..., "net_state": ...}}`; empty without `ema`.
    """

    step: Array
    key: Key
    params: PlayerTree
    net_state: PlayerTree
    opt_state: PlayerTree = _NOTHING
    memory: PyTree = ()
    ema: PlayerTree = _NOTHING

    def __repr__(self) -> str:
        trees = ("params", "net_state", "opt_state", "ema")
        parts = {name: counts_of(getattr(self, name)) for name in trees}
        members = f"{np.size(self.key)} members, " if np.ndim(self.key) else ""
        memory = f"{size_of(self.memory):,}" if self.memory else ""
        return rows(f"TrainState: {members}step {self.step}", {**parts, "memory": memory})


def stream(key: Key, name: str, *indices: Array | int) -> Key:
    """A named random stream: the key for `name` at `indices`.

    Randomness is never carried from step to step. It is derived from the run's key, a name and
    the indices (step, player, inner step), so a resumed run draws what the uninterrupted one
    would have drawn, with nothing to save.

    Args:
      key: typed PRNG key.
      name: the stream's name; different names give independent streams.
      *indices: integers folded in after the name.

    Returns:
      A typed PRNG key.

    Example:
      >>> key = jax.random.key(0)
      >>> a, b = stream(key, "latent", 3), stream(key, "latent", 4)
      >>> bool(a == stream(key, "latent", 3)), bool(a == b)
      (True, False)
    """
    key = jax.random.fold_in(key, zlib.crc32(name.encode()))
    for index in indices:
        key = jax.random.fold_in(key, index)
    return key


def typed(key: Key) -> Key:
    """The key as a typed one: a raw `jax.random.PRNGKey` is an array of words, and no scalar.

    Args:
      key: typed or raw.

    Returns:
      A typed PRNG key that draws the same numbers.

    Example:
      >>> key = typed(jax.random.PRNGKey(0))
      >>> key.shape, bool(key == jax.random.key(0))
      ((), True)
    """
    return key if is_typed(key) else jax.random.wrap_key_data(key)


def is_typed(key: Key) -> bool:
    """Whether a key is a typed one.

    Args:
      key: typed or raw.

    Returns:
      Whether it is typed.

    Example:
      >>> is_typed(jax.random.key(0)), is_typed(jax.random.PRNGKey(0))
      (True, False)
    """
    return bool(jnp.issubdtype(key.dtype, jax.dtypes.prng_key))


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Context:
    """What a game or a field may know about training right now.

    Made by the algorithm for each update, or by hand (`Context(jax.random.key(0))`) to evaluate a
    game outside any algorithm.

    Attributes:
      key: key of this very update; draw from it through `stream` or `draw`.
      step: int32 scalar, the algorithm's step count.
      updates: for each player, how many updates it has had.
      opt_state: for each player, its live optimizer state.
      part: which part of the full batch this is (a microbatch, a replica's share).
      optimizers: (player, optimizer) pairs; a tuple, so that a context can be a jit argument.
      num_parts: how many parts the full batch is split into.
      train: False while sampling: batch norm then uses its running statistics.
    """

    key: Key
    step: Array = field(default_factory=lambda: jnp.int32(0))
    updates: Mapping[str, Array] = field(default_factory=dict)
    opt_state: Mapping[str, PyTree] = field(default_factory=dict)
    part: Array = field(default_factory=lambda: jnp.int32(0))
    optimizers: tuple[tuple[str, optax.GradientTransformation], ...] = field(
        default=(), metadata={"static": True}
    )
    num_parts: int = field(default=1, metadata={"static": True})
    train: bool = field(default=True, metadata={"static": True})

    def stream(self, name: str) -> Key:
        """The key of a named stream within this update, the same on every part of the batch."""
        return stream(self.key, name)

    def part_stream(self, name: str) -> Key:
        """As `stream`, but different on every part of the batch: for noise inside a network."""
        return stream(self.key, name, self.part)

    def draw(
        self, name: str, sampler: Callable[[Key, tuple[int, ...]], Array], shape: tuple[int, ...]
    ) -> Array:
        """Draws one random value per example.

        Where the batch is split into parts, the draw is made for the full batch and then split,
        so that n microbatches see exactly the numbers of the large batch.

        Args:
          name: the stream's name.
          sampler: such as `jax.random.normal`: (key, shape) -> array.
          shape: of this part's draw; the first axis is the batch.

        Returns:
          An array of `shape`.

        Example:
          >>> whole = Context(jax.random.key(0)).draw("latent", jax.random.normal, (4, 2))
          >>> half = Context(jax.random.key(0), part=jnp.int32(1), num_parts=2)
          >>> bool((half.draw("latent", jax.random.normal, (2, 2)) == whole[2:]).all())
          True
        """
        if self.num_parts == 1:
            return sampler(self.stream(name), shape)
        full = sampler(self.stream(name), (shape[0] * self.num_parts, *shape[1:]))
        return lax.dynamic_slice_in_dim(full, self.part * shape[0], shape[0])

    def num_updates(self, player: str) -> Array:
        """How many updates `player` has had; the step count where no algorithm says otherwise."""
        return self.updates.get(player, self.step)
