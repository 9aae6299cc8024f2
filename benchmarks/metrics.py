"""Fréchet distance, KID and PRDC of 10,000 x 2,048 features, ours against their usual packages.

    pip install jaxgan[bench]
    python benchmarks/metrics.py

The peers are pytorch-fid, which means NumPy's covariance and SciPy's matrix root; scikit-learn's
polynomial kernel on the blocks of torch-fidelity, 100 of 1,000; and prdc, which is scikit-learn's
distances. Ours look at the pairs of examples once for KID and PRDC, as `jaxgan evaluate` does. Both
sides read the same float32 features, run on the CPU with all its threads, each in a process of its
own, in turn, round after round; each metric is called once per process, so that ours pays for
compiling. Beside the seconds stand those of the processors, of all threads, which say more where
other work shares the machine. Peak memory is that of the process, with its libraries and the
features; below it, what the metrics took beyond both. The values must agree. Prints ratios, and
writes benchmarks/results/metrics.json.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import timing

from jaxgan.cli.program import Parser, run_script, whole

NUM_BLOCKS, BLOCK_SIZE, SEED, NEIGHBOUR = 100, 1000, 2020, 5
GOAL = 3.0
SIDES = ("jaxgan", "peers")
PEERS = ("pytorch-fid", "prdc", "scikit-learn", "scipy", "numpy")
TOLERANCES = {"frechet": 1e-5, "kernel and prdc": 1e-3}
"""Relative. scikit-learn sums the kernel's float32 values as they are."""

Values = list[float]
Metric = Callable[[np.ndarray, np.ndarray], Values]


def make_features(num: int, num_features: int, seed: int) -> np.ndarray:
    """Positive, with a spectrum that falls, of full rank: much like Inception's pool."""
    random = np.random.default_rng(0)
    spectrum = 3.0 / np.sqrt(1.0 + np.arange(256, dtype=np.float32))
    mix = spectrum[:, None] * random.normal(size=(256, num_features)).astype(np.float32)
    random = np.random.default_rng(seed)
    hidden = random.normal(0.1 * seed, 1.0, (num, 256)).astype(np.float32)
    noise = 0.3 * random.normal(size=(num, num_features)).astype(np.float32)
    features: np.ndarray = np.maximum(hidden @ mix / 8 + noise, 0.0)
    return features


def our_metrics() -> dict[str, Metric]:
    """Those of this package."""
    from jaxgan import metrics

    def frechet(real: np.ndarray, fake: np.ndarray) -> Values:
        return [metrics.frechet_distance(metrics.moments(real), metrics.moments(fake))]

    def kernel_and_prdc(real: np.ndarray, fake: np.ndarray) -> Values:
        distance, score = metrics.kernel_and_prdc(
            real, fake, num_blocks=NUM_BLOCKS, block_size=BLOCK_SIZE, seed=SEED, k=NEIGHBOUR
        )
        return [distance.value, distance.std, *score]

    return {"frechet": frechet, "kernel and prdc": kernel_and_prdc}


def their_metrics() -> dict[str, Metric]:
    """Those of the packages that are usually taken."""
    from prdc import compute_prdc
    from pytorch_fid.fid_score import calculate_frechet_distance
    from sklearn.metrics.pairwise import polynomial_kernel

    def frechet(real: np.ndarray, fake: np.ndarray) -> Values:
        # It collects the features in float64.
        gaussians = []
        for features in (real, fake):
            features = features.astype(np.float64)
            gaussians += [np.mean(features, axis=0), np.cov(features, rowvar=False)]
        return [float(calculate_frechet_distance(*gaussians))]

    def kernel(real: np.ndarray, fake: np.ndarray) -> Values:
        random = np.random.RandomState(SEED)
        found = []
        for _ in range(NUM_BLOCKS):
            x = real[random.choice(len(real), BLOCK_SIZE, replace=False)]
            y = fake[random.choice(len(fake), BLOCK_SIZE, replace=False)]
            xx, yy, xy = (polynomial_kernel(*pair) for pair in ((x, x), (y, y), (x, y)))
            within = xx.sum() - np.trace(xx) + yy.sum() - np.trace(yy)
            found.append(within / (BLOCK_SIZE * (BLOCK_SIZE - 1)) - 2 * xy.mean())
        return [float(np.mean(found)), float(np.std(found))]

    def prdc(real: np.ndarray, fake: np.ndarray) -> Values:
        with contextlib.redirect_stdout(sys.stderr):
            found = compute_prdc(real, fake, nearest_k=NEIGHBOUR)
        return [float(found[name]) for name in ("precision", "recall", "density", "coverage")]

    def kernel_and_prdc(real: np.ndarray, fake: np.ndarray) -> Values:
        return kernel(real, fake) + prdc(real, fake)

    return {"frechet": frechet, "kernel and prdc": kernel_and_prdc}


