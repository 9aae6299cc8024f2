"""The parts of a session on one GPU, each in a process of its own, what is worth most first.

    benchmarks/gpu_session.sh
    benchmarks/gpu_session.sh --toy --out runs/gpu_toy
    python benchmarks/gpu_report.py

A part has a time limit, and all of them together at most nine minutes. It writes its figures to
OUT/CARD/PART.json row by row, so that what is cut off, or dies, keeps what it had; the others go
on. Time that is left over goes to the parts that were cut off, and a second call goes on where the
first ended: parts that are complete are passed over. Nothing but the standard library is imported
here, so that a broken installation is a line in a file. `--toy` is the same at toy sizes, on a CPU.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

BENCHMARKS = Path(__file__).resolve().parent
ROOT = BENCHMARKS.parent
BUDGET, ASKING, LEAST = 540.0, 20.0, 5.0
"""Seconds: of a session, of asking what card there is, and those that a part is begun with."""


class Part(NamedTuple):
    """One process of a session.

    Attributes:
      limit: seconds that it may take.
      module: of this folder; its `rows(setting, **options)` names what it measures.
      options: for that function.
    """

    limit: float
    module: str
    options: Mapping[str, str] = {}


class Setting(NamedTuple):
    """Where and how a part is measured.

    Attributes:
      toy: whether at sizes that say nothing, on whatever there is.
      folder: where the results of this card lie.
      deadline: on the clock of `time.monotonic`.
    """

    toy: bool
    folder: Path
    deadline: float


def _step(limit: float, network: str, precision: str) -> Part:
    return Part(limit, "gpu_steps", {"network": network, "precision": precision})


PARTS: Mapping[str, Part] = {
    "card": Part(20, "gpu_card"),
    "dcgan_bfloat16": _step(25, "dcgan", "bfloat16"),
    "dcgan_float32": _step(20, "dcgan", "float32"),
    "stylegan2_bfloat16": _step(60, "stylegan2", "bfloat16"),
    "r3gan_bfloat16": _step(35, "r3gan", "bfloat16"),
    "sngan_bfloat16": _step(25, "sngan", "bfloat16"),
    "ring": Part(15, "gpu_dynamics", {"what": "ring"}),
    "dcgan_torch_bfloat16": Part(30, "gpu_torch", {"what": "dcgan", "precision": "bfloat16"}),
    "ring_torch": Part(25, "gpu_torch", {"what": "ring"}),
    "dynamics": Part(30, "gpu_dynamics", {"what": "methods"}),
    "seeds": Part(15, "gpu_dynamics", {"what": "seeds"}),
    "train": Part(35, "gpu_loop", {"what": "train"}),
    "stylegan2_float32": _step(45, "stylegan2", "float32"),
    "r3gan_float32": _step(25, "r3gan", "float32"),
    "sngan_float32": _step(20, "sngan", "float32"),
    "dcgan_torch_float32": Part(25, "gpu_torch", {"what": "dcgan", "precision": "float32"}),
    "loop_overhead": Part(20, "gpu_loop", {"what": "overhead"}),
    "checkpoint": Part(15, "gpu_loop", {"what": "checkpoint"}),
    "tests": Part(35, "gpu_tests"),
}
"""In order of worth."""


def read(path: Path) -> dict[str, Any]:
    """What a part has written so far; nothing where there is no whole file."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write(path: Path, record: Mapping[str, Any]) -> None:
    """Writes a part's file at once: whoever is killed leaves the file before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".tmp")
    beside.write_text(json.dumps(record, indent=2) + "\n")
    beside.replace(path)


def run(command: Sequence[str], log: Path, limit: float, env: Mapping[str, str]) -> str:
    """Runs a process, and ends it with all that it began when its time is over.

    Args:
      command: its words.
      log: where its output goes.
      limit: seconds.
      env: its environment.

    Returns:
      Why it did not come to its end; "" if it did.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as out:
        process = subprocess.Popen(
            command, cwd=ROOT, env=env, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            code = process.wait(limit)
        except BaseException as error:  # the session's own end is that of its part too
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            return f"stopped after {limit:.3g} s"
    if code < 0:
        return f"ended by signal {-code}"
    lines = log.read_text(errors="replace").split("\n")
    said = [line.strip() for line in lines if line.strip()]
    return f"exit code {code}: {said[-1][:300] if said else 'no word'}" if code else ""


def command_of(name: str, about: Mapping[str, Any], setting: Setting, limit: float) -> list[str]:
    """The process of a part."""
    words = [sys.executable, str(BENCHMARKS / "gpu_part.py"), name, "--folder", str(setting.folder)]
    words += ["--limit", f"{limit:.1f}", "--about", json.dumps(about)]
    return [*words, "--toy"] if setting.toy else words


Command = Callable[[str, Mapping[str, Any], Setting, float], list[str]]


class Session:
    """Parts, one after the other.

    Args:
      about: the card and the versions, for every file.
      setting: where they are measured; its deadline is that of the session.
      env: of the processes.
      command: the process of a part.
    """

    def __init__(
        self,
        about: Mapping[str, Any],
        setting: Setting,
        env: Mapping[str, str],
        command: Command = command_of,
    ) -> None:
        self.about, self.setting, self.env, self.command = about, setting, env, command
        self.cut_off: list[str] = []

    def path(self, name: str) -> Path:
        """The file of a part."""
        return self.setting.folder / f"{name}.json"

    def left(self) -> float:
        """Seconds of the session."""
        return self.setting.deadline - time.monotonic()

    def part(self, name: str, limit: float) -> None:
        """Runs one part, and says how it ended, here and in its file."""
        if read(self.path(name)).get("complete"):
            print(f"{name:22s} complete already", flush=True)
            return
        limit, start = min(limit, self.left()), time.monotonic()
        if limit < LEAST:
            why = "not begun: no time is left"
        else:
            words = self.command(name, self.about, self.setting, limit)
            why = run(words, self.setting.folder / "logs" / f"{name}.log", limit, self.env)
        record = read(self.path(name))
        if why.startswith("stopped"):
            self.cut_off.append(name)
        if why:
            begun = {"part": name, **self.about, "toy": self.setting.toy, "rows": {}, **record}
            record = {**begun, "complete": False, "why": why}
            write(self.path(name), record)
        how = "complete" if record.get("complete") else record.get("why") or "wrote nothing"
        print(f"{name:22s} {time.monotonic() - start:5.0f} s  {how}", flush=True)

    def run(self, parts: Mapping[str, float]) -> None:
        """Runs parts within their limits, then those cut off within the time that is left."""
        for name, limit in parts.items():
            self.part(name, limit)
        again, self.cut_off = self.cut_off, []
        for name in again:
            if self.left() >= LEAST:
                print(f"{name:22s} once more: {self.left():.0f} s are left", flush=True)
                self.part(name, self.left())


@contextlib.contextmanager
def environment(toy: bool, wheels: str) -> Iterator[dict[str, str]]:
    """The variables of the processes, with wheels unpacked for as long as the session lasts."""
    with tempfile.TemporaryDirectory(prefix="jaxgan_gpu_") as folder:
        site = f"{folder}/wheels"
        env = {**os.environ, "PYTHONUNBUFFERED": "1", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
        # What a part that was cut off has compiled, and which kernels it has chosen, is kept.
        env.setdefault("JAX_COMPILATION_CACHE_DIR", f"{folder}/programs")
        if toy:
            env["JAX_PLATFORMS"] = "cpu"
        paths = [str(ROOT), env.get("PYTHONPATH", "")]
        if wheels:
            files = sorted(str(path) for path in Path(wheels).glob("*.whl"))
            if not files:
                refuse(f"--wheels is {wheels!r}; it must be a folder of *.whl files")
            install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
            done = subprocess.run([*install, "--target", site, *files], env=env)
            if done.returncode:
                refuse(f"--wheels is {wheels!r}; pip cannot install what is there")
            paths.insert(0, site)
        yield {**env, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def ask(env: Mapping[str, str]) -> dict[str, Any]:
    """The card and the versions, as a process of its own finds them.

    Raises:
      SystemExit: in one line, if there is no JAX or it sees no device.
    """
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "about.log"
        why = run([sys.executable, str(BENCHMARKS / "gpu_part.py")], log, 3 * ASKING, env)
        lines = log.read_text(errors="replace").splitlines()
    found = next((line for line in reversed(lines) if line.startswith("{")), "")
    if why or not found:
        refuse(f"JAX finds no device: {why or 'no word'}")
    return dict(json.loads(found))


def refuse(message: str) -> NoReturn:
    """Ends the program with one line."""
    print(f"{Path(sys.argv[0]).name}: error: {message}", file=sys.stderr)
    sys.exit(2)


class Flags(argparse.ArgumentParser):
    """One line for what is refused, as `jaxgan.cli.program.Parser`, which brings all of jaxgan."""

    def error(self, message: str) -> NoReturn:
        """Ends the program."""
        refuse(f"{message}; see --help")


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The flags."""
    flags = Flags(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--only", nargs="+", choices=PARTS, metavar="PART", help=", ".join(PARTS))
    flags.add_argument("--again", action="store_true", help="measure what is complete, too")
    flags.add_argument("--toy", action="store_true", help="sizes that say nothing, on a CPU")
    flags.add_argument("--out", type=Path, default=BENCHMARKS / "results" / "gpu")
    flags.add_argument("--budget", type=float, default=BUDGET, metavar="S", help="seconds (540)")
    flags.add_argument(
        "--wheels", default=os.environ.get("WHEELS", ""), help="a folder of wheels to use ($WHEELS)"
    )
    args = flags.parse_args(argv)
    if args.toy and args.out == BENCHMARKS / "results" / "gpu":
        flags.error("--toy needs --out: its figures say nothing")
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the session, and prints its tables."""
    start = time.monotonic()
    args = parse(argv)
    scale = 10 if args.toy else 1  # a slow processor is no fault of a toy's
    deadline = start + scale * args.budget
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    out = args.out.resolve()
    with environment(args.toy, args.wheels) as env:
        about = ask(env)
        if about["platform"] != "gpu" and not args.toy:
            refuse(f"the device is {about['device']!r}; it must be a GPU, or the session a --toy")
        if not args.toy:  # a part that finds no GPU must not go on without one
            env.setdefault("JAX_PLATFORMS", "cuda,cpu")
        folder = out / re.sub(r"[^a-z0-9]+", "_", about["device"].lower()).strip("_")
        if args.again:
            for name in args.only or PARTS:
                for path in (folder / f"{name}.json", *folder.glob(f"{name}_*.jsonl")):
                    path.unlink(missing_ok=True)
        print(f"{about['device']}, JAX {about['versions']['jax']}: {folder}", flush=True)
        session = Session(about, Setting(args.toy, folder, deadline), env)
        session.run({name: scale * PARTS[name].limit for name in args.only or PARTS})
        report = [sys.executable, str(BENCHMARKS / "gpu_report.py"), str(folder)]
        return subprocess.run(report, env=env).returncode


if __name__ == "__main__":
    sys.exit(main())
