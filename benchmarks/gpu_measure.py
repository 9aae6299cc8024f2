"""What a training step costs on a device: time, compilation, memory; its operations."""

from __future__ import annotations

import time
from typing import Any

import gpu_clock
import gpu_session
import jax
import numpy as np

import jaxgan as jg
from jaxgan.plan import count_flops

MIB = 2**20


def memory() -> float | None:
    """The most memory that this process has had in use on the device, in MiB, if it says so."""
    stats = jax.devices()[0].memory_stats() or {}
    peak = stats.get("peak_bytes_in_use")
    return None if peak is None else round(peak / MIB, 1)


def planned(compiled: Any) -> float | None:
    """The memory that a program needs with its arguments and results, in MiB, as compiled."""
    plan = compiled.memory_analysis()
    if plan is None:
        return None
    total = plan.argument_size_in_bytes + plan.output_size_in_bytes + plan.temp_size_in_bytes
    mib: float | None = round((total - plan.alias_size_in_bytes) / MIB, 1)
    return mib


def measure_step(
    algorithm: jg.Algorithm,
    batch: Any,
    setting: gpu_session.Setting,
    *,
    images: int,
    steps_per_call: int = 1,
    period: int = 10,
) -> dict[str, Any]:
    """Compiles a training step and times it.

    Args:
      algorithm: what is trained.
      batch: the data of one call, on the device.
      setting: of the part.
      images: real examples that one step takes.
      steps_per_call: of training.
      period: calls after which the work repeats, as with lazy penalties.

    Returns:
      The row of a table.
    """
    begun = time.perf_counter()
    state = jax.block_until_ready(jax.jit(algorithm.init)(jax.random.key(0)))
    parameters = {
        player: sum(leaf.size for leaf in jax.tree.leaves(tree))
        for player, tree in state.params.items()
    }
    start = time.perf_counter()
    lowered = jax.jit(algorithm.step, donate_argnums=0).trace(state, batch).lower()
    traced = time.perf_counter()
    compiled = lowered.compile()
    ended = time.perf_counter()
    after_compiling, box = memory(), [state]
    del state

    def call() -> None:
        box[0], _ = compiled(box[0], batch)

    seconds = gpu_clock.seconds_per_call(
        call, lambda: jax.block_until_ready(box[0]), period=period, toy=setting.toy
    )
    finite = all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(jax.device_get(box[0].params)))
    found = gpu_clock.times(seconds, steps_per_call)
    return {
        **found,
        "images_per_step": images,
        "images_per_second": round(1e3 * images / found["ms"], 1),
        "init_seconds": round(start - begun, 2),
        "trace_seconds": round(traced - start, 2),
        "compile_seconds": round(ended - traced, 2),
        "planned_mib": planned(compiled),
        "peak_mib_after_compiling": after_compiling,
        "peak_mib": memory(),
        "parameters": parameters,
        "finite": finite,
    }


def flops_of(algorithm: jg.Algorithm, batch: Any) -> float:
    """Floating-point operations of one call, as a GPU's program has them, lazy terms being due."""
    state = jax.eval_shape(algorithm.init, jax.random.key(0))
    return count_flops(algorithm.step, state, batch, platform="cuda").total
