"""What a checkpoint costs the training: the stall of a save, in training steps.

    python benchmarks/checkpoint.py

A DCGAN with Adam and an averaged generator, once as configs/mnist.py:penalties trains it, with R1
and R2, and once large and without penalties. In turn: a number of steps without a save, and the
same number behind a save. Measured are

    blocked   how long `save` itself takes
    extra     what the steps behind it take longer than those without: the first makes a copy of
              the state, as its old buffers are still being written, and writing and hashing share
              the processors with the training
    behind    how long the background is at work if nothing else is, and its processor time

and the stall, which is blocked + extra, over the time of a step; the goal is at most one step.
There are enough steps behind a save to outlast it. All are medians over the saves. On an
accelerator the processors are free for the writing, and the extra is that of the copy alone.
Writes benchmarks/results/checkpoint.json.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import timing

import jaxgan as jg
from jaxgan.checkpoint.checkpointer import Checkpoints
from jaxgan.cli.program import Parser, run_script
from jaxgan.models import DCGANDiscriminator, DCGANGenerator

LATENT, GOAL_STEPS = 64, 1.0


class Case(NamedTuple):
    """A network.

    Attributes:
      image_size: pixels, per side.
      base_channels: width of the networks.
      batch: images per step.
      penalized: whether with R1 and R2.
      num_saves: how often to measure.
    """

    image_size: int
    base_channels: int
    batch: int
    penalized: bool
    num_saves: int


CASES = {"mnist": Case(28, 32, 64, True, 9), "large": Case(32, 384, 4, False, 3)}


class Training:
    """A run that makes steps and saves.

    Args:
      case: the network.
      directory: for its checkpoints.
    """

    def __init__(self, case: Case, directory: Path) -> None:
        shape = (case.image_size, case.image_size, 1)
        gen = DCGANGenerator(case.image_size, 1, case.base_channels)
        disc = DCGANDiscriminator(case.image_size, 1, case.base_channels)
        game = jg.gan(
            jg.from_linen(gen, jnp.zeros((1, LATENT))),
            jg.from_linen(disc, jnp.zeros((1, *shape))),
            latent=LATENT,
        )
        if case.penalized:
            game = jg.with_penalty(game, jg.penalties.r1(1.0) + jg.penalties.r2(1.0))
        adam = jg.optimizers.adam(2e-4, b1=0.5)
        plain = jg.simultaneous(jg.gradient(game), optimizers={"gen": adam, "disc": adam})
        algorithm = jg.ema(plain, decay=0.999)
        self.state = jax.jit(algorithm.init)(jax.random.key(0))
        self._step = jax.jit(algorithm.step, donate_argnums=0)
        self._batch = {"image": jax.random.uniform(jax.random.key(1), (case.batch, *shape))}
        self.checkpoints = Checkpoints(directory, keep=1)
        self.num_saves = 0
        self.steps(2)

    def steps(self, num: int) -> list[float]:
        """Seconds of each of some steps."""
        times = []
        for _ in range(num):
            start = time.perf_counter()
            self.state, _ = self._step(self.state, self._batch)
            jax.block_until_ready(self.state)
            times.append(time.perf_counter() - start)
        return times

    def save(self) -> float:
        """Seconds that a save blocks."""
        self.num_saves += 1
        start = time.perf_counter()
        self.checkpoints.save(self.num_saves, self.state, {"batch": self.num_saves})
        return time.perf_counter() - start

    def seconds_behind(self) -> tuple[float, float]:
        """Seconds, and seconds of processor, behind a `save` with nothing else to do."""
        self.save()
        start, start_cpu = time.perf_counter(), time.process_time()
        self.checkpoints.wait()
        return time.perf_counter() - start, time.process_time() - start_cpu


def measure(name: str, case: Case) -> dict[str, Any]:
    """Prints and returns the figures of one network."""
    with tempfile.TemporaryDirectory() as directory:
        training = Training(case, Path(directory))
        leaves = jax.tree.leaves(training.state)
        behind, cpu = training.seconds_behind()
        step = float(np.median(training.steps(3)))
        # Twice, as the two share the processors.
        num_steps = int(np.ceil(2 * behind / step)) + 2
        blocked, extra, first = [], [], []
        for _ in range(case.num_saves):
            without = training.steps(num_steps)
            blocked.append(training.save())
            after = training.steps(num_steps)
            training.checkpoints.wait()
            extra.append(sum(after) - sum(without))
            first.append(after[0] - float(np.median(without)))
            step = float(np.median(without))
    found = {
        "num_parameters": sum(leaf.size for leaf in jax.tree.leaves(training.state.params)),
        "state_mib": round(sum(x.nbytes for x in leaves if x.size) / 2**20, 1),
        "num_arrays": len(leaves),
        "ms_per_step": round(1e3 * step, 2),
        "blocked_ms": round(1e3 * float(np.median(blocked)), 2),
        "first_step_extra_ms": round(1e3 * float(np.median(first)), 2),
        "extra_ms": round(1e3 * float(np.median(extra)), 2),
        "behind_ms": round(1e3 * behind, 1),
        "behind_processor_ms": round(1e3 * cpu, 1),
        "steps_behind": num_steps,
    }
    blocked_steps = found["blocked_ms"] / found["ms_per_step"]
    stall = (found["blocked_ms"] + found["extra_ms"]) / found["ms_per_step"]
    found |= {
        "blocked_steps": round(blocked_steps, 3),
        "stall_steps": round(stall, 3),
        "goal_steps": GOAL_STEPS,
        "blocked_passed": blocked_steps <= GOAL_STEPS,
        "stall_passed": stall <= GOAL_STEPS,
    }
    print(f"\n{name}")
    for key, value in found.items():
        print(f"  {key:22s} {value}")
    return found


def main() -> None:
    """Prints and writes the figures."""
    parser = Parser(description=__doc__)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--out", type=Path, default=timing.RESULTS / "checkpoint.json")
    args = parser.parse_args()
    results = {name: measure(name, CASES[name]) for name in args.cases}
    timing.save_results(args.out, results)


if __name__ == "__main__":
    run_script(main)
