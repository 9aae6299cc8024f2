"""A strict session, for tests and doctests alike; set before JAX is first imported.

8 simulated devices, no silent mixing of dtypes or ranks, and compiled programs kept between runs.
Warnings are errors, see setup.cfg.
"""

from __future__ import annotations

import ctypes
import doctest
import gc
import importlib.metadata
import inspect
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import pytest
from hypothesis import is_hypothesis_test, settings

NUM_DEVICES = 8
_DEVICES = f"--xla_force_host_platform_device_count={NUM_DEVICES}"
# What is tested is run once or twice: compiling it well costs more than it saves.
_QUICK = ["--xla_backend_optimization_level=1"]
if int(importlib.metadata.version("jaxlib").split(".")[1]) < 11:
    # The older emitters, gone since, compile in two thirds of the time.
    _QUICK.append("--xla_cpu_use_fusion_emitters=false")
# Without it, two collectives that do not depend on each other may begin in another order on each
# simulated device, which then wait for each other until XLA aborts.
_ORDERED = "--xla_cpu_enable_concurrency_optimized_scheduler=false"
_HOME = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
# Of the user, not of the clone, so that a fresh clone need not compile what is the same.
_CACHE = _HOME / "jaxgan" / "tests"

os.environ.setdefault("JAX_PLATFORMS", "cpu")
for _flag in (_DEVICES, _ORDERED, *_QUICK):
    if _flag not in os.environ.get("XLA_FLAGS", ""):
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {_flag}".strip()
os.environ["JAX_NUMPY_DTYPE_PROMOTION"] = "strict"
os.environ["JAX_NUMPY_RANK_PROMOTION"] = "raise"
os.environ["JAX_COMPILATION_CACHE_DIR"] = os.environ.get("JAXGAN_TEST_CACHE", str(_CACHE))
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"
# Of no use on a CPU, and their folder would be part of every entry's key.
os.environ["JAX_PERSISTENT_CACHE_ENABLE_XLA_CACHES"] = "none"
# Programs are cached for the machine that compiled them; the loader's notes on that are noise.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


_SLOW = Path(__file__).parent / "tests" / "slow.txt"


def _is_thorough(config: pytest.Config) -> bool:
    """In `make test-slow` properties are tried too, on more examples."""
    return config.getoption("markexpr") == "slow"


def pytest_configure(config: pytest.Config) -> None:
    """Properties are tried on the same examples in every session, however slow the machine."""
    num = 400 if _is_thorough(config) else 20
    settings.register_profile("tests", derandomize=True, deadline=None, max_examples=num)
    settings.load_profile("tests")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Marks the rows of `tests/slow.txt`: those that take long and add little to their fellows."""
    slow = set(_SLOW.read_text().splitlines())
    for item in items:
        is_property = is_hypothesis_test(getattr(item, "obj", None))
        if item.nodeid in slow or (is_property and _is_thorough(config)):
            item.add_marker(pytest.mark.slow)


MAX_BYTES = 3 * 2**29
"""Of one process, from which compiled programs are dropped: a laptop of 8 GB runs two of these."""


def _resident_bytes() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Between two files, drops what the first one compiled once there is a lot of it."""
    is_same = nextitem is not None and nextitem.path == item.path
    if is_same or not sys.platform.startswith("linux") or _resident_bytes() < MAX_BYTES:
        return
    import jax

    jax.clear_caches()
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)


_is_of = vars(doctest.DocTestFinder)["_from_module"]


def _from_module(self: doctest.DocTestFinder, module: ModuleType | None, found: Any) -> Any:
    """Examples of functions that `functools.wraps` has wrapped, as `checked` does, count too."""
    return _is_of(self, module, inspect.unwrap(found))


mock.patch.object(doctest.DocTestFinder, "_from_module", _from_module).start()
