"""The steps of DCGAN and of the ring in PyTorch, eager and compiled, on the same GPU.

PyTorch multiplies float32 in TF32 here, as JAX does by default, and lets cuDNN choose its fastest
kernels, as XLA does. Images are on the device already. "CUDA graphs" is `torch.compile` with
`mode="reduce-overhead"`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import gpu_clock
import gpu_session
import numpy as np
import torch
import torch._functorch.config as functorch_config
import torch_steps

BATCH, WIDTH, BATCHES = 128, 64, 4
RING: dict[str, Any] = {"batch": 512, "latent": 16, "width": 128, "rate": 1e-3}
MODES: dict[str, str | None] = {
    "eager": None,
    "compiled": "default",
    "compiled, CUDA graphs": "reduce-overhead",
}


def _device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def prepare(setting: gpu_session.Setting) -> None:
    """The switches.

    Raises:
      RuntimeError: if PyTorch sees no GPU.
    """
    if not setting.toy and not torch.cuda.is_available():
        raise RuntimeError(f"PyTorch {torch.__version__} sees no GPU")
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    functorch_config.donated_buffer = False  # retain_graph over compiled modules needs this


def time_step(
    make: Callable[[], Callable[[], None]], setting: gpu_session.Setting, images: int
) -> dict[str, Any]:
    """Times a step, from the second on."""
    prepare(setting)
    start = time.perf_counter()
    step, has_gpu = make(), torch.cuda.is_available()

    def wait() -> None:
        if has_gpu:
            torch.cuda.synchronize()

    for _ in range(3):
        step()
    wait()
    first = time.perf_counter() - start
    found = gpu_clock.times(gpu_clock.seconds_per_call(step, wait, period=10, toy=setting.toy))
    return {
        **found,
        "images_per_step": images,
        "images_per_second": round(1e3 * images / found["ms"], 1),
        "first_steps_seconds": round(first, 2),
        "peak_mib": torch.cuda.max_memory_allocated() / 2**20 if has_gpu else None,
    }


def dcgan(setting: gpu_session.Setting, options: torch_steps.Options) -> dict[str, Any]:
    """DCGAN as gpu_steps.py has it."""
    batch, width = (4, 4) if setting.toy else (BATCH, WIDTH)
    size, channels = torch_steps.IMAGE_SIZE, torch_steps.CHANNELS
    shape = (BATCHES, batch, channels, size, size)
    images = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
    return time_step(lambda: torch_steps.dcgan(images, width, options)[0], setting, batch)


def ring(setting: gpu_session.Setting, options: torch_steps.Options) -> dict[str, Any]:
    """The ring as gpu_dynamics.py has it."""
    return time_step(lambda: torch_steps.ring(**RING, options=options), setting, RING["batch"])


def rows(
    setting: gpu_session.Setting, *, what: str, precision: str = "float32"
) -> dict[str, Callable[[], dict[str, Any]]]:
    """The rows of the parts `dcgan_torch_PRECISION` and `ring_torch`."""
    of = partial(torch_steps.Options, _device(), bfloat16=precision == "bfloat16")
    modes: dict[str, str | None] = {"eager": None} if setting.toy else MODES
    if what == "ring":
        return {name: partial(ring, setting, of(mode=mode)) for name, mode in modes.items()}
    found: dict[str, Callable[[], dict[str, Any]]] = {"eager": partial(dcgan, setting, of())}
    for name, mode in modes.items():
        options = of(channels_last=True, mode=mode)
        found[f"{name}, channels last"] = partial(dcgan, setting, options)
    return found
