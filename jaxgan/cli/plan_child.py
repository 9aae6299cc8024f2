"""The half of `jaxgan plan` that compiles, in a process of its own: see `jaxgan.plan.child`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax

from jaxgan import distributed
from jaxgan.config import build, build_loop, build_step
from jaxgan.config.base import Config
from jaxgan.config.example import example_of
from jaxgan.config.resolve import resolve
from jaxgan.core.errors import ConfigError, DataError, bad_value
from jaxgan.plan import Chip, Job, Topology, analyse, devices, find_batch, parse_topology
from jaxgan.plan.child import as_json
from jaxgan.run.saved import load_any_config


class Request(NamedTuple):
    """What `jaxgan plan` was asked, but for the topologies.

    Attributes:
      config: `FILE[:ARG]`, or a run's folder.
      overrides: flags `--config.KEY=VALUE`.
      batch_per_chip: or None for the config's own batch.
      example_shape: see `example_of`.
      find_batch: whether to find the batch that fits.
      trust_code: whether to run a folder's own code though the user has not trained with it.
    """

    config: str
    overrides: Sequence[str]
    batch_per_chip: int | None
    example_shape: str | None
    find_batch: bool
    trust_code: bool = False


def command(request: Request, topology: str) -> list[str]:
    """The command of a child; the path of the file that it writes follows.

    Args:
      request: what was asked.
      topology: for which.

    Returns:
      The command's words.

    Example:
      >>> command(Request("a.py", (), None, None, False), "cpu:8")[1:3]
      ['-m', 'jaxgan.cli.plan_child']
    """
    return [sys.executable, "-m", "jaxgan.cli.plan_child", json.dumps(request), topology]


def read_config(request: Request) -> Config:
    """The complete config, for all devices of a topology.

    Args:
      request: what was asked.

    Returns:
      As `resolve` returns it.

    Raises:
      ConfigError: if it cannot be used.

    Example:
      >>> read_config(Request("no_such_file.py", (), None, None, False))
      Traceback (most recent call last):
      ...
      jaxgan.core.errors.ConfigError: config: 'no_such_file.py' is not a file
    """
    config = load_any_config(request.config, request.overrides, trust_code=request.trust_code)
    if request.batch_per_chip is not None and request.batch_per_chip < 1:
        raise ConfigError(bad_value("batch-per-chip", request.batch_per_chip, "at least 1"))
    if request.example_shape is not None:
        example_of(resolve(config), request.example_shape)
    return resolve({**config, "num_devices": 0})


def make_job(request: Request, topology: Topology) -> Job:
    """The step that `jaxgan train` would run, and what it is called with.

    Args:
      request: what was asked.
      topology: the devices.

    Returns:
      The job, not compiled.

    Raises:
      ConfigError, DataError: if it cannot be made.

    Example:
      See `jaxgan plan`.
    """
    config = read_config(request)
    try:
        there = devices(topology)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    if request.batch_per_chip is not None:
        config["batch_size"] = request.batch_per_chip * len(there)
    try:
        mesh = build.build_mesh(config, there)
    except ConfigError as error:
        if "divide" not in str(error):
            raise
        raise ConfigError(f"{error}; --batch-per-chip N makes it N times {len(there)}") from error
    spec, source = example_of(config, request.example_shape)
    # The last phase, of a game that has several: a network that grows is largest there.
    algorithm = list(build.build_phases(config, spec, source, mesh).values())[-1]
    arguments = build_step.build_arguments(algorithm, config, spec, source is None, mesh)
    build_step.check_step(algorithm, arguments)
    return Job(
        step=distributed.jit_step(algorithm, mesh, distributed.shardings_of(arguments.state)),
        state=arguments.state,
        batch=arguments.batch,
        steps_per_call=algorithm.num_steps,
        images_per_step=build_loop.images_per_step(config, algorithm),
        num_devices=len(there),
        platform=topology.platform,
    )


def _plan(request: Request, topology: Topology) -> dict[str, Any]:
    chip = topology.chip.share if topology.chip else None
    report = analyse(make_job(request, topology), chip)
    if not request.find_batch or chip is None:
        return {"report": as_json(report)}

    def memory(batch: int) -> float | None:
        return _memory(make_job(request._replace(batch_per_chip=batch), topology), chip)

    fit = find_batch(memory, report.memory.limit or chip.hbm_bytes)
    return {"report": as_json(report), "fit": as_json(fit)}


def _memory(job: Job, chip: Chip) -> float | None:
    memory = analyse(job, chip).memory
    return memory.total if memory.fits else None


def main(argv: Sequence[str]) -> None:
    """Plans for one topology, and writes what it found or why it could not.

    Args:
      argv: the request as JSON, the topology, the file to write.

    Example:
      See `command`.
    """
    request, topology, out = argv
    try:
        result = _plan(Request(*json.loads(request)), parse_topology(topology))
    except (ConfigError, DataError) as error:
        result = {"error": str(error)}
    except jax.errors.JaxRuntimeError as error:
        result = {"error": f"the compiler failed: {str(error).strip().splitlines()[0]}"}
    Path(out).write_text(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1:])
