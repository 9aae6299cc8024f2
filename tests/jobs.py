"""Jobs of several real processes on this machine, which meet on loopback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
HANGS = 3600
"""Seconds after which a process hangs: far more than the slowest machine needs for any of them."""


class Ended(NamedTuple):
    code: int
    text: str


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("localhost", 0))
        return int(listening.getsockname()[1])


def environment(num_devices: int) -> dict[str, str]:
    """Of a process with so many simulated devices."""
    # The last one counts.
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count={num_devices}"
    return {**os.environ, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags}


class Job:
    """Processes that run at the same time; they are killed when the body ends."""

    def __init__(
        self,
        commands: Sequence[Sequence[str]],
        num_devices: int,
        folder: Path,
        roots: Sequence[Path] = (),
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._texts = [folder / f"process_{index}.log" for index in range(len(commands))]
        self.processes = []
        roots = roots or [ROOT] * len(commands)
        for command, text, root in zip(commands, self._texts, roots, strict=True):
            with text.open("wb") as out:
                self.processes.append(
                    subprocess.Popen(
                        [sys.executable, *command],
                        stdout=out,
                        stderr=subprocess.STDOUT,
                        cwd=root,
                        env=environment(num_devices),
                    )
                )

    def text(self, index: int) -> str:
        return self._texts[index].read_text(errors="replace")

    def wait(self) -> list[Ended]:
        codes = [process.wait(HANGS) for process in self.processes]
        return [Ended(code, self.text(index)) for index, code in enumerate(codes)]

    def wait_until(self, is_true: Callable[[], bool]) -> bool:
        """However long it takes; False if a process ended before."""
        while not is_true():
            if any(process.poll() is not None for process in self.processes):
                return is_true()
            time.sleep(0.05)
        return True

    def __enter__(self) -> Job:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()


def jaxgan_job(
    folder: Path,
    num_processes: int,
    num_devices: int,
    *flags: Sequence[str],
    roots: Sequence[Path] = (),
    command: str = "train",
) -> Job:
    """`jaxgan` in so many processes of so many devices; flags are for all, or one list each.

    Args:
      folder: for what they print.
      num_processes: how many.
      num_devices: of each.
      flags: as many lists as processes, or one.
      roots: the folder that each one's code is in; this repository's by default.
      command: which of its commands.
    """
    each = list(flags) if len(flags) > 1 else [flags[0]] * num_processes
    port = free_port()
    commands = []
    for index, own in enumerate(each):
        job = ["--coordinator", f"localhost:{port}", "--num-processes", str(num_processes)]
        run = ["-m", "jaxgan.cli.main", command, *own, *job, "--process-id", str(index)]
        commands.append(run)
    return Job(commands, num_devices, folder, roots)
