"""The compiled programs of an evaluation, over all devices: samples, features, distances."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh

from jaxgan import distributed
from jaxgan.core.errors import EvaluationError, bad_value
from jaxgan.core.game import Game
from jaxgan.core.state import TrainState, stream
from jaxgan.core.typing import Array, Key, PyTree
from jaxgan.data import Source
from jaxgan.features import Distance, Extractor
from jaxgan.sampling.draw import CHUNK, make_draw
from jaxgan.sampling.truncation import make_truncated_draw
from jaxgan.transforms import member as take_member

IMAGES_PER_DEVICE = 64
"""So many images go through the feature network at a time on each device."""


HostSampler = Callable[..., np.ndarray]
"""(key, num) -> samples [num, ...], or (key, num, labels [num]) of a conditional one."""


class Programs(NamedTuple):
    """What is compiled once for a generator and an extractor, and called for every chunk.

    Attributes:
      size: examples in a chunk: a multiple of `CHUNK` that the devices divide.
      generate: (state, key, chunk number, labels int32 [size]) -> samples on the devices.
        The state of what has none is None.
      put: examples of this process's part of a chunk, on the host -> on the devices.
      extract: examples on the devices -> a function that waits for, and gives,
        `{"features", "logits", "finite", "flat"}` on the host, whole in every process; `finite` and
        `flat` are booleans [size].
      generate_from: (state, latents float32 [CHUNK, D], labels int32 [CHUNK]) -> their samples, a
        whole chunk of `size`, of which the first `CHUNK` count.
      fetch: examples on the devices -> on the host, whole in every process.
    """

    size: int
    generate: Callable[[TrainState | None, Key, int, np.ndarray], Array]
    put: Callable[[np.ndarray], Array]
    extract: Callable[[Array], Callable[[], dict[str, np.ndarray]]]
    generate_from: Callable[[TrainState, np.ndarray, np.ndarray], Array]
    fetch: Callable[[Array], np.ndarray]


class Sampling(NamedTuple):
    """How samples are drawn.

    Attributes:
      member: which of several seeds.
      truncation: latents beyond it are redrawn, or styles moved towards their mean by it where
        the generator has styles; None for none.
      latent_dim: of the standard normal latents, where they are truncated.
    """

    member: int = 0
    truncation: float | None = None
    latent_dim: int | None = None


PLAIN = Sampling()


def make_programs(
    game: Game,
    element_spec: Mapping[str, jax.ShapeDtypeStruct],
    extractor: Extractor | None,
    mesh: Mesh,
    sampling: Sampling = PLAIN,
) -> Programs:
    """Makes the programs; they are compiled when they are first called.

    Sample i depends on the key and i alone, whatever the devices: it is that of `make_sampler`.

    Args:
      game: whose generator is sampled.
      element_spec: shape and dtype of one real example.
      extractor: makes the features; None for none.
      mesh: the devices over which every chunk is split.
      sampling: how.

    Returns:
      The programs.

    Example:
      >>> from jaxgan.features import function
      >>> from jaxgan.games import dirac
      >>> mean = function("mean", lambda points: points)
      >>> spec = {"image": jax.ShapeDtypeStruct((1,), jnp.float32)}
      >>> programs = make_programs(dirac(), spec, mean, distributed.make_mesh(1))
      >>> programs.extract(programs.put(np.ones((256, 1), np.float32)))()["features"].shape
      (256, 1)
    """
    num_groups = mesh.size // math.gcd(mesh.size, CHUNK)
    size = num_groups * CHUNK
    sharding = distributed.batch_sharding(mesh)
    draw = _make_draw(game, element_spec, sampling)

    @jax.jit
    def generate(state: TrainState, key: Key, first: Array, labels: Array) -> Array:
        if state.key.ndim:
            state = take_member(state, sampling.member)
        if num_groups == 1:
            samples = draw(state, key, first, labels[0])
        else:
            drawn = jax.vmap(draw, in_axes=(None, None, 0, 0))
            samples = drawn(state, key, first + jnp.arange(num_groups), labels)
            samples = samples.reshape(size, *samples.shape[2:])
        placed: Array = lax.with_sharding_constraint(samples, sharding)
        return placed

    def generate_chunk(state: TrainState | None, key: Key, chunk: int, labels: np.ndarray) -> Array:
        split = np.asarray(labels, np.int32).reshape(num_groups, CHUNK)
        drawn: Array = generate(state, key, np.int32(chunk * num_groups), split)
        return drawn

    @jax.jit
    def generate_from(state: TrainState, latent: Array, labels: Array) -> Array:
        if state.key.ndim:
            state = take_member(state, sampling.member)
        given = {"latent": latent}
        samples = make_draw(game, element_spec)(state, jax.random.key(0), labels, given)
        samples = jnp.concatenate([samples] * num_groups)
        placed: Array = lax.with_sharding_constraint(samples, sharding)
        return placed

    common = _make_common(extractor, mesh)
    return common._replace(generate=generate_chunk, generate_from=generate_from)


def make_host_programs(
    sampler: HostSampler | Source,
    element_spec: Mapping[str, jax.ShapeDtypeStruct],
    extractor: Extractor | None,
    mesh: Mesh,
    is_conditional: bool = False,
) -> Programs:
    """Makes the programs for samples that are drawn on the host, by whatever draws them.

    Args:
      sampler: (key, num) -> samples [num, ...], or (key, num, labels) of a conditional one; of
        several processes each draws all, and keeps its part. Or a source of samples, which are
        taken in their order.
      element_spec: shape and dtype of one real example.
      extractor: makes the features; None for none.
      mesh: the devices over which every chunk is split.
      is_conditional: whether the sampler takes labels.

    Returns:
      The programs. There are no latents to generate from.

    Example:
      >>> spec = {"image": jax.ShapeDtypeStruct((2,), jnp.float32)}
      >>> zeros = lambda key, num: np.zeros((num, 2))
      >>> programs = make_host_programs(zeros, spec, None, distributed.make_mesh(1))
      >>> programs.generate(None, jax.random.key(0), 0, np.zeros(256, np.int32)).shape
      (256, 2)
    """
    common, shape = _make_common(extractor, mesh), tuple(element_spec["image"].shape)
    share = common.size // jax.process_count()

    def generate(state: TrainState | None, key: Key, chunk: int, labels: np.ndarray) -> Array:
        if isinstance(sampler, Source):
            numbers = np.arange(chunk * common.size, (chunk + 1) * common.size)
            # The last chunk is filled up with what is not counted.
            drawn = sampler.read(numbers % sampler.num_examples)["image"]
        else:
            labelled = (np.asarray(labels, np.int32),) if is_conditional else ()
            drawn = sampler(stream(key, "sample", chunk), common.size, *labelled)
        samples = np.asarray(drawn, np.float32)
        if samples.shape != (common.size, *shape):
            allowed = f"{(common.size, *shape)}, as many as asked for, each like the data's"
            raise EvaluationError(bad_value("samples.shape", samples.shape, allowed))
        if len(shape) == 3 and np.isfinite(samples).all() and np.abs(samples).max() > 1.001:
            said = f"from {samples.min():.4g} to {samples.max():.4g}"
            raise EvaluationError(bad_value("samples", said, "from -1 to 1, as images are"))
        first = jax.process_index() * share
        return common.put(samples[first : first + share])

    return common._replace(generate=generate)


def _make_common(extractor: Extractor | None, mesh: Mesh) -> Programs:
    """What all have in common; nothing generates yet."""
    sharding, whole = distributed.batch_sharding(mesh), distributed.replicated(mesh)
    size = mesh.size // math.gcd(mesh.size, CHUNK) * CHUNK

    def put(examples: np.ndarray) -> Array:
        placed: Array = jax.make_array_from_process_local_data(sharding, examples)
        return placed

    copy = jax.jit(lambda examples: examples, out_shardings=whole)

    def fetch(examples: Array) -> np.ndarray:
        return np.asarray(copy(examples).addressable_data(0))

    extract = _make_extract(extractor, mesh, size)
    return Programs(size, _nothing, put, extract, _nothing, fetch)


def _nothing(*_: object) -> Array:
    raise TypeError("nothing generates here")


def _make_draw(
    game: Game, element_spec: Mapping[str, jax.ShapeDtypeStruct], sampling: Sampling
) -> Callable[[TrainState, Key, Array, Array], Array]:
    draw = make_truncated_draw(game, element_spec, sampling.truncation, sampling.latent_dim)

    def draw_chunk(state: TrainState, key: Key, chunk: Array, labels: Array) -> Array:
        return draw(state, stream(key, "sample", chunk), labels)

    return draw_chunk


def _make_extract(
    extractor: Extractor | None, mesh: Mesh, size: int
) -> Callable[[Array], Callable[[], dict[str, np.ndarray]]]:
    def extract(params: PyTree, examples: Array) -> dict[str, Array]:
        flat = examples.reshape(len(examples), -1)
        out = {"finite": jnp.isfinite(flat).all(axis=1), "flat": jnp.ptp(flat, axis=1) == 0}
        return out if extractor is None else {**extractor.apply(params, examples), **out}

    return _in_parts(extract, () if extractor is None else extractor.params, mesh, size, size)


def make_distance(
    distance: Distance, mesh: Mesh, size: int
) -> Callable[[Array, Array], np.ndarray]:
    """Compiles a distance for samples over all devices.

    Args:
      distance: of two batches of images.
      mesh: the devices.
      size: of a chunk of samples, as `Programs` has it.

    Returns:
      (a chunk on the devices, another) -> the first `CHUNK` distances, whole in every process.

    Example:
      >>> from jaxgan.features import function, squared_distance
      >>> pair = squared_distance(function("points", lambda points: points))
      >>> between = make_distance(pair, distributed.make_mesh(1), CHUNK)
      >>> float(between(jnp.zeros((CHUNK, 1)), jnp.full((CHUNK, 1), 2.0)).mean())
      4.0
    """

    def apply(params: PyTree, x: Array, y: Array) -> dict[str, Array]:
        return {"distance": distance.apply(params, x, y)}

    in_parts = _in_parts(apply, distance.params, mesh, size, CHUNK)
    return lambda x, y: in_parts(x, y)()["distance"][:CHUNK]


def _in_parts(
    apply: Callable[..., dict[str, Array]], params: PyTree, mesh: Mesh, size: int, num: int
) -> Callable[..., Callable[[], dict[str, np.ndarray]]]:
    """Part by part, so that a large network's activations are those of few images.

    Of a chunk of `size` examples, those parts that hold the first `num`.
    """
    sharding, whole = distributed.batch_sharding(mesh), distributed.replicated(mesh)
    part = math.gcd(IMAGES_PER_DEVICE * mesh.size, size)
    params = jax.jit(lambda tree: tree, out_shardings=whole)(jax.tree.map(np.asarray, params))

    def run(params: PyTree, start: Array, *chunks: Array) -> dict[str, Array]:
        chosen = (lax.dynamic_slice_in_dim(chunk, start, part) for chunk in chunks)
        return apply(params, *(lax.with_sharding_constraint(x, sharding) for x in chosen))

    jitted = jax.jit(run, out_shardings=whole)

    def run_all(*chunks: Array) -> Callable[[], dict[str, np.ndarray]]:
        parts = [jitted(params, np.int32(at), *chunks) for at in range(0, num, part)]

        def read() -> dict[str, np.ndarray]:
            return {
                name: np.concatenate([np.asarray(one[name].addressable_data(0)) for one in parts])
                for name in parts[0]
            }

        return read

    return run_all
