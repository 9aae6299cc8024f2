"""Interleaved timing: every candidate in every round, so that a noisy machine is unfair to none."""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

RESULTS = Path(__file__).parent / "results"


def peer(name: str) -> Any:
    """Imports the package that is measured against, which is none that jaxgan needs.

    Args:
      name: of the module.

    Returns:
      The module. Where it is not installed the program ends with one line and exit code 2.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        program = Path(sys.argv[0]).name
        print(f"{program}: error: {error}: pip install jaxgan[bench]", file=sys.stderr)
        raise SystemExit(2) from error


def seconds_per_call(
    candidates: Mapping[str, Callable[[], Any]], *, num_rounds: int, num_calls: int
) -> dict[str, float]:
    """Times candidates in turn, round after round.

    Args:
      candidates: functions that return when their work is done; each is called once before, to
        compile.
      num_rounds: how often each is timed.
      num_calls: calls per timing.

    Returns:
      The median over rounds of the seconds per call, by name.
    """
    for candidate in candidates.values():
        candidate()
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(num_rounds):
        for name, candidate in candidates.items():
            start = time.perf_counter()
            for _ in range(num_calls):
                candidate()
            times[name].append((time.perf_counter() - start) / num_calls)
    return {name: float(np.median(values)) for name, values in times.items()}


def save_results(path: Path, results: Mapping[str, Any]) -> None:
    """Writes results as JSON, with the machine and the versions they hold for.

    Args:
      path: the file; its folder is created.
      results: what was measured.
    """
    about = {
        "machine": f"{platform.machine()}, {os.cpu_count()} threads",
        "python": platform.python_version(),
        "jax": jax.__version__,
    }
    # Some benchmarks compare with PyTorch, others run where it is not installed.
    if "torch" in sys.modules:
        about["torch"] = sys.modules["torch"].__version__
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**about, **results}, indent=2) + "\n")
