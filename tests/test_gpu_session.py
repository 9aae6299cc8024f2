"""The session on one GPU: parts in their own processes, what is kept of them, tables, a dry run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from jaxgan import losses, penalties
from jaxgan.config import networks

ROOT = Path(__file__).parents[1]
BENCHMARKS = ROOT / "benchmarks"
ABOUT = {
    "device": "NVIDIA Toy 1",
    "platform": "gpu",
    "versions": {"jax": "0.11"},
    "code": {"sha256": "0"},
}
NOT_NEEDED = ("orbax", "grain", "ml_collections", "tensorboardX", "PIL", "sklearn", "matplotlib")

Script = Callable[[str], ModuleType]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    """Scripts import one another from their own folder."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return lambda name: __import__(name)


def stand_in(programs: Mapping[str, str]) -> Any:
    """Parts that are a few words of Python, which know their `file` and their `limit`."""

    def command(name: str, about: Any, setting: Any, limit: float) -> list[str]:
        file = setting.folder / f"{name}.json"
        head = f"import json, os, pathlib, signal, time\nlimit = {limit}\n"
        head += f"file = pathlib.Path({str(file)!r})\n"
        return [sys.executable, "-c", head + programs[name]]

    return command


COMPLETE = "file.write_text(json.dumps({'complete': True, 'rows': {'a': {'ms': 1.0}}}))\n"
PROGRAMS = {
    "whole": COMPLETE,
    "cut_off": "time.sleep(600)",
    "killed": "os.kill(os.getpid(), signal.SIGKILL)",
    "broken": "raise OSError('no such card')",
    "last": COMPLETE,
}


def session_of(script: Script, folder: Path, programs: Mapping[str, str], seconds: float) -> Any:
    module = script("gpu_session")
    setting = module.Setting(True, folder, time.monotonic() + seconds)
    return module.Session(ABOUT, setting, dict(os.environ), stand_in(programs))


def test_a_part_that_ends_badly_says_why_and_the_others_go_on(
    script: Script,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(script("gpu_session"), "LEAST", 0.0)
    limits = dict.fromkeys(PROGRAMS, 60.0)
    session = session_of(script, tmp_path, PROGRAMS, 600.0)
    (tmp_path / "cut_off.json").write_text(json.dumps({"rows": {"kept": {"ms": 2.0}}}))
    for name, limit in {**limits, "cut_off": 0.2}.items():
        session.part(name, limit)
    found = {name: json.loads((tmp_path / f"{name}.json").read_text()) for name in PROGRAMS}
    assert found["whole"]["complete"]
    assert found["last"]["complete"]
    assert {name: record.get("why") for name, record in found.items()} == {
        "whole": None,
        "cut_off": "stopped after 0.2 s",
        "killed": "ended by signal 9",
        "broken": "exit code 1: OSError: no such card",
        "last": None,
    }
    assert found["cut_off"]["rows"] == {"kept": {"ms": 2.0}}
    assert found["killed"]["device"] == ABOUT["device"]

    # The second call takes up what is not complete, and nothing else.
    capsys.readouterr()
    session_of(script, tmp_path, dict.fromkeys(PROGRAMS, COMPLETE), 600.0).run(limits)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if "already" in line] == ["whole", "last"]
    assert all(json.loads((tmp_path / f"{n}.json").read_text())["complete"] for n in PROGRAMS)


def test_time_that_is_left_goes_to_what_was_cut_off(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script("gpu_session"), "LEAST", 0.0)
    program = f"if limit < 100:\n    time.sleep(600)\n{COMPLETE}"
    session_of(script, tmp_path, {"slow": program}, 600.0).run({"slow": 0.2})
    assert json.loads((tmp_path / "slow.json").read_text())["complete"]


def test_no_part_is_begun_without_time(script: Script, tmp_path: Path) -> None:
    session_of(script, tmp_path, PROGRAMS, 1.0).run({"whole": 60.0})
    record = json.loads((tmp_path / "whole.json").read_text())
    assert (record["complete"], record["why"]) == (False, "not begun: no time is left")


