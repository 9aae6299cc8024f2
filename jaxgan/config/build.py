"""Resolved configs to objects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.sharding import Mesh

from jaxgan import distributed, fields
from jaxgan import transforms as tf
from jaxgan.algorithms import Algorithm
from jaxgan.config import grid
from jaxgan.config.algorithms import is_whole, make_algorithm
from jaxgan.config.base import Config
from jaxgan.config.build_grid import is_split_by_members
from jaxgan.config.games import make_game, named, parts_of
from jaxgan.config.optimizers import OPTIMIZER
from jaxgan.config.resolve import AHEAD, make_section
from jaxgan.core.algorithm import Optimizers
from jaxgan.core.errors import ConfigError
from jaxgan.core.game import Game
from jaxgan.data import DeviceSource, Source
from jaxgan.data.source import ElementSpec
from jaxgan.fields import Field
from jaxgan.games import with_penalty
from jaxgan.penalties import Penalty


def check_classes(config: Config, source: Source | DeviceSource) -> None:
    """Raises unless the data have the classes that a conditional game is played with.

    Args:
      config: as `resolve` returns it.
      source: as `jaxgan.config.data.open_data` returns it.

    Raises:
      ConfigError: naming both numbers.

    Example:
      >>> from jaxgan.data import digits
      >>> check_classes({"num_classes": 9}, digits())
      Traceback (most recent call last):
      ...
      jaxgan.core.errors.ConfigError: num_classes is 9; it must be 10 or 0, as digits has 10 classes
    """
    asked, found = config["num_classes"], source.num_classes
    if asked and found is None:
        raise ConfigError(f"num_classes is {asked}; it must be 0, as {source.name} has no labels")
    if asked and asked != found:
        raise ConfigError(
            f"num_classes is {asked}; it must be {found} or 0, as {source.name} has {found} classes"
        )


def build_mesh(config: Config, devices: Sequence[jax.Device] | None = None) -> Mesh:
    """The mesh of a resolved config.

    Args:
      config: as `resolve` returns it.
      devices: to arrange; those of all processes by default.

    Returns:
      A mesh whose devices divide the batch.

    Raises:
      ConfigError: if there are not so many devices, or they do not fit the mesh or the batch.

    Example:
      >>> config = {"num_devices": 4, "mesh": {"model": 2}, "batch_size": 64, "num_microbatches": 1}
      >>> dict(build_mesh(config).shape)
      {'data': 2, 'model': 2}
    """
    try:
        mesh = distributed.make_mesh(
            config["num_devices"] or None, model=make_section(config, "mesh").model, devices=devices
        )
        distributed.check_batch_size(config["batch_size"], mesh, config["num_microbatches"])
    except ValueError as error:
        raise ConfigError(str(error)) from error
    return mesh


def build_game(config: Config, spec: ElementSpec, mesh: Mesh | None = None, step: int = 0) -> Game:
    """The game of a resolved config.

    Args:
      config: as `resolve` returns it.
      spec: shape and dtype of one example.
      mesh: the devices that share it, where that matters (per replica, reproducible).
      step: when it is played, of a game that has phases.

    Returns:
      The game that the config names, penalised and so on as it says.

    Raises:
      ConfigError: if the parts do not fit.

    Example:
      See `build_algorithm`.
    """
    game = make_game(parts_of(config, spec, step))
    for key in ("augment", "instance_noise"):
        game = make_section(config, key, game=game) or game
    terms = Penalty(())
    for key in ("penalties", "auxiliary"):
        terms = sum(make_section(config, key), terms)
    if terms.terms:
        try:
            game = with_penalty(game, terms)
        except ValueError as error:
            raise ConfigError(f"penalties: {error}") from error
    if mesh is not None:
        game = _on_devices(config, game, mesh)
    for key in AHEAD:
        game = make_section(config, key, game=game) or game
    return game


def _on_devices(config: Config, game: Game, mesh: Mesh) -> Game:
    """The game as the devices share it: as replicas, as shards, or as one."""
    per_replica = make_section(config, "mesh").per_replica
    shared = make_section(config, "reproducible")
    if per_replica and shared is not None:
        raise ConfigError("mesh.per_replica and reproducible exclude each other")
    try:
        if per_replica:
            return distributed.replica_mean(game, mesh=mesh)
        if shared is not None:
            return distributed.reproducible(game, num_shards=shared.shards, mesh=mesh)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    return game


def build_field(config: Config, game: Game) -> Field:
    """The field of a resolved config.

    Args:
      config: as `resolve` returns it.
      game: as `build_game` returns it.

    Returns:
      The game's gradient, accumulated and transformed as the config says, with its norms logged.

    Raises:
      ConfigError: if the parts do not fit.

    Example:
      See `build_algorithm`.
    """
    field = fields.gradient(game)
    if config["num_microbatches"] > 1:
        field = fields.microbatch(field, num_parts=config["num_microbatches"])
    return fields.with_norms(make_section(config, "field", field=field))


def build_optimizers(config: Config) -> Optimizers:
    """The players' optimizers.

    Args:
      config: as `resolve` returns it.

    Returns:
      One Optax transformation per player.

    Raises:
      ConfigError: if one refuses its options.

    Example:
      >>> sgd = {"name": "sgd", "learning_rate": 0.1}
      >>> sorted(build_optimizers({"optimizer": {"gen": sgd, "disc": sgd}}))
      ['disc', 'gen']
    """
    sections = config["optimizer"]
    return {p: OPTIMIZER.make(sections[p], f"optimizer.{p}") for p in sections}


def build_plain(
    config: Config, spec: ElementSpec, mesh: Mesh | None = None, step: int = 0
) -> Algorithm:
    """The algorithm of a resolved config, without its transforms.

    Args:
      config: as `resolve` returns it.
      spec: shape and dtype of one example.
      mesh: the devices, for the per-replica mode.
      step: when it is played, of a game that has phases.

    Returns:
      The algorithm.

    Raises:
      ConfigError: if the parts do not fit.

    Example:
      See `build_algorithm`.
    """
    if is_whole(config):
        return make_algorithm(config, spec)
    field = build_field(config, build_game(config, spec, mesh, step))
    players = build_optimizers(config)
    algorithm: Algorithm = make_section(config, "algorithm", field=field, optimizers=players)
    return algorithm


def build_algorithm(
    config: Config,
    spec: ElementSpec,
    source: DeviceSource | None = None,
    mesh: Mesh | None = None,
    step: int = 0,
    given: Algorithm | None = None,
) -> Algorithm:
    """The algorithm of a resolved config, with its transforms, checked without compiling.

    Args:
      config: as `resolve` returns it.
      spec: shape and dtype of one example.
      source: the data, if they are sampled on the device.
      mesh: the devices over which those samples are split, and the replicas of that mode.
      step: when it is played, of a game that has phases.
      given: the algorithm itself, of a config that says that it was made in Python.

    Returns:
      The algorithm, ready to be jitted.

    Raises:
      ConfigError: if the parts do not fit.

    Example:
      >>> from jaxgan.config.resolve import resolve
      >>> config = resolve({"generator": "mlp", "discriminator": "mlp", "substeps": 10,
      ...     "optimizer": {p: {"name": "sgd", "learning_rate": 0.1} for p in ("gen", "disc")}})
      >>> spec = {"image": jax.ShapeDtypeStruct((2,), "float32")}
      >>> build_algorithm(config, spec).num_batches
      (10,)
    """
    axes = grid.axes_of(config)
    # Where members are split over the devices, each has its batch whole.
    split = mesh if mesh is not None and is_split_by_members(config, mesh) else None
    make = build_make(config, spec, source, None if split else mesh, step, given)
    if axes:
        algorithm = tf.sweep(make, num_seeds=config["num_seeds"], **axes)
    else:
        algorithm = make()
        if config["num_seeds"] > 1:
            algorithm = tf.seeds(algorithm, num_seeds=config["num_seeds"])
    if split is not None:
        algorithm = distributed.split_members(algorithm, mesh=split)
    if config["substeps"] > 1:
        algorithm = tf.substeps(algorithm, num_steps=config["substeps"])
    return algorithm


def build_make(
    config: Config,
    spec: ElementSpec,
    source: DeviceSource | None = None,
    mesh: Mesh | None = None,
    step: int = 0,
    given: Algorithm | None = None,
) -> Callable[..., Algorithm]:
    """What makes the algorithm of one member of a resolved config.

    Args:
      config: as in `build_algorithm`, and so the others.
      spec: likewise.
      source: likewise.
      mesh: likewise.
      step: likewise.
      given: likewise.

    Returns:
      Numbers of the config by dotted keys, which may be traced -> the algorithm with these.

    Example:
      >>> from jaxgan.config.resolve import resolve
      >>> config = resolve({"generator": "mlp", "discriminator": "mlp",
      ...     "optimizer": {p: {"name": "sgd", "learning_rate": 0.1} for p in ("gen", "disc")}})
      >>> make = build_make(config, {"image": jax.ShapeDtypeStruct((2,), "float32")})
      >>> make(**{"optimizer.gen.learning_rate": 0.2}).num_steps
      1
    """

    def make(**numbers: Any) -> Algorithm:
        at_point = grid.at_point(config, numbers)
        algorithm = build_plain(at_point, spec, mesh, step) if given is None else given
        if source is not None:
            sample = source.sample
            if mesh is not None:
                sample = distributed.shard_sampler(sample, mesh)
            algorithm = tf.device_data(algorithm, sample=sample, batch_size=config["batch_size"])
        if config["nonfinite"] == "skip":
            algorithm = tf.skip_nonfinite(algorithm)
        for key in ("transforms", "lookahead", "ema"):
            algorithm = make_section(at_point, key, algorithm=algorithm) or algorithm
        return algorithm

    return make


def build_phases(
    config: Config,
    spec: ElementSpec,
    source: DeviceSource | None = None,
    mesh: Mesh | None = None,
    given: Algorithm | None = None,
) -> dict[int, Algorithm]:
    """The algorithm of every phase of a game that changes with the steps; of most, there is one.

    Args:
      config: as `resolve` returns it.
      spec: shape and dtype of one example.
      source: the data, if they are sampled on the device.
      mesh: as in `build_algorithm`.
      given: likewise.

    Returns:
      Algorithms with states of one shape, by their first steps, in order.

    Raises:
      ConfigError: if the parts do not fit, or a phase begins within a call of `substeps`.

    Example:
      >>> from jaxgan.config.resolve import resolve
      >>> config = resolve({"generator": "mlp", "discriminator": "mlp",
      ...     "optimizer": {p: {"name": "sgd", "learning_rate": 0.1} for p in ("gen", "disc")}})
      >>> list(build_phases(config, {"image": jax.ShapeDtypeStruct((2,), "float32")}))
      [0]
    """
    firsts = named(config).phases(config)
    for first in firsts:
        if first % config["substeps"]:
            raise ConfigError(
                f"game: a phase begins at step {first}; it must be a multiple of substeps, "
                f"{config['substeps']}"
            )
    return {first: build_algorithm(config, spec, source, mesh, first, given) for first in firsts}
