"""The fast tests of networks, layers, fields, games and penalties, on one GPU.

As on a CPU, but on one device and in full float32 (`JAX_DEFAULT_MATMUL_PRECISION=highest`), without
which TF32 would miss the tests' tolerances; warnings are no errors. Every outcome is a line in
tests_GROUP.jsonl as soon as it is known: what was done is not done again. Tests that ask for eight
devices fail and say so. As a plugin of pytest (`-p gpu_tests`) this module writes those lines.
"""

from __future__ import annotations

import collections
import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import gpu_session

GROUPS = {
    "networks and layers": ("tests/models",),
    "fields": ("tests/fields", "tests/contracts/test_fields.py"),
    "games": ("tests/games",),
    "penalties": ("tests/contracts/test_penalties.py",),
    "precision": ("tests/test_precision.py",),
}
TOY = {"games": ("tests/games/test_toy.py",)}
OUTCOMES = "JAXGAN_GPU_TESTS"
WORKERS, SHUTDOWN = 8, 2.0


def rows(setting: gpu_session.Setting) -> dict[str, Callable[[], dict[str, Any]]]:
    """The rows of the part `tests`.

    Raises:
      ImportError: if there is no pytest.
    """
    if importlib.util.find_spec("pytest") is None:
        raise ImportError("pytest is not installed", name="pytest")
    groups = TOY if setting.toy else GROUPS
    return {name: partial(group, setting, name, paths) for name, paths in groups.items()}


def group(setting: gpu_session.Setting, name: str, paths: tuple[str, ...]) -> dict[str, Any]:
    """Runs the tests of some paths that have no outcome yet; until the part's time is over."""
    outcomes = setting.folder / f"tests_{name.split()[0]}.jsonl"
    command = [sys.executable, "-m", "pytest", "-q", "-m", "not slow", "-W", "default"]
    command += ["-p", "gpu_tests", "-p", "no:cacheprovider"]
    if importlib.util.find_spec("xdist") is not None and not setting.toy:
        processors = len(os.sched_getaffinity(0))
        command += ["-n", str(max(1, min(WORKERS, processors // 2)))]
    paths_of_python = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    env = {
        **os.environ,
        OUTCOMES: str(outcomes),
        "JAX_DEFAULT_MATMUL_PRECISION": "highest",
        "PYTHONPATH": os.pathsep.join([str(gpu_session.BENCHMARKS), *paths_of_python]),
    }
    left = setting.deadline - time.monotonic() - SHUTDOWN
    try:
        done = subprocess.run(
            [*command, *paths], cwd=gpu_session.ROOT, env=env, timeout=max(left, 0.0)
        )
        code: int | None = done.returncode
    except subprocess.TimeoutExpired:
        code = None
    lines = read_outcomes(outcomes)
    if code not in (None, 0, 1, 5):  # 1: some failed; 5: none was left to be run
        raise RuntimeError(f"pytest ended with exit code {code}; see the log")
    counts = collections.Counter(line["outcome"] for line in lines)
    failures = {line["test"]: line["why"] for line in lines if line["outcome"] == "failed"}
    return {**counts, "failures": failures, "unfinished": code is None}


def read_outcomes(path: Path) -> list[dict[str, str]]:
    """The outcomes so far; a last line that was cut off is left out."""
    lines = path.read_text().split("\n")[:-1] if path.exists() else []
    return [json.loads(line) for line in lines]


def pytest_collection_modifyitems(config: Any, items: list[Any]) -> None:
    """Passes over tests whose outcome is known."""
    known = {line["test"] for line in read_outcomes(Path(os.environ[OUTCOMES]))}
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid in known])
    items[:] = [item for item in items if item.nodeid not in known]


def pytest_runtest_logreport(report: Any) -> None:
    """Writes the outcome of a test; of several phases only the one that tells."""
    if "PYTEST_XDIST_WORKER" in os.environ or (report.when != "call" and report.passed):
        return
    crash = getattr(report.longrepr, "reprcrash", None)
    said = str(getattr(crash, "message", "")).split("\n")[0][:200]
    line = {"test": report.nodeid, "outcome": report.outcome, "why": said}
    with Path(os.environ[OUTCOMES]).open("a") as out:
        out.write(json.dumps(line) + "\n")
