"""Drawing samples from a trained game."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import jax
import numpy as np

from jaxgan.core.errors import InputError, bad_value
from jaxgan.core.game import Game
from jaxgan.core.state import TrainState, stream
from jaxgan.core.typing import Array, Batch, Key
from jaxgan.data.source import NumpyBatch
from jaxgan.sampling.draw import CHUNK, make_scene, scene_entry
from jaxgan.sampling.truncation import make_truncated_draw
from jaxgan.transforms import MEMBER_AXES, member

Sampler = Callable[..., np.ndarray]
Chunks = Callable[..., Iterator[np.ndarray]]


def make_panels(
    game: Game, panels: Sequence[str], sharding: jax.sharding.Sharding | None = None
) -> Callable[[TrainState, Key, NumpyBatch], dict[str, np.ndarray]]:
    """A function that shows what a game makes of real examples.

    Args:
      game: the game.
      panels: entries of its scene, with a dot for entries of entries: `"fake"`, `"cycle.image"`.
      sharding: where the pictures go; whole to every process if states lie on several.

    Returns:
      (state, key, batch) -> images [B, H, W, C] on the host by the panels' names; of the first
      member of several.

    Example:
      >>> import jax.numpy as jnp
      >>> from jaxgan.games import dirac
      >>> game = dirac()
      >>> params, net_state = game.init(jax.random.key(0))
      >>> state = TrainState(step=jnp.int32(0), key=jax.random.key(0), params=params,
      ...                    net_state=net_state)
      >>> show = make_panels(game, ("real", "fake"))
      >>> {k: v.shape for k, v in show(state, state.key, {"image": np.zeros((3, 1))}).items()}
      {'real': (3, 1), 'fake': (3, 1)}
    """

    def draw(state: TrainState, key: Key, batch: Batch) -> dict[str, Array]:
        one = state if state.key.ndim == 0 else member(state, 0)
        scene = make_scene(key, game, one, batch)
        return {path: scene_entry(scene, path) for path in panels}

    jitted = jax.jit(draw, out_shardings=sharding)

    def show(state: TrainState, key: Key, batch: NumpyBatch) -> dict[str, np.ndarray]:
        drawn = jitted(state, key, batch)
        return {path: np.asarray(drawn[path]) for path in panels}

    return show


def check_labels(labels: np.ndarray | None, num: int, num_classes: int | None) -> np.ndarray:
    """The labels of samples, if they are what they should be.

    Args:
      labels: of the samples; None for the classes in turn.
      num: of samples.
      num_classes: of a conditional game, whose labels are in [0, num_classes); None of another.

    Returns:
      int32 [num]; of a game without classes zeros, which nobody looks at.

    Raises:
      InputError: if there are more or fewer labels than samples, if one is no integer or no class,
        or the game knows none.

    Example:
      >>> check_labels(None, 5, 2).tolist()
      [0, 1, 0, 1, 0]
      >>> check_labels(np.asarray([0, 7]), 2, 2)
      Traceback (most recent call last):
      ...
      jaxgan.core.errors.InputError: labels[1] is 7; it must be from 0 to 1
    """
    if labels is None:
        return (np.arange(num) % (num_classes or 1)).astype(np.int32)
    if num_classes is None:
        raise InputError("labels are given; the game is unconditional, so it has none")
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iu":
        raise InputError(bad_value("labels.dtype", labels.dtype, "integer"))
    if labels.shape != (num,):
        raise InputError(bad_value("labels.shape", labels.shape, f"({num},), one a sample"))
    wrong = (labels < 0) | (labels >= num_classes)
    if wrong.any():
        first = int(np.argmax(wrong))
        raise InputError(
            bad_value(f"labels[{first}]", labels[first], f"from 0 to {num_classes - 1}")
        )
    return labels.astype(np.int32)


def make_chunks(
    game: Game,
    element_spec: Mapping[str, jax.ShapeDtypeStruct],
    sharding: jax.sharding.Sharding | None = None,
    num_classes: int | None = None,
    *,
    truncation: float | None = None,
    latent_dim: int | None = None,
) -> Chunks:
    """A function that draws samples as `make_sampler` does, and gives them as they come.

    Args:
      game: see `make_sampler`.
      element_spec: likewise.
      sharding: likewise.
      num_classes: likewise.
      truncation: of the latents or styles, see `jaxgan.sampling.truncation`; None for none.
      latent_dim: of standard normal latents, where they are truncated.

    Returns:
      (state, key, num, labels=None) -> the samples, at most `CHUNK` at a time, so that any number
      of them takes the memory of a few.

    Example:
      >>> import jax.numpy as jnp
      >>> from jaxgan.games import dirac
      >>> game = dirac()
      >>> params, net_state = game.init(jax.random.key(0))
      >>> state = TrainState(step=jnp.int32(0), key=jax.random.key(0), params=params,
      ...                    net_state=net_state)
      >>> chunks = make_chunks(game, {"image": jax.ShapeDtypeStruct((1,), jnp.float32)})
      >>> [chunk.shape for chunk in chunks(state, jax.random.key(1), 300)]
      [(256, 1), (44, 1)]
    """

    draw = make_truncated_draw(game, element_spec, truncation, latent_dim)

    def draw_all(state: TrainState, key: Key, labels: Array) -> Array:
        if state.key.ndim == 0:
            return draw(state, key, labels)
        return jax.vmap(draw, in_axes=(MEMBER_AXES, None, None))(state, key, labels)

    jitted = jax.jit(draw_all, out_shardings=sharding)

    def drawn(state: TrainState, key: Key, labels: np.ndarray) -> Iterator[np.ndarray]:
        num, axis = len(labels), state.key.ndim
        num_chunks = -(-num // CHUNK)
        padded = np.resize(labels, (num_chunks, CHUNK))
        ahead = jitted(state, stream(key, "sample", 0), padded[0])
        for chunk in range(num_chunks):
            # The next one is begun before this one is waited for.
            now, left = ahead, num - chunk * CHUNK
            if left > CHUNK:
                ahead = jitted(state, stream(key, "sample", chunk + 1), padded[chunk + 1])
            yield np.asarray(now).take(range(min(CHUNK, left)), axis)

    def chunks(
        state: TrainState, key: Key, num: int, labels: np.ndarray | None = None
    ) -> Iterator[np.ndarray]:
        if num < 1:
            raise InputError(bad_value("num", num, "at least 1"))
        return drawn(state, key, check_labels(labels, num, num_classes))

    return chunks


def make_sampler(
    game: Game,
    element_spec: Mapping[str, jax.ShapeDtypeStruct],
    sharding: jax.sharding.Sharding | None = None,
    num_classes: int | None = None,
) -> Sampler:
    """A function that draws samples from a state: averaged players where kept, no training mode.

    Args:
      game: the game, whose scene has `fake`.
      element_spec: shape and dtype of one real example.
      sharding: where the samples go; whole to every process if states lie on several.
      num_classes: of a conditional game.

    Returns:
      (state, key, num, labels=None) -> samples of shape [num, ...] on the host. The first n samples
      are the same whatever `num`. A state with a leading axis of members (`seeds`) gives
      [num_seeds, num, ...]. `labels` are integers of shape [num], see `check_labels`; by default,
      in a conditional game, sample i is of class i mod num_classes, so that a grid of as many
      columns has a column for each class.

    Example:
      >>> import jax.numpy as jnp
      >>> from jaxgan.games import dirac
      >>> game = dirac()
      >>> params, net_state = game.init(jax.random.key(0))
      >>> state = TrainState(step=jnp.int32(0), key=jax.random.key(0), params=params,
      ...                    net_state=net_state)
      >>> sampler = make_sampler(game, {"image": jax.ShapeDtypeStruct((1,), jnp.float32)})
      >>> sampler(state, jax.random.key(1), 3).shape
      (3, 1)
    """
    chunks = make_chunks(game, element_spec, sharding, num_classes)

    def sampler(
        state: TrainState, key: Key, num: int, labels: np.ndarray | None = None
    ) -> np.ndarray:
        return np.concatenate(list(chunks(state, key, num, labels)), axis=state.key.ndim)

    return sampler
