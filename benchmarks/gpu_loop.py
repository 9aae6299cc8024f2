"""What is around the step, on one GPU: the main job to its end, the loop, a checkpoint.

Here the rest of jaxgan's dependencies is needed: Orbax, Grain, scikit-learn and so on.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import gpu_session

CONFIG = gpu_session.ROOT / "configs" / "digits.py"
NEEDED = ("PIL", "grain", "ml_collections", "orbax", "rich", "scipy", "tensorboardX")


def check(*names: str) -> None:
    """Raises an ImportError for the first that is not installed."""
    for name in names:
        if importlib.util.find_spec(name) is None:
            raise ImportError(f"{name} is not installed", name=name)


def train(setting: gpu_session.Setting) -> dict[str, Any]:
    """`make train`: the main job from start to end, and the report on what it has learned."""
    with tempfile.TemporaryDirectory() as folder:
        config = f"{CONFIG}:smoke" if setting.toy else str(CONFIG)
        command = [sys.executable, "-m", "jaxgan.cli.main", "train", "--config", config]
        start = time.perf_counter()
        subprocess.run([*command, "--workdir", folder], check=True)
        trained = time.perf_counter()
        report = [sys.executable, str(gpu_session.ROOT / "experiments" / "digits_report.py")]
        subprocess.run([*report, "--workdir", folder], check=True)
        ended = time.perf_counter()
        lines = [json.loads(line) for line in (Path(folder) / "metrics.jsonl").open()]
        learned = json.loads((Path(folder) / "report.json").read_text())
    speeds = [line["steps_per_second"] for line in lines if "steps_per_second" in line]
    return {
        "steps": learned["step"],
        "train_seconds": round(trained - start, 1),
        "report_seconds": round(ended - trained, 1),
        "steps_per_second": median(speeds) if speeds else None,
        "report": {name: learned[name] for name in ("classes_covered", "class_kl", "confidence")},
    }


def overhead(setting: gpu_session.Setting, name: str) -> dict[str, Any]:
    """What the loop adds to the compiled step, as benchmarks/loop_overhead.py has it."""
    import loop_overhead

    steps, rounds = (200, 1) if setting.toy else (2000, 3)
    case = loop_overhead.CASES[name](steps)
    pairs: list[tuple[float, float]] = []
    start = time.monotonic()
    for i in range(rounds):
        mean = (time.monotonic() - start) / max(1, i)
        if time.monotonic() + mean > setting.deadline:
            break
        pairs.append((loop_overhead.time_loop(case).step, loop_overhead.time_bare(case)))
    loops, bares = ([1e3 * pair[i] for pair in pairs] for i in (0, 1))
    return {
        "rounds": len(pairs),
        "loop_ms": median(loops),
        "bare_ms": median(bares),
        "ratio": median(loop / bare for loop, bare in zip(loops, bares, strict=True)),
    }


def stall(setting: gpu_session.Setting, name: str) -> dict[str, Any]:
    """What a save costs the training, as benchmarks/checkpoint.py has it."""
    import checkpoint

    case = checkpoint.CASES[name]
    if setting.toy:
        case = case._replace(base_channels=2, batch=2, penalized=False, num_saves=1)
    return checkpoint.measure(name, case)


def rows(setting: gpu_session.Setting, *, what: str) -> dict[str, Callable[[], dict[str, Any]]]:
    """The rows of the parts `train`, `loop_overhead` and `checkpoint`.

    Raises:
      ImportError: naming what is not installed.
    """
    if what == "checkpoint":
        check("orbax")
        return {name: partial(stall, setting, name) for name in ("mnist", "large")}
    check(*NEEDED, "sklearn")
    if what == "overhead":
        return {name: partial(overhead, setting, name) for name in ("digits", "points")}
    return {"digits": partial(train, setting)}
