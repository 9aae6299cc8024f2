"""One part of a session on a GPU: the rows of its table, each written as soon as it is measured.

    python benchmarks/gpu_part.py
    python benchmarks/gpu_part.py card --folder runs/gpu_toy --toy

Without a name it says in JSON what device and which versions there are. A row that fails says why
and the next is measured; rows that an earlier call has measured are kept.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import importlib.metadata
import json
import os
import platform
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gpu_session

Row = Callable[[], dict[str, Any]]

PACKAGES = ("jax", "jaxlib", "jax-cuda13-plugin", "jax-cuda12-plugin", "flax", "optax", "torch")


def describe() -> dict[str, Any]:
    """The device, the versions, and which code is measured."""
    import jax

    device = jax.devices()[0]
    versions = {"python": platform.python_version(), "backend": device.client.platform_version}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "device": device.device_kind,
        "platform": device.platform,
        "num_devices": jax.device_count(),
        "processors": len(os.sched_getaffinity(0)),
        "versions": {name: " ".join(text.split()) for name, text in versions.items()},
        "code": digest(),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def digest() -> dict[str, str | None]:
    """The commit, where there is one, and a digest of the files that are measured."""
    code = hashlib.sha256()
    for folder in (gpu_session.ROOT / "jaxgan", gpu_session.BENCHMARKS):
        for path in sorted(folder.rglob("*.py")):
            code.update(path.read_bytes())
    try:
        command = ["git", "-C", str(gpu_session.ROOT), "rev-parse", "--short", "HEAD"]
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return {"commit": None, "sha256": code.hexdigest()[:16]}
    return {"commit": done.stdout.strip() or None, "sha256": code.hexdigest()[:16]}


def one_line(error: BaseException) -> str:
    """An exception as a table can hold it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'no word'}"[:300]


def measure(name: str, rows: Mapping[str, Row], path: Path, about: Mapping[str, Any]) -> None:
    """Measures the rows that are not measured yet, and writes the file after each.

    Args:
      name: of the part.
      rows: what to call; a row that says `"unfinished": True` keeps its figures, and is called
        again in the next session.
      path: of the file.
      about: the card and the versions.
    """
    before = gpu_session.read(path).get("rows", {})
    done = {row: found for row, found in before.items() if row in rows and is_done(found)}
    record = {"part": name, **about, "complete": False, "rows": done, "why": "not at its end"}
    gpu_session.write(path, record)
    for row, call in rows.items():
        if row in done:
            continue
        start = time.monotonic()
        try:
            found = call()
        except Exception as error:  # whatever it is, the other rows go on, and this one says it
            found = {"error": one_line(error)}
        done[row] = {**found, "seconds": round(time.monotonic() - start, 2)}
        print(f"{row}: {done[row]}", flush=True)
        gpu_session.write(path, record)
    errors = [f"{row}: {found['error']}" for row, found in done.items() if "error" in found]
    unfinished = [row for row, found in done.items() if found.get("unfinished")]
    if rows and len(errors) == len(rows):
        why = errors[0]
    else:
        why = f"unfinished: {', '.join(unfinished)}" if unfinished else ""
    gpu_session.write(path, {**record, "complete": not why, "why": why or None})


def is_done(row: Mapping[str, Any]) -> bool:
    """Whether a row has its figures."""
    return "error" not in row and not row.get("unfinished")


def main() -> None:
    """Measures one part."""
    flags = gpu_session.Flags(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument("name", nargs="?", choices=gpu_session.PARTS)
    flags.add_argument("--folder", type=Path, help="for the results of this card")
    flags.add_argument("--limit", type=float, default=600.0, help="seconds")
    flags.add_argument("--about", type=json.loads, help="what this script says without a name")
    flags.add_argument("--toy", action="store_true")
    args = flags.parse_args()
    if args.name is None:
        print(json.dumps(describe()))
        return
    if args.folder is None:
        flags.error("--folder is missing; it must name where the results go")
    part = gpu_session.PARTS[args.name]
    setting = gpu_session.Setting(args.toy, args.folder, time.monotonic() + args.limit)
    path, about = args.folder / f"{args.name}.json", {**(args.about or {}), "toy": args.toy}
    try:
        rows = importlib.import_module(part.module).rows(setting, **part.options)
    except ImportError as error:
        why = f"needs {error.name}, which is not installed" if error.name else one_line(error)
        record = {"part": args.name, **about, "complete": False, "why": why, "rows": {}}
        gpu_session.write(path, record)
        return
    measure(args.name, rows, path, about)


if __name__ == "__main__":
    main()
