"""What is known of a grid of a config's numbers before it is compiled."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
from jax.extend.core import Var
from jax.sharding import Mesh

from jaxgan import distributed
from jaxgan.config import grid
from jaxgan.config.base import Config
from jaxgan.config.references import one_line_of, own_place
from jaxgan.core.algorithm import Algorithm
from jaxgan.core.errors import ConfigError
from jaxgan.core.typing import Batch, Key, PyTree
from jaxgan.data.source import ElementSpec

ROOM = 2
"""A step holds the state and, in gradients and optimizers' moments, at least as much again."""


def is_split_by_members(config: Config, mesh: Mesh) -> bool:
    """Whether each device trains some members of a grid, rather than a part of each batch.

    Args:
      config: as `resolve` returns it.
      mesh: as `build_mesh` returns it.

    Returns:
      Whether there is a grid, of as many members as the devices divide, whose state no rule splits.

    Example:
      >>> config = {"num_seeds": 2, "sweep": {"ema.decay": [0.9, 0.99]},
      ...           "mesh": {"per_replica": False, "rules": {}}, "reproducible": None}
      >>> is_split_by_members(config, distributed.make_mesh(4))
      True
    """
    options = config["mesh"]
    is_shared = options["per_replica"] or options["rules"] or config["reproducible"]
    if not config[grid.KEY] or is_shared:
        return False
    return grid.num_members(config) % mesh.size == 0


def unplayable(error: Exception) -> Exception:
    """What is said of a game whose step fails when it is traced.

    Args:
      error: with which it fails.

    Returns:
      A ConfigError of one line, or the error itself where it is a fault of jaxgan's.

    Example:
      >>> unplayable(ValueError("batch has nothing"))
      ConfigError('this game cannot be played: batch has nothing')
    """
    if place := own_place(error):
        return ConfigError(f"this game cannot be played: {place}: {one_line_of(error)}")
    if not isinstance(error, ValueError | TypeError | AssertionError):
        return error
    first_line = str(error).strip().splitlines()[0]
    return ConfigError(f"this game cannot be played: {first_line}")


def check_axes(
    make: Callable[..., Algorithm], config: Config, spec: ElementSpec, is_fed: bool
) -> None:
    """Raises unless a step takes all numbers of a config's grid as arrays; nothing is compiled.

    Args:
      make: as `build_make` returns it.
      config: as `resolve` returns it.
      spec: shape and dtype of one example.
      is_fed: whether batches come from the host.

    Raises:
      ConfigError: naming the key that is compiled into the program, or that no step reads.

    Example:
      See `jaxgan.run.make`.
    """
    keys = sorted(grid.axes_of(config))
    if not keys:
        return
    lead = (*make().num_batches, config["batch_size"])
    batch = {
        name: jax.ShapeDtypeStruct((*lead, *one.shape), one.dtype)
        for name, one in spec.items()
        if is_fed
    }
    idle = _unread(make, keys, batch)
    if idle:
        raise ConfigError(
            f"{grid.KEY}: {idle[0]} is no number of the step; nothing would change with it"
        )


def _unread(make: Callable[..., Algorithm], keys: Sequence[str], batch: PyTree) -> list[str]:
    """Those keys that neither the first state nor a step depends on."""

    def play(numbers: dict[str, jax.Array], key: Key, batch: Batch) -> PyTree:
        algorithm = make(**numbers)
        return algorithm.step(algorithm.init(key), batch)

    def trace(keys: Sequence[str]) -> list[str]:
        numbers = {key: jax.ShapeDtypeStruct((), jax.numpy.result_type(float)) for key in keys}
        jaxpr = jax.make_jaxpr(play)(numbers, jax.random.key(0), batch).jaxpr
        read = {one for eqn in jaxpr.eqns for one in eqn.invars if isinstance(one, Var)}
        return [key for key, one in zip(keys, jaxpr.invars, strict=False) if one not in read]

    try:
        return trace(keys)
    except Exception:
        try:
            trace([])
        except ConfigError:
            raise
        except Exception as error:
            raise unplayable(error) from error
        for key in keys:
            try:
                trace([key])
            except Exception as error:
                raise grid.ProgramError(grid.shapes(key)) from error
        raise


def check_memory(config: Config, state: PyTree, mesh: Mesh) -> None:
    """Raises if a grid's state, and as much again for its step, is more than there is memory.

    Args:
      config: as `resolve` returns it.
      state: ShapeDtypeStructs with shardings, as of `build_arguments`.
      mesh: the devices.

    Raises:
      ConfigError: with the size of the grid, and the largest that fits, as estimated.

    Example:
      See `jaxgan.run.make`.
    """
    available, num = distributed.available_bytes(mesh), grid.num_members(config)
    needed = ROOM * distributed.bytes_on_device(state)
    if not config[grid.KEY] or available is None or needed <= available:
        return
    largest = int(num * available / needed)
    raise ConfigError(
        f"{grid.KEY}: {num} members need about {needed / 2**30:.3g} GiB on a device, which has "
        f"{available / 2**30:.3g} GiB; by that estimate at most {largest} fit"
    )
