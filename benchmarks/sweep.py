"""A grid of the ring in one program: against runs one after another, and against its arithmetic.

    python benchmarks/sweep.py

16 x 16 learning rates x 4 seeds of configs/ring.py, with MLPs of 2 x 128, Adam, the non-saturating
loss without penalties and batches of 64, so that the whole grid fits into minutes on two cores. Two
ratios, from one process:

- runs one after another: `jaxgan train` with one seed and one pair of rates, timed as a command at
  two lengths, from which follow its start (imports, compilation, pictures, checkpoints) and its
  time a step. 1,024 of them are not run: their time is 1,024 times that.
- the arithmetic: the floating-point operations of a step, as `jaxgan.plan` counts them, at the rate
  of this machine's own float32 matrix product, 2,048 x 2,048; and, beside it, at that of 1,024
  products [64, 128] x [128, 128], which are the grid's.

Targets: 4 times as fast as the runs, and at most 1.3 times the arithmetic. Prints both and writes
benchmarks/results/sweep.json.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import timing

from jaxgan.cli.program import Parser, run_script, whole
from jaxgan.config.base import load_config
from jaxgan.config.data import open_data
from jaxgan.config.grid import at_point
from jaxgan.config.resolve import resolve
from jaxgan.plan import count_flops
from jaxgan.run.members import make_one
from jaxgan.transforms import points, substeps, vectorized

ROOT = Path(__file__).parents[1]
CONFIG, BATCH, WIDTH = str(ROOT / "configs" / "ring.py"), 64, 128
KEYS = ("optimizer.gen.learning_rate", "optimizer.disc.learning_rate")
FLAGS = [
    *(f"--config.{key}=1e-3" for key in KEYS),
    "--config.loss=non_saturating",
    "--config.penalties.r1=none",
    "--config.penalties.r2=none",
    f"--config.batch_size={BATCH}",
]
LENGTHS = (1000, 11_000)
"""Steps of the single runs."""


def single_runs(num: int) -> tuple[float, float]:
    """Seconds of a command's start, and of one of its steps: medians."""
    found: dict[int, list[float]] = {steps: [] for steps in LENGTHS}
    for index in range(num):
        for steps in LENGTHS:
            with tempfile.TemporaryDirectory() as folder:
                # Another rate each time, so that nothing is found compiled.
                rates = [f"--config.{key}={1e-3 * (1 + index) + 1e-7 * steps}" for key in KEYS]
                command = [sys.executable, "-m", "jaxgan", "train", "--config", CONFIG]
                command += [*FLAGS, *rates, "--workdir", folder, f"--config.total_steps={steps}"]
                command += ["--config.log_every_steps=1000", "--config.sample_every_steps=1000"]
                start = time.perf_counter()
                subprocess.run(command, check=True, capture_output=True)
                found[steps].append(time.perf_counter() - start)
    short, long = (float(np.median(found[steps])) for steps in LENGTHS)
    step = (long - short) / (LENGTHS[1] - LENGTHS[0])
    return short - LENGTHS[0] * step, step


def grid_of(side: int, num_seeds: int) -> tuple[Any, Any]:
    """The algorithm of all members, and that of one."""
    config = resolve(load_config(CONFIG, FLAGS))
    source = open_data(config)

    def make(**numbers: Any) -> Any:
        return make_one(at_point(config, numbers), source)

    rates = np.geomspace(1e-4, 1e-2, side)
    named = points(**dict.fromkeys(KEYS, rates))
    repeated = {key: np.repeat([point[key] for point in named], num_seeds) for key in KEYS}
    seeds = np.tile(np.arange(num_seeds), len(named))
    return vectorized(make, seeds=seeds, own_batches=False, **repeated), make()


def product(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> tuple[Callable[[], Any], float]:
    """A matrix product, and its operations."""
    x, y = (jnp.ones(shape) for shape in shapes)
    multiply = jax.jit(jnp.matmul)
    flops = 2.0 * np.prod(shapes[0]) * shapes[1][-1]
    return lambda: jax.block_until_ready(multiply(x, y)), float(flops)


def main() -> None:
    """Prints and writes the figures."""
    parser = Parser(description=__doc__)
    parser.add_argument("--side", type=whole(2), default=16, help="rates of each player (16)")
    parser.add_argument("--seeds", type=whole(1), default=4, help="at each point (4)")
    parser.add_argument("--steps", type=whole(1), default=10, help="in a timed call (10)")
    parser.add_argument("--rounds", type=whole(1), default=5, help="of the timing (5)")
    parser.add_argument("--runs", type=whole(1), default=3, help="single runs of each length (3)")
    parser.add_argument("--out", type=Path, default=timing.RESULTS / "sweep.json")
    args = parser.parse_args()

    grid, one = grid_of(args.side, args.seeds)
    num = args.side**2 * args.seeds
    many = substeps(grid, num_steps=args.steps)
    start = time.perf_counter()
    states = [jax.block_until_ready(jax.jit(many.init)(jax.random.key(0)))]
    step = jax.jit(many.step, donate_argnums=0).lower(states[0], {}).compile()
    compiled = time.perf_counter() - start

    def play() -> None:
        state, _ = step(states.pop(), {})
        states.append(jax.block_until_ready(state))

    square, square_flops = product(((2048, 2048), (2048, 2048)))
    small, small_flops = product(((num, BATCH, WIDTH), (num, WIDTH, WIDTH)))
    candidates = {"grid": play, "square": square, "small": small}
    seconds = timing.seconds_per_call(candidates, num_rounds=args.rounds, num_calls=1)
    a_step = seconds["grid"] / args.steps
    flops = num * count_flops(one.step, one.init(jax.random.key(0)), {}, platform="cpu").total
    rates = {"square": square_flops / seconds["square"], "small": small_flops / seconds["small"]}
    begin, single = single_runs(args.runs)
    lengths = {
        f"{n} steps": num * (begin + n * single) / (compiled + n * a_step) for n in (1000, 20_000)
    }
    found = {
        "members": num,
        "grid": {"compile_seconds": compiled, "seconds_per_step": a_step},
        "single_run": {"start_seconds": begin, "seconds_per_step": single},
        "times_as_fast_as_runs": {**lengths, "by the step alone": num * single / a_step},
        "gflops_per_step": flops / 1e9,
        "matmul_gflops_per_second": {name: rate / 1e9 for name, rate in rates.items()},
        "times_the_arithmetic": {name: a_step * rate / flops for name, rate in rates.items()},
    }
    for name, ratio in found["times_as_fast_as_runs"].items():
        print(f"as fast as runs one after another, {name}: {ratio:.2f} (target 4)")
    for name, ratio in found["times_the_arithmetic"].items():
        print(f"times the arithmetic at the rate of {name} products: {ratio:.2f} (target 1.3)")
    timing.save_results(args.out, found)


if __name__ == "__main__":
    run_script(main)
