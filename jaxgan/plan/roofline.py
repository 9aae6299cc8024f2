"""A bound on the speed of a step, from the figures of a chip."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from jaxgan.plan.chips import FLOAT32_PASSES, Chip
from jaxgan.plan.flops import Kind


class Roofline(NamedTuple):
    """How fast a step can be at best.

    Attributes:
      compute_seconds: to multiply, at the peak of the matrix units.
      memory_seconds: to move bytes to and from the chip's memory.
      network_seconds: to send to other chips.
      step_seconds: the longest of the three, as if they overlapped perfectly.
      bound: which that is: `compute`, `memory` or `network`.
      intensity: FLOPs per byte of memory traffic.
      balance: FLOPs per byte at which the chip's matrix units and memory are equally busy.
      verdict: all this in a sentence.
    """

    compute_seconds: float
    memory_seconds: float
    network_seconds: float
    step_seconds: float
    bound: str
    intensity: float
    balance: float
    verdict: str


def roofline(
    chip: Chip, flops: Mapping[Kind, float], moved_bytes: float, sent_bytes: float
) -> Roofline:
    r"""The roofline model of one step on one device.

    .. math:: t \ge \max(\mathrm{FLOPs}/\mathrm{peak},\; \mathrm{bytes}/\mathrm{bandwidth},\;
        \mathrm{sent}/\mathrm{links})

    Args:
      chip: the figures of one device.
      flops: operations on this device, by kind; float32 takes several passes at high precision.
      moved_bytes: between its memory and its processor.
      sent_bytes: to other chips.

    Returns:
      The bound.

    Example:
      >>> from jaxgan.plan.chips import CHIPS
      >>> bound = roofline(CHIPS["v5e"], {("dot", "bfloat16", ""): 197e12}, 819e9 / 2, 0.0)
      >>> bound.step_seconds, bound.bound
      (1.0, 'compute')

    References:
      Williams et al., 2009, Roofline: an insightful visual performance model.
    """
    passes = sum(
        count * (FLOAT32_PASSES[precision] if dtype == "float32" else 1)
        for (_, dtype, precision), count in flops.items()
    )
    seconds = {
        "compute": passes / chip.bf16_flops,
        "memory": moved_bytes / chip.hbm_bandwidth,
        "network": sent_bytes / chip.ici_bandwidth,
    }
    bound = max(seconds, key=lambda name: seconds[name])
    total = float(sum(flops.values()))
    intensity = total / moved_bytes if moved_bytes else float("inf")
    balance = chip.bf16_flops / chip.hbm_bandwidth
    verdict = (
        f"{bound}-bound: {intensity:.0f} FLOPs per byte of memory traffic, "
        f"{'above' if intensity >= balance else 'below'} the chip's balance of {balance:.0f}"
    )
    return Roofline(
        compute_seconds=seconds["compute"],
        memory_seconds=seconds["memory"],
        network_seconds=seconds["network"],
        step_seconds=seconds[bound],
        bound=bound,
        intensity=intensity,
        balance=balance,
        verdict=verdict,
    )
