"""What the training loop adds to the compiled step: data, logging, checkpoints, pictures.

    python benchmarks/loop_overhead.py

runs `jaxgan train` whole on configs/digits.py and times its steps between two lines of the log, and
times the same compiled step by itself, on batches that are on the device already. Both alternate in
one process, many times, as a single round is off by ten per cent either way on a shared machine:
what counts is the median. Writes results/loop_overhead.json. The goal is at most 3 %.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import Any

import jax
import timing

from jaxgan import distributed
from jaxgan.cli.main import main as jaxgan
from jaxgan.cli.program import Parser, run_script, whole
from jaxgan.config import build, resolve
from jaxgan.config.base import Config, load_config
from jaxgan.config.data import open_data
from jaxgan.data import pipeline
from jaxgan.training.loop import MAX_AHEAD
from jaxgan.writers import read_metrics

CONFIG = Path(__file__).parents[1] / "configs" / "digits.py"


def read(num_steps: int) -> tuple[list[str], Config]:
    """The flags and the config of a run that logs ten times, and saves and draws twice."""
    every = {"total": 1, "log_every": 10, "sample_every": 2, "checkpoint_every": 2}
    steps = {f"{name}_steps": num_steps // parts for name, parts in every.items()}
    flags = [f"--config.{name}={value}" for name, value in steps.items()]
    return flags, resolve.resolve({**load_config(str(CONFIG)), **steps})


def time_loop(flags: list[str]) -> float:
    """Seconds per step of the whole command, from its first line to its last."""
    with tempfile.TemporaryDirectory() as folder:
        code = jaxgan(["train", "--config", str(CONFIG), "--workdir", folder, *flags])
        lines = read_metrics(Path(folder) / "metrics.jsonl")
        marks = [line["steps_per_second"] for line in lines[1:]]
    assert code == 0
    # A mean of times: the lines are at equal distances in steps.
    return statistics.fmean(1 / speed for speed in marks)


def time_bare(config: Config, num_steps: int) -> float:
    """Seconds per step of the compiled step, dispatched one after the other."""
    mesh = build.build_mesh(config)
    source = open_data(config)
    algorithm = build.build_algorithm(config, source.element_spec)
    shardings = distributed.shardings_of(distributed.state_template(algorithm, mesh))
    step = distributed.jit_step(algorithm, mesh, shardings)
    batches = pipeline(
        source,
        batch_size=config["batch_size"],
        seed=0,
        num_batches=algorithm.num_batches,
        prefetch=0,
    )
    sharding = distributed.batch_sharding(mesh, algorithm.num_batches)
    batch: Any = jax.device_put(next(batches), sharding)
    state = jax.jit(algorithm.init, out_shardings=shardings)(jax.random.key(0))
    for _ in range(2):
        state, metrics = step(state, batch)
    jax.block_until_ready(metrics)
    calls = num_steps // config["substeps"]
    in_flight = deque[Any]()
    start = time.perf_counter()
    for _ in range(calls):
        state, metrics = step(state, batch)
        in_flight.append(metrics)
        if len(in_flight) > MAX_AHEAD:  # as the loop does, or they would hinder each other
            jax.block_until_ready(in_flight.popleft())
    jax.block_until_ready(metrics)
    seconds: float = (time.perf_counter() - start) / (calls * config["substeps"])
    return seconds


def main() -> None:
    """Prints and writes the ratio."""
    parser = Parser(description=__doc__)
    parser.add_argument("--steps", type=whole(1), default=500)
    parser.add_argument("--rounds", type=whole(1), default=15)
    parser.add_argument("--out", type=Path, default=timing.RESULTS / "loop_overhead.json")
    args = parser.parse_args()

    flags, config = read(args.steps)
    rounds = []
    for _ in range(args.rounds):
        loop, bare = time_loop(flags), time_bare(config, args.steps)
        rounds.append({"loop_ms": 1e3 * loop, "bare_ms": 1e3 * bare, "ratio": loop / bare})
        print(f"loop {1e3 * loop:.3f} ms, bare {1e3 * bare:.3f} ms, ratio {loop / bare:.3f}")
    median = statistics.median(one["ratio"] for one in rounds)
    print(f"the loop takes {100 * (median - 1):.1f} % more than the step (goal: at most 3 %)")
    timing.save_results(args.out, {"config": "digits", "rounds": rounds, "median_ratio": median})


if __name__ == "__main__":
    run_script(main)
