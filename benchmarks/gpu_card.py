"""What the card can do at most: matrix products and convolutions, copies, calls."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from typing import Any

import gpu_clock
import gpu_session
import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.plan import count_flops

QUERY = (
    *("name", "driver_version", "memory.total", "power.limit", "power.draw", "temperature.gpu"),
    *("clocks.sm", "clocks.mem", "clocks.max.sm", "clocks.max.mem", "utilization.gpu"),
)
KINDS = {
    "bfloat16": ("bfloat16", "default"),
    "tf32": ("float32", "default"),
    "float32": ("float32", "highest"),
}
"""dtype and JAX's precision; what "default" is on this card, the error of the product says."""


def rows(setting: gpu_session.Setting) -> dict[str, Callable[[], dict[str, Any]]]:
    """The rows of the part `card`."""
    toy = setting.toy
    return {
        "nvidia-smi": nvidia_smi,
        **{f"matmul {kind}": partial(matmul, kind, toy) for kind in KINDS},
        **{f"conv {kind}": partial(conv, kind, toy) for kind in KINDS},
        "copy": partial(copy, toy),
        "call": partial(call, toy),
    }


def nvidia_smi() -> dict[str, Any]:
    """The driver's word on the card and its clocks, which nothing here changes."""
    if shutil.which("nvidia-smi") is None:
        raise FileNotFoundError("nvidia-smi is not on the path")
    command = ["nvidia-smi", f"--query-gpu={','.join(QUERY)}", "--format=csv,noheader"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    said = [value.strip() for value in done.stdout.splitlines()[0].split(",")]
    return dict(zip(QUERY, said, strict=True))


def _time(function: Any, *arguments: Any, toy: bool) -> dict[str, float]:
    compiled = jax.jit(function).lower(*arguments).compile()
    last = [compiled(*arguments)]

    def call() -> None:
        last[0] = compiled(*arguments)

    def wait() -> Any:
        return jax.block_until_ready(last[0])

    return gpu_clock.times(gpu_clock.seconds_per_call(call, wait, period=5, toy=toy))


def _random(seed: int, shape: tuple[int, ...], dtype: str) -> jax.Array:
    # Random numbers: products of zeros run faster than those of data.
    return jax.random.normal(jax.random.key(seed), shape, jnp.dtype(dtype))


def matmul(kind: str, toy: bool) -> dict[str, Any]:
    """A square product, and its error against float64 on a few rows."""
    dtype, precision = KINDS[kind]
    size = 128 if toy else 8192
    x, y = (_random(seed, (size, size), dtype) for seed in (0, 1))

    def product(x: jax.Array, y: jax.Array) -> jax.Array:
        return jnp.matmul(x, y, precision=precision)

    found = _time(product, x, y, toy=toy)
    few = np.asarray(jax.jit(product)(x, y)[:8], np.float64)
    right = np.asarray(x[:8], np.float64) @ np.asarray(y, np.float64)
    error = float(np.linalg.norm(few - right) / np.linalg.norm(right))
    return {
        **found,
        "size": size,
        "tflops_per_second": 2e-9 * size**3 / found["ms"],
        "error": error,
    }


def conv(kind: str, toy: bool) -> dict[str, Any]:
    """A 3x3 convolution of 256 channels at 32x32 pixels, batch 256: what GANs are made of."""
    dtype, precision = KINDS[kind]
    batch, size, channels = (2, 8, 8) if toy else (256, 32, 256)
    x = _random(0, (batch, size, size, channels), dtype)
    kernel = _random(1, (3, 3, channels, channels), dtype)

    def convolve(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return jax.lax.conv_general_dilated(
            x,
            kernel,
            (1, 1),
            "SAME",
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            precision=precision,
        )

    found = _time(convolve, x, kernel, toy=toy)
    flops = count_flops(convolve, x, kernel, platform="cuda").total
    return {**found, "batch": batch, "tflops_per_second": 1e-9 * flops / found["ms"]}


def copy(toy: bool) -> dict[str, Any]:
    """Reading and writing the card's own memory, 2 GiB each."""
    x = _random(0, (2**16 if toy else 2**29,), "float32")
    found = _time(lambda x: x + 1.0, x, toy=toy)
    return {**found, "gb_per_second": 2e-6 * x.nbytes / found["ms"]}


def call(toy: bool) -> dict[str, Any]:
    """What a call costs that does next to nothing: dispatched in a row, and waited for each."""
    x = jnp.zeros(())
    step = jax.jit(lambda x: x + 1.0).lower(x).compile()
    last = [x]

    def dispatch() -> None:
        last[0] = step(last[0])

    def complete() -> None:
        last[0] = jax.block_until_ready(step(last[0]))

    def wait() -> Any:
        return jax.block_until_ready(last[0])

    row, each = (
        gpu_clock.times(gpu_clock.seconds_per_call(one, wait, period=100, toy=toy))
        for one in (dispatch, complete)
    )
    return {**row, "ms_waited_for": each["ms"]}