def test_rows_are_kept_and_those_without_figures_are_measured_again(
    script: Script, tmp_path: Path
) -> None:
    part, path, calls = script("gpu_part"), tmp_path / "a.json", []

    def row(name: str, **found: Any) -> Callable[[], dict[str, Any]]:
        def call() -> dict[str, Any]:
            calls.append(name)
            if "raises" in found:
                raise MemoryError("out of memory\nand more")
            return found

        return call

    first = {
        "good": row("good", ms=1.0),
        "bad": row("bad", raises=True),
        "cut": row("cut", n=1, unfinished=True),
    }
    part.measure("a", first, path, ABOUT)
    record = json.loads(path.read_text())
    assert (record["complete"], record["why"]) == (False, "unfinished: cut")
    assert record["rows"]["bad"]["error"] == "MemoryError: out of memory"
    calls.clear()
    part.measure("a", {**first, "cut": row("cut", n=2)}, path, ABOUT)
    record = json.loads(path.read_text())
    assert calls == ["bad", "cut"]
    assert (record["complete"], record["why"]) == (True, None)
    assert (record["rows"]["good"]["ms"], record["rows"]["cut"]["n"]) == (1.0, 2)
    part.measure("b", {"bad": first["bad"]}, path, ABOUT)
    assert json.loads(path.read_text())["complete"] is False


def test_the_limits_are_within_nine_minutes_and_the_page_has_them(script: Script) -> None:
    session = script("gpu_session")
    limits = {name: part.limit for name, part in session.PARTS.items()}
    assert sum(limits.values()) + session.ASKING <= session.BUDGET <= 540
    page = (ROOT / "docs" / "gpu.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \|", page, re.MULTILINE)
    assert {name: float(limit) for name, limit in rows} == limits
    assert [name for name, _ in rows] == list(limits)


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--toy"], "--toy needs --out: its figures say nothing; see --help"),
        (["--toy", "--out", "a", "--wheels", "b"], "--wheels is 'b'; it must be a folder of"),
    ],
)
def test_what_cannot_be_is_one_line(
    flags: list[str],
    line: str,
    script: Script,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["benchmarks/gpu_session.py"])
    with pytest.raises(SystemExit) as stop:
        script("gpu_session").main(flags)
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith(f"gpu_session.py: error: {line}")
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_figures_of_the_tables(script: Script, tmp_path: Path) -> None:
    step = {
        **{"batch": 128, "ms": 2.0, "images_per_step": 128, "images_per_second": 64_000.0},
        **{"planned_mib": 10.0, "peak_mib": 20.0, "compile_seconds": 3.0, "finite": True},
    }
    parts = {
        "card": {"matmul bfloat16": {"ms": 1.0, "tflops_per_second": 800.0}},
        "dcgan_bfloat16": {"step": step, "flops": {"flops_per_image": 2.5e9}},
        "dcgan_torch_bfloat16": {"eager": {"ms": 5.0, "images_per_step": 128}},
        "seeds": {"1 seeds": {"ms": 1.0, "planned_mib": 1}, "16 seeds": {**step, "ms": 4.0}},
        "tests": {"games": {"passed": 3, "failed": 1, "failures": {"tests/a.py::b": "assert 0"}}},
    }
    for name, rows in parts.items():
        record = {"part": name, **ABOUT, "complete": True, "why": None, "rows": rows}
        (tmp_path / f"{name}.json").write_text(json.dumps(record))
    (tmp_path / "ring.json").write_text("{half a file")
    text = script("gpu_report").report(tmp_path)
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    # 64,000 images/s of 2.5 GFLOP are 160 TFLOP/s, a fifth of 800.
    assert ["dcgan, bfloat16", "128", "2", "64,000", "160", "20 %", "10", "20", "3", "yes"] in cells
    assert ["dcgan_bfloat16", "step", "eager", "64,000", "25,600", "2.5"] in cells
    assert ["16 seeds", "4", "4", "10"] in cells
    assert "- tests/a.py::b: assert 0" in text
    assert "- ring: not begun" in text


def test_lazy_penalties_are_counted_when_they_are_due(script: Script) -> None:
    steps = script("gpu_steps")
    lazies = (
        steps.Lazy(lambda every: penalties.r1(1.0, every=every), 2),
        steps.Lazy(lambda every: penalties.r2(1.0, every=every), 1),
    )
    gen = partial(networks.mlp_generator, features=(4,))
    disc = partial(networks.mlp_discriminator, features=(4,))
    recipe = steps.Recipe(2, 3, 2, gen, disc, losses.hinge(), lazies)

    def due(step: int) -> float:
        now = tuple(lazy._replace(every=1) for lazy in lazies if step % lazy.every == 0)
        return steps.mean_flops(recipe._replace(lazies=now), "float32")["flops_per_step"]

    found = steps.mean_flops(recipe, "float32")
    assert found["flops_per_step"] == (due(0) + due(1)) / 2 > due(1)
    assert found["flops_per_image"] == found["flops_per_step"] / 4


