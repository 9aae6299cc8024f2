"""Runs a compiler in a process of its own, so that its crash is one line and no more."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jaxgan.plan.topology import Topology, environment

STACK_BYTES = 256 * 2**20
"""Of the child's threads: compilers recurse, and some have overflowed the usual 8 MiB for v6e."""

_FATAL = re.compile(r"^F\d{4} \S+\s+\d+ (\S+\] .*)$")


def run_child(command: Sequence[str], topology: Topology, timeout_seconds: float) -> dict[str, Any]:
    """Runs a command that writes JSON.

    Args:
      command: what to run; the path of the file to write is appended.
      topology: whose `environment` it gets.
      timeout_seconds: after which it is killed.

    Returns:
      What it wrote, or `{"error": reason}` in one line if it wrote nothing.

    Example:
      >>> code = "import sys; open(sys.argv[1], 'w').write('[1]')"
      >>> import sys
      >>> from jaxgan.plan.topology import parse_topology
      >>> run_child([sys.executable, "-c", code], parse_topology("cpu:1"), 60)
      [1]
    """
    # Unfiltered, the last line of a traceback is the error.
    added = {**environment(topology), "JAX_TRACEBACK_FILTERING": "off"}
    if "XLA_FLAGS" in added:
        added["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {added['XLA_FLAGS']}".strip()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "plan.json"
        try:
            with _large_stack():
                process = subprocess.Popen(
                    [*command, str(out)],
                    env={**os.environ, **added},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    text=True,
                    errors="replace",
                )
            with process:
                try:
                    _, messages = process.communicate(timeout=timeout_seconds)
                except BaseException:
                    process.kill()
                    raise
        except subprocess.TimeoutExpired:
            return {"error": f"the compiler took longer than {timeout_seconds:.0f} seconds"}
        if out.exists():
            found: dict[str, Any] = json.loads(out.read_text())
            return found
        return {"error": _reason(process.returncode, messages)}


def _reason(code: int, messages: str) -> str:
    lines = [line.strip() for line in messages.splitlines() if line.strip()]
    fatal = [match[1] for line in lines if (match := _FATAL.match(line))]
    said = fatal[0] if fatal else (lines[-1] if lines else "without a word")
    said = said.removeprefix("jaxgan: error: ")
    if code < 0:
        return f"the compiler crashed ({signal.Signals(-code).name}): {said}"
    return f"the compiler failed: {said}"


@contextmanager
def _large_stack() -> Iterator[None]:
    """Processes started here may have large stacks."""
    soft, hard = resource.getrlimit(resource.RLIMIT_STACK)
    wanted = STACK_BYTES if hard == resource.RLIM_INFINITY else min(STACK_BYTES, hard)
    if soft == resource.RLIM_INFINITY or soft < wanted:
        # Without a limit the threads' stacks would be smaller, not larger: 2 MiB.
        resource.setrlimit(resource.RLIMIT_STACK, (wanted, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_STACK, (soft, hard))


def as_json(value: Any) -> Any:
    """Named tuples as dicts, and numbers that are not finite as None.

    Args:
      value: a nesting of named tuples, sequences, mappings and numbers.

    Returns:
      The same, for `json.dumps`.

    Example:
      >>> as_json((float("inf"), {"a": (1,)}))
      [None, {'a': [1]}]
    """
    if hasattr(value, "_asdict"):
        return {name: as_json(entry) for name, entry in value._asdict().items()}
    if isinstance(value, Mapping):
        return {str(name): as_json(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(entry) for entry in value]
    if isinstance(value, float) and not abs(value) < float("inf"):
        return None
    return value
