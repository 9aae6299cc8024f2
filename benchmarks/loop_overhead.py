"""What the training loop adds to the compiled step: data, logs and hooks; checkpoints and pictures.

    python benchmarks/loop_overhead.py

`jg.train`, which `jaxgan train` calls, trains two GANs whole: that of configs/digits.py, and a
small one of made points whose step takes about 1 ms. Its steps between two lines of the log are
timed against those of the same compiled step by itself, on batches that are on the device already.
Both alternate in one process, many times, as a single round is off by ten per cent either way on a
shared machine: what counts is the median. The goal is at most 3 % for the usual line, with a hook
that is called as often as there are lines. Checkpoints and pictures fall on two lines of twenty;
what they take besides is said in seconds. Writes results/loop_overhead.json.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import timing

import jaxgan as jg
from jaxgan import distributed, optimizers
from jaxgan.cli.program import Parser, run_script, whole
from jaxgan.config import build, resolve
from jaxgan.config.base import load_config
from jaxgan.config.data import open_data
from jaxgan.data import DeviceSource, Source, columns, pipeline
from jaxgan.run.make import keep_compiled
from jaxgan.training.hooks import Hook, Moment
from jaxgan.training.loop import MAX_AHEAD
from jaxgan.writers import read_metrics

CONFIG = Path(__file__).parents[1] / "configs" / "digits.py"


class Case(NamedTuple):
    """What is timed.

    Attributes:
      algorithm: what trains, as `jg.train` takes it.
      data: likewise.
      step: the same, with the config's transforms.
      source: the data opened.
      batch_size: of them.
      num_steps: of a run.
    """

    algorithm: Any
    data: Any
    step: jg.Algorithm
    source: Source | DeviceSource
    batch_size: int
    num_steps: int


def digits(num_steps: int) -> Case:
    """The main job."""
    config = resolve.resolve(load_config(str(CONFIG)))
    source = open_data(config)
    step = build.build_algorithm(config, source.element_spec)
    return Case(CONFIG, None, step, source, config["batch_size"], num_steps)


def points(num_steps: int) -> Case:
    """Dense layers on points [B, 64], in an algorithm that was made in Python."""

    def dense(*widths: int) -> Any:
        layers = [layer for width in widths for layer in (nn.Dense(width), nn.relu)][:-1]
        return nn.Sequential(layers)

    gen = jg.from_linen(dense(256, 256, 64), jnp.zeros((1, 16)))
    disc = jg.from_linen(nn.Sequential([dense(256, 256, 1), jnp.ravel]), jnp.zeros((1, 64)))
    adam = optimizers.adam(1e-4)
    field = jg.gradient(jg.gan(gen, disc, latent=16))
    step = jg.simultaneous(field, optimizers={"gen": adam, "disc": adam})
    data = {"image": np.random.default_rng(0).normal(size=(10_000, 64)).astype(np.float32)}
    return Case(step, data, step, columns(data), 128, 10 * num_steps)


CASES: dict[str, Callable[[int], Case]] = {"digits": digits, "points": points}


class Timed(NamedTuple):
    """How long a run took.

    Attributes:
      step: seconds per step, of the median line.
      besides: seconds that a checkpoint and a picture take together.
    """

    step: float
    besides: float


def time_loop(case: Case) -> Timed:
    """Times a whole run, which logs twenty times, and saves and draws twice."""
    every = {"total": 1, "log_every": 20, "sample_every": 2, "checkpoint_every": 2}
    steps = {f"{name}_steps": case.num_steps // parts for name, parts in every.items()}

    def norm(now: Moment) -> dict[str, Any]:
        return {"norm": jnp.linalg.norm(jax.tree.leaves(now.state.params["gen"])[0])}

    hooks = [Hook(every=case.num_steps // 20, name="measuring", call=norm)]
    with tempfile.TemporaryDirectory() as folder:
        options: dict[str, Any] = {
            **steps,
            "batch_size": case.batch_size,
            "hooks": hooks,
            "num_devices": 1,
        }
        jg.train(case.algorithm, case.data, workdir=folder, **options)
        lines = read_metrics(Path(folder) / "metrics.jsonl")
    # The lines are at equal distances in steps.
    seconds = [1 / line["steps_per_second"] for line in lines[1:]]
    step = statistics.median(seconds)
    return Timed(step, (statistics.fmean(seconds) - step) * case.num_steps / 2)


def time_bare(case: Case) -> float:
    """Seconds per step of the compiled step, dispatched one after the other."""
    mesh, algorithm = distributed.make_mesh(1), case.step
    shardings = distributed.shardings_of(distributed.state_template(algorithm, mesh))
    step = distributed.jit_step(algorithm, mesh, shardings)
    batches = pipeline(
        case.source,
        batch_size=case.batch_size,
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
    calls = case.num_steps // algorithm.num_steps
    in_flight = deque[Any]()
    start = time.perf_counter()
    for _ in range(calls):
        state, metrics = step(state, batch)
        in_flight.append(metrics)
        if len(in_flight) > MAX_AHEAD:  # as the loop does, or they would hinder each other
            jax.block_until_ready(in_flight.popleft())
    jax.block_until_ready(metrics)
    return (time.perf_counter() - start) / (calls * algorithm.num_steps)


def main() -> None:
    """Prints and writes the ratios."""
    parser = Parser(description=__doc__)
    parser.add_argument("--steps", type=whole(1), default=1000)
    parser.add_argument("--rounds", type=whole(1), default=15)
    parser.add_argument("--out", type=Path, default=timing.RESULTS / "loop_overhead.json")
    args = parser.parse_args()

    keep_compiled()  # as the command does: only the first round compiles
    found: dict[str, Any] = {}
    for name, make in CASES.items():
        case, rounds = make(args.steps), []
        time_bare(case)  # compiles
        for _ in range(args.rounds):
            loop, bare = time_loop(case), time_bare(case)
            ratio = loop.step / bare
            rounds.append(
                {
                    "loop_ms": 1e3 * loop.step,
                    "bare_ms": 1e3 * bare,
                    "ratio": ratio,
                    "besides_s": loop.besides,
                }
            )
            print(f"{name}: {1e3 * loop.step:.3f} ms, bare {1e3 * bare:.3f}, ratio {ratio:.3f}")
        median = statistics.median(one["ratio"] for one in rounds)
        besides = statistics.median(one["besides_s"] for one in rounds)
        print(f"{name}: the loop takes {100 * (median - 1):.1f} % more than the step (goal: 3 %)")
        print(f"{name}: a checkpoint and a picture take {besides:.2f} s")
        found[name] = {"rounds": rounds, "median_ratio": median, "median_besides_s": besides}
    timing.save_results(args.out, found)


if __name__ == "__main__":
    run_script(main)
