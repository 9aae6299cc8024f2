"""Which platform JAX takes where libtpu is installed for its compiler alone."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
from collections.abc import Collection, Mapping
from pathlib import Path

import jax

_GOOGLE = "0x1ae0"
_NETWORK_OR_DISK = ("0x01", "0x02")
_CHOSEN = ("JAX_PLATFORMS", "JAX_FORCE_TPU_INIT", "TPU_NAME")


def has_tpu(root: Path = Path("/")) -> bool:
    """Whether a TPU is attached to this machine.

    Args:
      root: of the file system.

    Returns:
      True if the kernel shows one, as a device of its own, one handed through, or on the bus.

    Example:
      >>> has_tpu(Path("/no/such/root"))
      False
    """
    if any(root.glob("dev/accel*")) or any(root.glob("dev/vfio/[0-9]*")):
        return True
    for vendor in root.glob("sys/bus/pci/devices/*/vendor"):
        kind = vendor.with_name("class")
        if vendor.read_text().strip() == _GOOGLE and kind.exists():
            # Google's virtual machines have its network cards and disks too.
            return not kind.read_text().startswith(_NETWORK_OR_DISK)
    return False


def without_tpu(
    plugins: Collection[str], variables: Mapping[str, str], root: Path = Path("/")
) -> str | None:
    """The platforms to take, where libtpu is not for the devices of this machine.

    Args:
      plugins: of JAX that are installed, by name: `xla_cuda12`.
      variables: of the environment.
      root: of the file system.

    Returns:
      What `jax_platforms` has to be; None if JAX should look by itself.

    Example:
      >>> without_tpu([], {}, Path("/no/such/root"))
      'cpu'
    """
    if any(variables.get(name) for name in _CHOSEN) or has_tpu(root):
        return None
    if not all("cuda" in name for name in plugins) or (plugins and any(root.glob("dev/dxg"))):
        return None
    hidden = variables.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    has_gpu = plugins and not hidden and any(root.glob("dev/nvidia[0-9]*"))
    return "cuda,cpu" if has_gpu else "cpu"


def choose() -> None:
    """Leaves libtpu alone on a machine without a TPU; call it before anything touches a device.

    JAX asks every platform that is installed, and libtpu answers with a page of errors where there
    is no TPU. Here it is installed for `jaxgan plan`, which asks for it by name. Nothing changes
    where a TPU is attached, libtpu is not installed, or a platform was chosen: by
    `JAX_PLATFORMS` or `jax.config`.

    Example:
      >>> choose()
    """
    if getattr(jax.config, "jax_platforms", None) or importlib.util.find_spec("libtpu") is None:
        return
    plugins = {one.name for one in importlib.metadata.entry_points(group="jax_plugins")}
    if (platforms := without_tpu(plugins, os.environ)) is not None:
        jax.config.update("jax_platforms", platforms)


def memory_bytes() -> int | None:
    """The memory of a device, or of the machine where the devices are its processors.

    Returns:
      Bytes; None where nobody says.

    Example:
      >>> memory_bytes() > 2**30
      True
    """
    stats = jax.local_devices()[0].memory_stats()
    if stats is not None:
        limit: int | None = stats.get("bytes_limit")
        return limit
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None
