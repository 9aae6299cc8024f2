"""Weak scaling: images/s over simulated devices, and the bounds that `jaxgan plan` gives for pods.

    python benchmarks/scaling.py

First the DCGAN of configs/mnist.py:penalties, 16 images per device, on 1, 2, 4 and 8 simulated
devices of this machine's CPU, in turn. Simulated devices share its cores: with as many devices as
cores and more, images/s can at best stay what they are, and what falls below that is the cost of
splitting a step. Then `jaxgan plan` compiles the same step, 64 images per chip, for TPU slices of
4 to 256 chips (`pip install jaxgan[plan]`; a minute or two each). These are upper bounds: no
latency of a collective, no small matrix that leaves a matrix unit half empty. Writes
benchmarks/results/scaling.json and scaling.png.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

NUM_DEVICES = (1, 2, 4, 8)
os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={max(NUM_DEVICES)}"
os.environ.setdefault("JAX_PLATFORMS", "cpu")

CONFIG = f"{Path(__file__).parents[1] / 'configs' / 'mnist.py'}:penalties"
SHAPE = (28, 28, 1)
BATCH_PER_DEVICE, BATCH_PER_CHIP, STEPS = 16, 64, 2
TOPOLOGIES = (
    *("v5e:2x2", "v5e:4x4", "v5e:8x8", "v5e:16x16"),
    *("v6e:2x2", "v6e:16x16"),
    *("v4:2x2x1", "v4:4x4x4"),
    *("v5p:2x2x1", "v5p:4x4x4"),
)


def make_call(num_devices: int) -> Callable[[], None]:
    """A call of the training step on some of the devices, its state donated and kept."""
    import jax
    import jax.numpy as jnp

    from jaxgan import distributed
    from jaxgan.config import build
    from jaxgan.config.base import load_config
    from jaxgan.config.resolve import resolve

    config = resolve(
        {
            **load_config(CONFIG),
            "substeps": STEPS,
            "batch_size": BATCH_PER_DEVICE * num_devices,
            "num_devices": num_devices,
        }
    )
    mesh = build.build_mesh(config)
    spec = {"image": jax.ShapeDtypeStruct(SHAPE, jnp.float32)}
    algorithm = build.build_algorithm(config, spec, None, mesh)
    shardings = distributed.shardings_of(distributed.state_template(algorithm, mesh))
    step = distributed.jit_step(algorithm, mesh, shardings)
    states = [jax.jit(algorithm.init, out_shardings=shardings)(jax.random.key(0))]
    lead = (*algorithm.num_batches, config["batch_size"])
    batch = jax.device_put(
        {"image": jnp.zeros((*lead, *SHAPE))},
        distributed.batch_sharding(mesh, algorithm.num_batches),
    )

    def call() -> None:
        state, _ = step(states.pop(), batch)
        states.append(jax.block_until_ready(state))

    return call


def measure(num_rounds: int, num_calls: int) -> dict[str, dict[str, float]]:
    """Images/s by number of simulated devices."""
    import timing

    calls = {str(num): make_call(num) for num in NUM_DEVICES}
    seconds = timing.seconds_per_call(calls, num_rounds=num_rounds, num_calls=num_calls)
    rows = {}
    for name, duration in seconds.items():
        images = BATCH_PER_DEVICE * int(name) * STEPS
        rows[name] = {
            "seconds_per_step": round(duration / STEPS, 5),
            "images_per_second": round(images / duration, 1),
        }
        print(f"{name:>3s} devices {rows[name]['images_per_second']:10.1f} images/s", flush=True)
    return rows


def predict() -> list[dict[str, Any]]:
    """The plans for all topologies; failed ones say why."""
    from jaxgan.cli.main import main as jaxgan

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "plan.json"
        flags = ["--config", CONFIG, "--example-shape", ",".join(map(str, SHAPE))]
        flags += ["--batch-per-chip", str(BATCH_PER_CHIP), "--out", str(out)]
        code = jaxgan(["plan", *flags, "--topology", *TOPOLOGIES])
        if not out.exists():
            raise SystemExit(code)
        plans: list[dict[str, Any]] = json.loads(out.read_text())["plans"]
    return plans


def draw(path: Path, measured: Mapping[str, Mapping[str, float]], plans: list[Any]) -> None:
    """Throughput over the number of devices: measured, and bounds."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    speeds = [row["images_per_second"] for row in measured.values()]
    left.plot([int(num) for num in measured], speeds, "o-")
    left.set(xlabel="simulated devices", ylabel="images/s", title=f"CPU, {os.cpu_count()} threads")
    left.set_ylim(0, 1.1 * max(speeds))
    generations: dict[str, list[tuple[int, float]]] = {}
    for plan in plans:
        if "report" in plan:
            report = plan["report"]
            points = generations.setdefault(plan["topology"].partition(":")[0], [])
            points.append((report["num_devices"], report["images_per_second"]))
    for generation, points in generations.items():
        right.plot(*zip(*sorted(points), strict=True), "o-", label=generation)
    right.set(xlabel="chips", ylabel="images/s, at most", title="roofline bound by jaxgan plan")
    right.set_xscale("log", base=2)
    right.set_yscale("log")
    right.legend()
    for axes in (left, right):
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main() -> None:
    """Prints, draws and writes the figures."""
    import timing

    from jaxgan.cli.program import Parser, whole

    parser = Parser(description=__doc__)
    parser.add_argument("--rounds", type=whole(1), default=5)
    parser.add_argument("--calls", type=whole(1), default=2)
    parser.add_argument("--out", type=Path, default=timing.RESULTS / "scaling.json")
    args = parser.parse_args()
    plans = predict()
    measured = measure(args.rounds, args.calls)
    results = {
        "config": f"configs/{Path(CONFIG).name}",
        "batch_per_device": BATCH_PER_DEVICE,
        "batch_per_chip": BATCH_PER_CHIP,
        "measured": measured,
        "planned": plans,
    }
    timing.save_results(args.out, results)
    draw(args.out.with_suffix(".png"), measured, plans)


if __name__ == "__main__":
    from jaxgan.cli.program import run_script

    run_script(main)
