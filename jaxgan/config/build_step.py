"""A step of a resolved config: what it is called with, and that it can be."""

from __future__ import annotations

from typing import NamedTuple

import jax
from jax.sharding import Mesh

from jaxgan import distributed
from jaxgan.algorithms import Algorithm
from jaxgan.config.base import Config
from jaxgan.config.build_grid import is_split_by_members, unplayable
from jaxgan.config.resolve import make_section
from jaxgan.core.checks import first_difference
from jaxgan.core.errors import ConfigError
from jaxgan.core.typing import PyTree
from jaxgan.data.source import ElementSpec


class Arguments(NamedTuple):
    """What a step of a run is called with, as ShapeDtypeStructs that lie on its devices.

    A step that is traced with these is not traced again when the run calls it.

    Attributes:
      state: a TrainState.
      batch: empty if batches do not come from the host.
    """

    state: PyTree
    batch: dict[str, jax.ShapeDtypeStruct]


def build_arguments(
    algorithm: Algorithm, config: Config, spec: ElementSpec, is_fed: bool, mesh: Mesh
) -> Arguments:
    """What a step of a run is called with, and how that lies on its devices.

    Args:
      algorithm: as `build_algorithm` returns it.
      config: as `resolve` returns it.
      spec: shape and dtype of one example.
      is_fed: whether batches come from the host.
      mesh: as `build_mesh` returns it.

    Returns:
      The arguments; those of a game's later phases are the same.

    Raises:
      ConfigError: if a rule of `mesh.rules` fits no leaf.

    Example:
      >>> from jaxgan.config.build import build_algorithm, build_mesh
      >>> from jaxgan.config.resolve import resolve
      >>> config = resolve({"generator": "mlp", "discriminator": "mlp", "num_devices": 2,
      ...     "optimizer": {p: {"name": "sgd", "learning_rate": 0.1} for p in ("gen", "disc")}})
      >>> spec, mesh = {"image": jax.ShapeDtypeStruct((2,), "float32")}, build_mesh(config)
      >>> _, batch = build_arguments(build_algorithm(config, spec), config, spec, True, mesh)
      >>> batch["image"].shape, batch["image"].sharding.shard_shape(batch["image"].shape)
      ((64, 2), (32, 2))
    """
    options = make_section(config, "mesh")
    try:
        if is_split_by_members(config, mesh):
            state = distributed.members_template(algorithm, mesh)
        else:
            state = distributed.state_template(algorithm, mesh, options.rules, options.min_size)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    split = distributed.batch_sharding(mesh, algorithm.num_batches)
    lead = (*algorithm.num_batches, config["batch_size"])
    batch = {
        name: jax.ShapeDtypeStruct((*lead, *one.shape), one.dtype, sharding=split)
        for name, one in spec.items()
    }
    return Arguments(state, batch if is_fed else {})


def check_step(algorithm: Algorithm, arguments: Arguments) -> set[str]:
    """Evaluates one step abstractly: what does not fit is found before anything is compiled.

    Args:
      algorithm: the algorithm.
      arguments: as `build_arguments` returns them.

    Returns:
      The names of the step's metrics.

    Raises:
      ConfigError: with what the failing part says.

    Example:
      See `jaxgan.run.make`.
    """
    try:
        state, metrics = jax.eval_shape(algorithm.step, *arguments)
    except ConfigError:
        raise
    except Exception as error:
        raise unplayable(error) from error
    if difference := first_difference(arguments.state, state):
        raise ConfigError(f"this game cannot be played: a step changes the state: {difference}")
    if others := {name: one.shape for name, one in metrics.items() if one.shape}:
        raise ConfigError(f"this game cannot be played: metrics are no scalars: {others}")
    return set(metrics)