def test_the_rows_of_a_card_and_of_a_step(script: Script, tmp_path: Path) -> None:
    setting = script("gpu_session").Setting(True, tmp_path, time.monotonic() + 600)
    rows = script("gpu_card").rows(setting)
    assert {"nvidia-smi", "matmul bfloat16", "conv tf32", "copy", "call"} <= set(rows)
    bf16, full = rows["matmul bfloat16"](), rows["matmul float32"]()
    assert full["error"] < 1e-6 < 1e-4 < bf16["error"] < 1e-2
    assert full["tflops_per_second"] == pytest.approx(2 * 128**3 / full["ms"] / 1e9)
    assert rows["call"]()["ms_waited_for"] > 0
    ring = script("gpu_dynamics").rows(setting, what="ring")["one step in a call"]()
    assert ring["finite"]
    assert ring["images_per_second"] == pytest.approx(512e3 / ring["ms"], abs=0.1)
    assert ring["parameters"] == {"gen": 16 * 8 + 8 + 8 * 2 + 2, "disc": 2 * 8 + 8 + 8 + 1}


def hidden(folder: Path, names: Sequence[str]) -> str:
    """A folder in front of the others on the path, in which these packages fail to import."""
    folder.mkdir()
    for name in names:
        line = f"raise ModuleNotFoundError('No module named {name}', name={name!r})\n"
        (folder / f"{name}.py").write_text(line)
    return str(folder)


def test_importing_the_library_brings_neither_the_trainer_nor_its_libraries(
    tmp_path: Path,
) -> None:
    path = hidden(tmp_path / "hidden", NOT_NEEDED)
    env = {**os.environ, "PYTHONPATH": f"{path}{os.pathsep}{ROOT}"}
    words = "import jaxgan as jg, jaxgan.config.networks, jaxgan.plan; "
    words += "jg.gan, jg.losses, jg.analysis, jg.from_linen, jg.ema, jg.models, jg.metrics"
    subprocess.run([sys.executable, "-c", words], env=env, check=True)


def dry_run(out: Path, env: Mapping[str, str], *parts: str) -> dict[str, dict[str, Any]]:
    """A session at toy sizes, by the command that a person types."""
    words = ["bash", str(BENCHMARKS / "gpu_session.sh"), "--toy", "--out", str(out), "--only"]
    env = {**os.environ, "PYTHON": sys.executable, "XLA_FLAGS": "", **env}
    subprocess.run([*words, *parts], env=env, check=True)
    return {name: json.loads((out / "cpu" / f"{name}.json").read_text()) for name in parts}


@pytest.mark.slow
def test_a_dry_run_without_anything_but_jax_and_flax(script: Script, tmp_path: Path) -> None:
    parts = list(script("gpu_session").PARTS)[:-4]
    env = {"PYTHONPATH": hidden(tmp_path / "hidden", NOT_NEEDED)}
    found = dry_run(tmp_path / "out", env, *parts)
    for name, record in found.items():
        if "torch" in name or name == "train":
            assert record["complete"] or "which is not installed" in record["why"]
        else:
            assert record["complete"], (name, record)
            errors = {row for row, one in record["rows"].items() if "error" in one}
            assert errors <= {"nvidia-smi"}
    assert found["train"]["why"] == "needs PIL, which is not installed"
    dates = {name: os.stat(tmp_path / "out" / "cpu" / f"{name}.json").st_mtime for name in parts}
    dry_run(tmp_path / "out", env, *parts)
    for name, date in dates.items():
        changed = os.stat(tmp_path / "out" / "cpu" / f"{name}.json").st_mtime != date
        assert changed != found[name]["complete"]


@pytest.mark.slow
def test_a_dry_run_of_what_is_around_the_step(tmp_path: Path) -> None:
    found = dry_run(tmp_path, {}, "train", "loop_overhead", "checkpoint", "tests")
    assert all(record["complete"] for record in found.values())
    assert found["train"]["rows"]["digits"]["steps"] == 20
    assert found["tests"]["rows"]["games"]["passed"] > 5
    assert "failed" not in found["tests"]["rows"]["games"]
