"""Published figures of accelerators: what a step is held against.

TPUs, per chip: Cloud TPU documentation, "System architecture" of each version, read in 2026
(https://docs.cloud.google.com/tpu/docs/v5e and v3, v4, v5p, v6e, tpu7x): peak compute in bf16,
capacity and bandwidth of the memory (HBM), bandwidth of the links between chips (ICI). The
documentation gives links in both directions together; what a chip can send is half of that. For
v3 it is the all-reduce bandwidth of a pod over its 1,024 chips; for v4, six links of 50 GB/s:
Jouppi et al., 2023 (arXiv:2304.01433), table 4. For v2, Norrie et al., 2021 (IEEE Micro 41(2)): 46
TFLOP/s, 16 GiB, 700 GB/s, four links of 496 Gbit/s. A peak in fp32 is not published: a TPU
multiplies in bf16, several times for more digits (`FLOAT32_PASSES`).

The figures of v2 and of the GPUs have not been looked up again.

GPUs: NVIDIA's data sheets, dense (without sparsity) tensor-core peaks in bf16, in fp16 for V100
and T4, which have no bf16.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

_TERA, _GIGA, _GIB = 1e12, 1e9, 2**30

FLOAT32_PASSES: Mapping[str, int] = {"": 1, "high": 3, "highest": 6}
"""bf16 products that a TPU needs for one of float32, by JAX's precision; "" is the default."""


class Chip(NamedTuple):
    """Figures of one chip of a TPU.

    Attributes:
      generation: as topologies name it.
      device_kind: as JAX names its devices.
      devices: JAX devices on one chip; they share its figures evenly.
      num_axes: of the torus of chips.
      bf16_flops: peak, in FLOP/s.
      hbm_bytes: of memory.
      hbm_bandwidth: in bytes/s.
      ici_bandwidth: what it can send over all its links together, in bytes/s.
    """

    generation: str
    device_kind: str
    devices: int
    num_axes: int
    bf16_flops: float
    hbm_bytes: float
    hbm_bandwidth: float
    ici_bandwidth: float

    @property
    def share(self) -> Chip:
        """The figures of one JAX device."""
        n = self.devices
        return self._replace(
            bf16_flops=self.bf16_flops / n,
            hbm_bytes=self.hbm_bytes / n,
            hbm_bandwidth=self.hbm_bandwidth / n,
            ici_bandwidth=self.ici_bandwidth / n,
        )


def _tpu(
    generation: str,
    device_kind: str,
    devices: int,
    num_axes: int,
    *figures: float,
) -> Chip:
    teraflops, gibibytes, hbm, ici = figures
    return Chip(
        generation,
        device_kind,
        devices,
        num_axes,
        teraflops * _TERA,
        gibibytes * _GIB,
        hbm * _GIGA,
        ici * _GIGA,
    )


CHIPS: Mapping[str, Chip] = {
    chip.generation: chip
    for chip in (
        _tpu("v2", "TPU v2", 2, 2, 46, 16, 700, 248),
        _tpu("v3", "TPU v3", 2, 2, 123, 32, 900, 332),
        _tpu("v4", "TPU v4", 1, 3, 275, 32, 1200, 300),
        _tpu("v5e", "TPU v5 lite", 1, 2, 197, 16, 819, 200),
        _tpu("v5p", "TPU v5", 1, 3, 459, 95, 2765, 600),
        _tpu("v6e", "TPU v6 lite", 1, 2, 918, 32, 1638, 400),
        _tpu("tpu7x", "TPU7x", 2, 3, 2307, 192, 7380, 600),
    )
}
"""TPUs by generation."""

_KINDS: Mapping[str, float] = {
    **{chip.device_kind: chip.share.bf16_flops for chip in CHIPS.values()},
    "TPU v5e": 197 * _TERA,
    "TPU v5p": 459 * _TERA,
    "TPU v6e": 918 * _TERA,
    "A10": 125 * _TERA,
    "A100": 312 * _TERA,
    "B200": 2250 * _TERA,
    "GH200": 989 * _TERA,
    "H100": 989 * _TERA,
    "H100 NVL": 835 * _TERA,
    "H100 PCIe": 756 * _TERA,
    "H200": 989 * _TERA,
    "L4": 121 * _TERA,
    "L40S": 362 * _TERA,
    "T4": 65 * _TERA,
    "V100": 125 * _TERA,
}


def peak_flops(device_kind: str) -> float | None:
    """The peak of one JAX device, to say what share of it a run uses.

    Args:
      device_kind: as `jax.Device.device_kind` says it.

    Returns:
      FLOP/s in bf16 (fp16 where a GPU has no bf16); None for a CPU and what is not in the table.

    Example:
      >>> peak_flops("NVIDIA H100 80GB HBM3"), peak_flops("TPU v5 lite"), peak_flops("cpu")
      (989000000000000.0, 197000000000000.0, None)
    """
    words = device_kind.replace("-", " ").split()
    found = [
        name
        for name in _KINDS
        if name == device_kind or (not name.startswith("TPU") and set(name.split()) <= set(words))
    ]
    return _KINDS[max(found, key=len)] if found else None
