"""A DCGAN training step in jaxgan and in PyTorch, on the same CPU, in the same process.

    pip install torch
    python benchmarks/dcgan_step.py

Both sides train the same networks (32x32x3 images, batch 64, 64 base channels, batch norm, kernel
4), with the same simultaneous step: one forward pass, the discriminator's gradient, the generator's
gradient, two Adam updates, non-saturating loss, latents drawn inside the step. Rounds are
interleaved: every round gives every contestant one turn of ten steps, so that a busy moment of the
machine hits all of them, and a contestant's time is its median over the rounds. Measured are

    plain     the step
    r1        the same with R1 on the real images (a second derivative)
    substeps  ten plain steps in one call: `jg.substeps` (a `lax.scan`) here, a loop there

Prints steps per second and the ratio of jaxgan to the fastest PyTorch variant (eager, channels
last, torch.compile, both). Found on two quiet cores: about 1.0 plain and with R1 (0.97 to 1.03),
1.2 in substeps. A variant that PyTorch cannot run is named with its error. The result is also
written as JSON.

Run it on a machine that does nothing else: PyTorch's threads wait for each other at every layer, so
another busy process slows it far more than XLA, and the ratio then says nothing. Where the kernel
gives huge pages on request only, GLIBC_TUNABLES=glibc.malloc.hugetlb=1 speeds up both sides.
"""

from __future__ import annotations

import json
import os
import pathlib
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import jaxgan as jg
from jaxgan.cli.program import Parser, run_script, whole
from jaxgan.models import DCGANDiscriminator, DCGANGenerator

IMAGE_SIZE, CHANNELS, BATCH, LATENT = 32, 3, 64, 100
LEARNING_RATE, B1, B2, R1_WEIGHT = 2e-4, 0.5, 0.999, 10.0
STEPS_PER_TURN = 10
CASES = ("plain", "r1", "substeps")
TORCH_VARIANTS = {
    "torch eager": (False, False),
    "torch eager channels_last": (True, False),
    "torch compile": (False, True),
    "torch compile channels_last": (True, True),
}

Run = Callable[[], float]
"""Runs some steps to completion and returns seconds per step."""


class Contestant(NamedTuple):
    """One implementation of one case."""

    name: str
    run: Run
    num_params: int


