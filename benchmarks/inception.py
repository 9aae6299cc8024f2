"""Inception-v3 features per second: jaxgan against PyTorch's port, on the same CPU.

    pip install torch torchvision pytorch-fid
    python benchmarks/inception.py

Both sides map the same images (batch 16, 299x299, already resized and scaled) to the 2,048 features
of the Fréchet Inception distance, under the same random weights. jaxgan runs its own network, batch
norms folded; PyTorch that of pytorch-fid as it is, in inference mode, with channels first and last.
Turns are interleaved: every round gives each contestant one turn, and its time is the median over
the rounds. How far the two are apart is written beside.

The result is written to benchmarks/results/inception.json. Run it on a machine that does nothing
else.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import timing
from flax import traverse_util

from jaxgan.cli.program import Parser, run_script, whole
from jaxgan.features.inception import fold, state_shapes
from jaxgan.features.inception_network import Inception


def state_array(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Random weights under which activations stay of one size through all layers."""
    draw = np.random.default_rng(zlib.crc32(name.encode()))
    if name.endswith("running_var") or name.endswith("bn.weight"):
        return draw.uniform(0.8, 1.2, shape).astype(np.float32)
    scale = 0.05 if len(shape) == 1 else np.sqrt(2.0 / np.prod(shape[1:]))
    return (scale * draw.standard_normal(shape)).astype(np.float32)


def jaxgan_contestant(state: dict[str, np.ndarray], images: np.ndarray) -> Callable[[], Any]:
    """The features of the images, by jaxgan."""
    arrays = {name: array.astype(np.float32) for name, array in fold(state).items()}
    params = jax.device_put(traverse_util.unflatten_dict(arrays, sep="/"))
    apply: Any = jax.jit(Inception().apply)
    x = jax.device_put(images)
    return lambda: np.asarray(apply({"params": params}, x)["2048"])


def torch_contestant(
    state: dict[str, np.ndarray], images: np.ndarray, channels_last: bool
) -> Callable[[], Any]:
    """The same by pytorch-fid, whose download of weights is replaced by ours."""
    import torch
    from pytorch_fid import inception as port

    tensors = {name: torch.from_numpy(array) for name, array in state.items()}
    for name in [name for name in tensors if name.endswith("running_var")]:
        tensors[name.replace("running_var", "num_batches_tracked")] = torch.tensor(0)
    port.load_state_dict_from_url = lambda *args, **kwargs: tensors
    network = port.InceptionV3((3,), resize_input=False, normalize_input=False).eval()
    x = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())
    if channels_last:
        network = network.to(memory_format=torch.channels_last)
        x = x.contiguous(memory_format=torch.channels_last)

    def run() -> Any:
        with torch.inference_mode():
            return network(x)[0][:, :, 0, 0].numpy()

    return run


def main() -> None:
    """Measures and writes."""
    parser = Parser(description=__doc__)
    parser.add_argument("--batch", type=whole(1), default=16)
    parser.add_argument("--rounds", type=whole(1), default=7)
    args = parser.parse_args()
    state = {name: state_array(name, shape) for name, shape in state_shapes().items()}
    shape = (args.batch, 299, 299, 3)
    images = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
    contestants = {
        "jaxgan": jaxgan_contestant(state, images),
        "torch": torch_contestant(state, images, channels_last=False),
        "torch channels_last": torch_contestant(state, images, channels_last=True),
    }
    expected = contestants["torch"]()
    gap = float(np.abs(contestants["jaxgan"]() - expected).max() / np.abs(expected).max())
    seconds = timing.seconds_per_call(contestants, num_rounds=args.rounds, num_calls=1)
    rates = {name: args.batch / value for name, value in seconds.items()}
    best = max(rate for name, rate in rates.items() if name != "jaxgan")
    results = {
        "batch": args.batch,
        "rounds": args.rounds,
        "load_before": os.getloadavg()[0],
        "largest_difference": gap,
        "images_per_second": rates,
        "ratio": rates["jaxgan"] / best,
    }
    timing.save_results(timing.RESULTS / "inception.json", results)
    for name, rate in rates.items():
        print(f"{name:20} {rate:7.2f} images/s")
    print(f"jaxgan / best of PyTorch {results['ratio']:.2f}, largest difference {gap:.1e}")


if __name__ == "__main__":
    run_script(main)
