"""Resolved configs to what the training loop is given."""

from __future__ import annotations

import math

from jax.sharding import Mesh

from jaxgan.algorithms import Algorithm
from jaxgan.config.base import Config
from jaxgan.config.build_step import Arguments
from jaxgan.config.grid import num_members
from jaxgan.core.errors import ConfigError, bad_value
from jaxgan.plan import count_flops, peak_flops
from jaxgan.training.settings import Policy
from jaxgan.training.telemetry import Work


def build_policy(config: Config, profile_steps: int = 0, steps_per_call: int = 1) -> Policy:
    """What the loop does about faults.

    Args:
      config: as `resolve` returns it.
      profile_steps: steps to trace; 0 for none.
      steps_per_call: steps done by one call of the compiled step.

    Returns:
      A `Policy`.

    Raises:
      ConfigError: if there are not whole calls of steps to trace.

    Example:
      >>> config = {"nonfinite": "rollback", "stall_timeout_seconds": 600}
      >>> build_policy(config).rollback
      True
    """
    if profile_steps < 0 or profile_steps % steps_per_call:
        allowed = f"a multiple of substeps, {steps_per_call}"
        raise ConfigError(bad_value("profile", profile_steps, allowed))
    return Policy(
        rollback=config["nonfinite"] == "rollback",
        stall_timeout_seconds=config["stall_timeout_seconds"],
        profile_calls=profile_steps // steps_per_call,
    )


def build_work(algorithm: Algorithm, config: Config, arguments: Arguments, mesh: Mesh) -> Work:
    """What one step does, for the speeds that are logged.

    Args:
      algorithm: as `build_algorithm` returns it.
      config: as `resolve` returns it.
      arguments: as `build_arguments` returns them.
      mesh: the devices.

    Returns:
      A `Work`.

    Example:
      See `jaxgan.run.make`.
    """
    device = mesh.devices.flat[0]
    flops = count_flops(algorithm.step, *arguments, platform=device.platform)
    return Work(
        images=images_per_step(config, algorithm),
        flops=flops.total / algorithm.num_steps,
        peak_flops_per_second=mesh.size * (peak_flops(device.device_kind) or 0.0),
    )


def images_per_step(config: Config, algorithm: Algorithm) -> int:
    """Real examples that one step consumes, over all members.

    Args:
      config: as `resolve` returns it.
      algorithm: as `build_algorithm` returns it.

    Returns:
      Batch size, times the batches of a step, times the members.

    Example:
      >>> algorithm = Algorithm(
      ...     init=None, step=None, num_batches=(10, 2), field=None, num_steps=10)
      >>> images_per_step({"batch_size": 64, "num_seeds": 2, "sweep": {}}, algorithm)
      256
    """
    per_call = config["batch_size"] * num_members(config) * math.prod(algorithm.num_batches)
    per_step: int = per_call // algorithm.num_steps
    return per_step