def _images(seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.uniform(-1, 1, (BATCH, IMAGE_SIZE, IMAGE_SIZE, CHANNELS)).astype(np.float32)


def jaxgan_contestant(case: str, base_channels: int) -> Contestant:
    """The step of the public API, compiled, with a donated state."""
    gen = DCGANGenerator(IMAGE_SIZE, CHANNELS, base_channels)
    disc = DCGANDiscriminator(IMAGE_SIZE, CHANNELS, base_channels)
    image = jnp.zeros((1, IMAGE_SIZE, IMAGE_SIZE, CHANNELS))
    game = jg.gan(
        jg.from_linen(gen, jnp.zeros((1, LATENT))), jg.from_linen(disc, image), latent=LATENT
    )
    if case == "r1":
        game = jg.with_penalty(game, jg.penalties.r1(weight=R1_WEIGHT))
    optimizers = {
        player: jg.optimizers.adam(LEARNING_RATE, b1=B1, b2=B2) for player in ("gen", "disc")
    }
    algorithm = jg.simultaneous(jg.gradient(game), optimizers=optimizers)
    batches = [{"image": jnp.asarray(_images(i))} for i in range(STEPS_PER_TURN)]
    if case == "substeps":
        algorithm = jg.substeps(algorithm, num_steps=STEPS_PER_TURN)
        batches = [jax.tree.map(lambda *images: jnp.stack(images), *batches)]
    state = jax.jit(algorithm.init)(jax.random.key(0))
    num_params = sum(leaf.size for leaf in jax.tree.leaves(state.params))
    step = jax.jit(algorithm.step, donate_argnums=0)
    box = [state]

    def run() -> float:
        start = time.perf_counter()
        for batch in batches:
            box[0], metrics = step(box[0], batch)
            jax.block_until_ready(metrics)
        jax.block_until_ready(box[0])
        return (time.perf_counter() - start) / STEPS_PER_TURN

    return Contestant("jaxgan", run, num_params)


def torch_contestant(
    case: str, name: str, channels_last: bool, compiled: bool, base_channels: int
) -> Contestant:
    """The same step in PyTorch, with its fused Adam."""
    import torch_steps

    images = np.stack([_images(i) for i in range(STEPS_PER_TURN)]).transpose(0, 1, 4, 2, 3)
    options = torch_steps.Options(channels_last=channels_last, mode="default" if compiled else None)
    step, num_params = torch_steps.dcgan(images, base_channels, options, r1=case == "r1")

    def run() -> float:
        start = time.perf_counter()
        for _ in range(STEPS_PER_TURN):
            step()
        return (time.perf_counter() - start) / STEPS_PER_TURN

    return Contestant(name, run, num_params)


def contestants(case: str, base_channels: int) -> tuple[list[Contestant], dict[str, str]]:
    """Everyone who can run a case, warmed up, and why the others cannot."""
    ours = jaxgan_contestant(case, base_channels)
    ours.run()
    entered, failed = [ours], {}
    for name, (channels_last, compiled) in TORCH_VARIANTS.items():
        contestant = torch_contestant(case, name, channels_last, compiled, base_channels)
        if contestant.num_params != ours.num_params:
            raise ValueError(f"{name} has {contestant.num_params} params, not {ours.num_params}")
        try:
            contestant.run()
        except Exception as error:  # whatever torch.compile cannot do, it says in its own class
            failed[name] = f"{type(error).__name__}: {str(error).splitlines()[0]}"[:200]
        else:
            entered.append(contestant)
    return entered, failed


def measure(entered: list[Contestant], num_rounds: int) -> dict[str, list[float]]:
    """Seconds per step of everyone in every round; who starts a round changes with it."""
    seconds: dict[str, list[float]] = {contestant.name: [] for contestant in entered}
    for i in range(num_rounds):
        first = i % len(entered)
        for contestant in entered[first:] + entered[:first]:
            seconds[contestant.name].append(contestant.run())
    return seconds


def summarise(seconds: dict[str, list[float]], failed: dict[str, str]) -> dict[str, Any]:
    """Medians, and the ratio of ours to the fastest of theirs, of the medians and of the minima."""
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    minima = {name: min(values) for name, values in seconds.items()}
    theirs = [name for name in medians if name != "jaxgan"]
    best = min(theirs, key=lambda name: medians[name])
    return {
        "steps_per_second": {name: 1 / value for name, value in medians.items()},
        "milliseconds_median": {name: 1e3 * value for name, value in medians.items()},
        "milliseconds_min": {name: 1e3 * value for name, value in minima.items()},
        "best_torch": best,
        "ratio": medians[best] / medians["jaxgan"],
        "ratio_of_minima": min(minima[name] for name in theirs) / minima["jaxgan"],
        "cannot_run": failed,
    }


def main() -> None:
    """Run the cases, print a table, write JSON."""
    parser = Parser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--rounds", type=whole(1), default=8, help="turns of each contestant")
    parser.add_argument("--base-channels", type=whole(1), default=64)
    parser.add_argument("--out", default="benchmarks/results/dcgan_step.json")
    args = parser.parse_args()

    import torch
    import torch._functorch.config as functorch_config

    torch.set_num_threads(len(os.sched_getaffinity(0)))  # as many as XLA takes
    functorch_config.donated_buffer = False  # retain_graph over compiled modules needs this
    result: dict[str, Any] = {
        "image": [IMAGE_SIZE, IMAGE_SIZE, CHANNELS],
        "batch": BATCH,
        "base_channels": args.base_channels,
        "rounds": args.rounds,
        "threads": torch.get_num_threads(),
        "jax": jax.__version__,
        "torch": torch.__version__,
        "processor": platform.machine(),
        "glibc_tunables": os.environ.get("GLIBC_TUNABLES", ""),
        "cases": {},
    }
    for case in args.cases:
        entered, failed = contestants(case, args.base_channels)
        loads = [os.getloadavg()[0]]
        summary = summarise(measure(entered, args.rounds), failed)
        loads.append(os.getloadavg()[0])
        result["cases"][case] = {**summary, "load_average": loads}
        print(f"{case} (load average {loads[0]:.1f} to {loads[1]:.1f})")
        for name, rate in summary["steps_per_second"].items():
            print(
                f"  {name:28s} {rate:6.2f} steps/s   median "
                f"{summary['milliseconds_median'][name]:6.1f} ms   "
                f"min {summary['milliseconds_min'][name]:6.1f} ms"
            )
        for name, error in failed.items():
            print(f"  {name:28s} cannot run: {error}")
        print(
            f"  jaxgan / {summary['best_torch']}: {summary['ratio']:.2f} "
            f"(of minima: {summary['ratio_of_minima']:.2f})",
            flush=True,
        )
    path = pathlib.Path(args.out)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    run_script(main)