def peak_bytes() -> int:
    """The most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(side: str, folder: Path) -> dict[str, Any]:
    """Runs one side's metrics; for a process of its own."""
    metrics = our_metrics() if side == "jaxgan" else their_metrics()
    real, fake = (np.load(folder / f"{name}.npy") for name in ("real", "fake"))
    before = peak_bytes()
    found: dict[str, Any] = {"seconds": {}, "processor_seconds": {}, "values": {}}
    for name, metric in metrics.items():
        start, start_processor = time.perf_counter(), time.process_time()
        found["values"][name] = metric(real, fake)
        found["seconds"][name] = time.perf_counter() - start
        found["processor_seconds"][name] = time.process_time() - start_processor
    return {**found, "peak": peak_bytes(), "before": before}


def in_child(side: str, folder: Path) -> dict[str, Any]:
    """Runs one side in a process of its own, on the CPU."""
    command = [sys.executable, __file__, "--side", side, "--folder", str(folder)]
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def compare(runs: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Prints and returns medians over rounds, ratios and verdicts."""
    ours, theirs = (runs[side][0]["values"] for side in SIDES)
    for name, tolerance in TOLERANCES.items():
        np.testing.assert_allclose(ours[name], theirs[name], rtol=tolerance, err_msg=name)
    tables = {}
    for unit in ("seconds", "processor_seconds"):
        tables[unit] = {
            name: [float(np.median([run[unit][name] for run in runs[side]])) for side in SIDES]
            for name in TOLERANCES
        }
        tables[unit]["total"] = [sum(row[i] for row in tables[unit].values()) for i in range(2)]
    peaks = {
        name: [max(run["peak"] - less * run["before"] for run in runs[side]) for side in SIDES]
        for name, less in (("peak", 0), ("beyond libraries and features", 1))
    }
    for unit, rows in tables.items():
        print(f"\n{unit:32s}{SIDES[0]:>10s}{SIDES[1]:>10s}{'ratio':>8s}")
        for name, (our, their) in rows.items():
            print(f"{name:32s}{our:10.2f}{their:10.2f}{their / our:8.2f}")
    print("\nMiB")
    for name, (our, their) in peaks.items():
        print(f"{name:32s}{our / 2**20:10.0f}{their / 2**20:10.0f}{their / our:8.2f}")
    our, their = tables["seconds"]["total"]
    ratio = their / our
    less_memory = all(our < their for our, their in peaks.values())
    print(f"total: {ratio:.2f} times as fast, goal {GOAL}; less memory: {less_memory}")
    return {
        **{
            unit: {name: dict(zip(SIDES, row, strict=True)) for name, row in rows.items()}
            for unit, rows in {**tables, "bytes": peaks}.items()
        },
        "values": {side: runs[side][0]["values"] for side in SIDES},
        "ratio": round(ratio, 3),
        "goal": GOAL,
        "passed": ratio >= GOAL,
        "less_memory": less_memory,
    }


def main() -> None:
    """Prints and writes the figures."""
    parser = Parser(description=__doc__)
    parser.add_argument("--num", type=whole(1), default=10_000)
    parser.add_argument("--features", type=whole(1), default=2048)
    parser.add_argument("--rounds", type=whole(1), default=3)
    parser.add_argument("--out", type=Path, default=timing.RESULTS / "metrics.json")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.side:
        print(json.dumps(measure(args.side, args.folder)))
        return
    runs: dict[str, list[dict[str, Any]]] = {side: [] for side in SIDES}
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for seed, which in enumerate(("real", "fake")):
            np.save(folder / f"{which}.npy", make_features(args.num, args.features, seed))
        for _ in range(args.rounds):
            for side in SIDES:
                runs[side].append(in_child(side, folder))
                print(side, runs[side][-1]["seconds"], flush=True)
    results = {
        "shape": [args.num, args.features],
        "rounds": args.rounds,
        "load_before": round(load, 2),
        "versions": {name: version(name) for name in PEERS},
        **compare(runs),
    }
    timing.save_results(args.out, results)


if __name__ == "__main__":
    run_script(main)
