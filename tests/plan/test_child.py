"""A compiler that crashes, hangs or says nothing is one line."""

from __future__ import annotations

import resource
import sys
from typing import Any

import pytest

from jaxgan.plan import child, parse_topology

CPU = parse_topology("cpu:3")


def run(code: str, timeout: float = 60.0) -> Any:
    return child.run_child([sys.executable, "-c", code], CPU, timeout)


def test_what_it_writes_comes_back() -> None:
    code = """
import json, os, sys
flags = os.environ["XLA_FLAGS"].split()
json.dump({"first": flags[-2], "platform": os.environ["JAX_PLATFORMS"]}, open(sys.argv[1], "w"))
"""
    expected = "--xla_force_host_platform_device_count=3"
    assert run(code) == {"first": expected, "platform": "cpu"}


def test_a_crash_is_named_with_what_the_compiler_said() -> None:
    code = """
import os, signal, sys
print("W1122 a warning", file=sys.stderr)
print("F1122 04:55:14.3 31947 target.cc:1467] Check failed: x <= 16 (32 vs. 16) ", file=sys.stderr)
print("*** SIGABRT received ***", file=sys.stderr, flush=True)
os.kill(os.getpid(), signal.SIGABRT)
"""
    expected = "the compiler crashed (SIGABRT): target.cc:1467] Check failed: x <= 16 (32 vs. 16)"
    assert run(code) == {"error": expected}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("raise SystemExit(1)", "the compiler failed: without a word"),
        ("raise RuntimeError('INTERNAL: bug')", "the compiler failed: RuntimeError: INTERNAL: bug"),
    ],
)
def test_a_failure_is_its_last_line(code: str, expected: str) -> None:
    assert run(code) == {"error": expected}


def test_a_hanging_compiler_is_ended() -> None:
    found = run("import time; time.sleep(60)", timeout=0.2)
    assert found == {"error": "the compiler took longer than 0 seconds"}


def test_the_child_has_a_large_stack_and_the_parent_keeps_its_own() -> None:
    before = resource.getrlimit(resource.RLIMIT_STACK)
    code = """
import json, resource, sys
json.dump(resource.getrlimit(resource.RLIMIT_STACK)[0], open(sys.argv[1], "w"))
"""
    hard = before[1]
    expected = child.STACK_BYTES if hard < 0 else min(child.STACK_BYTES, hard)
    assert run(code) in (expected, before[0] if before[0] > expected else expected)
    assert resource.getrlimit(resource.RLIMIT_STACK) == before
