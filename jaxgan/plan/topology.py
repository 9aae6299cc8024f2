"""Devices that need not be there: `"v5e:16x16"`, `"cpu:8"`."""

from __future__ import annotations

import importlib.util
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax

from jaxgan.core.errors import bad_value
from jaxgan.plan.chips import CHIPS, Chip

MAX_CPU_DEVICES = 1024

# One device for both cores of a chip, as on Cloud TPU; elsewhere that is the compiler's default.
_CONFIGS = {"v4": "megacore"}


class Topology(NamedTuple):
    """Which devices, and how many.

    Attributes:
      name: as it was written.
      platform: `"cpu"` or `"tpu"`.
      shape: chips along each axis.
      chip: figures of one, or None for a CPU.
    """

    name: str
    platform: str
    shape: tuple[int, ...]
    chip: Chip | None

    @property
    def num_chips(self) -> int:
        """How many chips there are."""
        return math.prod(self.shape)

    @property
    def num_devices(self) -> int:
        """How many devices JAX sees."""
        return self.num_chips * (self.chip.devices if self.chip else 1)


def parse_topology(text: str) -> Topology:
    """Reads a topology.

    Args:
      text: `cpu:N`, or a TPU's generation and the chips along each axis, `v5e:16x16`.

    Returns:
      The topology; whether the compiler knows it is found when it is asked for its devices.

    Raises:
      ValueError: naming the text and what is allowed.

    Example:
      >>> topology = parse_topology("v4:2x2x4")
      >>> topology.shape, topology.num_devices
      ((2, 2, 4), 16)
      >>> parse_topology("v9:2x2")
      Traceback (most recent call last):
      ...
      ValueError: topology is 'v9:2x2'; it must be cpu:N, v2:AxB, v3:AxB, v4:AxBxC, v5e:AxB, \
v5p:AxBxC, v6e:AxB or tpu7x:AxBxC
    """
    kinds = [f"{name}:{'AxBxC'[: 2 * chip.num_axes - 1]}" for name, chip in CHIPS.items()]
    allowed = f"cpu:N, {', '.join(kinds[:-1])} or {kinds[-1]}"
    generation, _, rest = text.partition(":")
    if not re.fullmatch(r"[1-9][0-9]*(x[1-9][0-9]*)*", rest):
        raise ValueError(bad_value("topology", text, allowed))
    shape = tuple(int(size) for size in rest.split("x"))
    if generation == "cpu" and len(shape) == 1:
        if shape[0] > MAX_CPU_DEVICES:
            raise ValueError(bad_value("topology", text, f"of at most {MAX_CPU_DEVICES} devices"))
        return Topology(text, "cpu", shape, None)
    if generation not in CHIPS or len(shape) != CHIPS[generation].num_axes:
        raise ValueError(bad_value("topology", text, allowed))
    return Topology(text, "tpu", shape, CHIPS[generation])


def check_compiler(topology: Topology) -> None:
    """Raises if the compiler for a topology is not installed.

    Args:
      topology: as `parse_topology` returns it.

    Raises:
      ImportError: naming the extra.

    Example:
      >>> check_compiler(parse_topology("cpu:8"))
    """
    if topology.platform == "tpu" and importlib.util.find_spec("libtpu") is None:
        raise ImportError("this topology needs libtpu: pip install jaxgan[plan]")


def environment(topology: Topology) -> Mapping[str, str]:
    """What a process needs to compile for a topology without having it.

    Args:
      topology: as `parse_topology` returns it.

    Returns:
      Environment variables, to be set before JAX is imported.

    Example:
      >>> environment(parse_topology("cpu:8"))["XLA_FLAGS"]
      '--xla_force_host_platform_device_count=8 --xla_cpu_max_isa=AVX'
    """
    if topology.platform == "cpu":
        # The second is what `reproducible` asks for.
        flags = f"--xla_force_host_platform_device_count={topology.num_devices}"
        return {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": f"{flags} --xla_cpu_max_isa=AVX"}
    return {
        "JAX_PLATFORMS": "cpu",  # for the arrays; the TPU is asked for by name
        "JAX_ENABLE_COMPILATION_CACHE": "false",  # it cannot be read without the device
        "ALLOW_MULTIPLE_LIBTPU_LOAD": "true",  # another process may compile at the same time
        "TPU_LOG_DIR": "disabled",
        "TPU_SKIP_MDS_QUERY": "1",  # do not look for a machine on Cloud TPU
        "TPU_ACCELERATOR_TYPE": "v5litepod-4",  # any will do: it is not used to compile
        "TPU_WORKER_HOSTNAMES": "localhost",
    }


def devices(topology: Topology) -> Sequence[Any]:
    """The devices of a topology, for compiling only.

    Args:
      topology: as `parse_topology` returns it; the process has its `environment`.

    Returns:
      JAX devices.

    Raises:
      ValueError: if the compiler has no such topology.

    Example:
      >>> len(devices(parse_topology("cpu:1")))
      1
    """
    if topology.platform == "cpu":
        there = jax.devices("cpu")
        if len(there) < topology.num_devices:
            raise ValueError(
                f"topology is {topology.name!r}; this process has {len(there)} CPU devices"
            )
        return there[: topology.num_devices]
    from jax.experimental import topologies

    generation = topology.name.partition(":")[0]
    options = {"chip_config_name": _CONFIGS[generation]} if generation in _CONFIGS else {}
    try:
        found = topologies.get_topology_desc(
            platform="tpu", topology_name=topology.name, **options
        ).devices
    except (RuntimeError, NotImplementedError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ValueError(f"topology is {topology.name!r}; the compiler says: {reason}") from error
    return found
