"""A training step of the ring game, ours against PyTorch; and 16 seeds at once against one by one.

    pip install jaxgan[bench]
    python benchmarks/ring_step.py

One process, one run, interleaved. The game: eight Gaussians on a ring, batch 512, MLPs of 2 x 128,
latents of 16, the non-saturating loss, Adam, both players from the same forward pass; data and
latents are drawn inside the step on both sides. Ours runs 100 steps in a call (`substeps`), PyTorch
the same 100 in a loop, eager and compiled. Prints steps/s and ratios, and writes
benchmarks/results/ring_step.json.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import timing

import jaxgan as jg
from jaxgan.algorithms import Algorithm
from jaxgan.cli.program import Parser, run_script, whole
from jaxgan.data import DeviceSource, open_source
from jaxgan.models import MLPDiscriminator, MLPGenerator

timing.peer("torch")

BATCH, LATENT, WIDTH, STEPS, RATE = 512, 16, 128, 100, 1e-3
RADIUS, STD, MODES = 2.0, 0.02, 8


def our_algorithm() -> Algorithm:
    """The game and its training, as a user writes them."""
    latent = jax.ShapeDtypeStruct((1, LATENT), jnp.float32)
    point = jax.ShapeDtypeStruct((1, 2), jnp.float32)
    gen = jg.from_linen(MLPGenerator((WIDTH, WIDTH), (2,)), latent)
    disc = jg.from_linen(MLPDiscriminator((WIDTH, WIDTH)), point)
    game = jg.gan(gen, disc, latent=LATENT, loss=jg.losses.non_saturating())
    adam = jg.optimizers.adam(RATE, b1=0.5)
    algorithm = jg.simultaneous(jg.gradient(game), optimizers={"gen": adam, "disc": adam})
    source = open_source("ring", num_modes=MODES, radius=RADIUS, std=STD)
    if not isinstance(source, DeviceSource):
        raise TypeError("the ring is sampled on the device")
    return jg.device_data(algorithm, sample=source.sample, batch_size=BATCH)


def our_steps(algorithm: Algorithm) -> Callable[[], None]:
    """A call of `STEPS` steps that keeps its state, donated."""
    many = jg.substeps(algorithm, num_steps=STEPS)
    step = jax.jit(many.step, donate_argnums=0)
    states = [jax.jit(many.init)(jax.random.key(0))]

    def run() -> None:
        state, _ = step(states.pop(), {})
        states.append(jax.block_until_ready(state))

    return run


def torch_steps_of(compiled: bool) -> Callable[[], None]:
    """A call of `STEPS` steps in PyTorch."""
    import torch_steps

    options = torch_steps.Options(mode="default" if compiled else None)
    step = torch_steps.ring(BATCH, LATENT, WIDTH, RATE, options)

    def run() -> None:
        for _ in range(STEPS):
            step()

    return run


def main() -> None:
    """Prints and writes the figures."""
    parser = Parser(description=__doc__)
    parser.add_argument("--rounds", type=whole(1), default=9)
    parser.add_argument("--calls", type=whole(1), default=3)
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent / "results/ring_step.json"
    )
    args = parser.parse_args()

    algorithm = our_algorithm()
    candidates = {
        "jaxgan": our_steps(algorithm),
        "jaxgan, 16 seeds": our_steps(jg.seeds(algorithm, num_seeds=16)),
        "torch eager": torch_steps_of(compiled=False),
        "torch compile": torch_steps_of(compiled=True),
    }
    seconds = timing.seconds_per_call(candidates, num_rounds=args.rounds, num_calls=args.calls)
    speeds = {name: STEPS / time for name, time in seconds.items()}
    for name, speed in speeds.items():
        print(f"{name:20s} {speed:8.0f} steps/s")
    best = max(speeds["torch eager"], speeds["torch compile"])
    ratio = speeds["jaxgan"] / best
    seeds_ratio = 16 * seconds["jaxgan"] / seconds["jaxgan, 16 seeds"]
    print(f"jaxgan / best torch: {ratio:.2f}")
    print(f"16 seeds at once / 16 runs one by one: {seeds_ratio:.2f} times as fast")
    results = {"steps_per_second": speeds, "ratio": ratio, "seeds_ratio": seeds_ratio}
    timing.save_results(args.out, results)


if __name__ == "__main__":
    run_script(main)
