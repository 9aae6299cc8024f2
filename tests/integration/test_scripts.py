"""Programs end with one line and an exit code, whatever goes wrong: `jaxgan` and every script."""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import jax
import pytest

from jaxgan.cli import program
from jaxgan.cli.main import main
from jaxgan.data import DataError
from jaxgan.training.settings import Exit
from tests.experiments import imported

ROOT = Path(__file__).parents[2]


def fails(error: BaseException) -> Callable[[], None]:
    def body() -> None:
        raise error

    return body


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (DataError("data: 3\nand \x1b[31mred"), 2, r"error: data: 3\nand \x1b[31mred"),
        (FileNotFoundError(2, "No such file", "a"), 2, "error: [Errno 2] No such file: 'a'"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_what_goes_wrong_is_one_line(
    error: BaseException, code: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.run(fails(error), "draw.py") == code
    assert capsys.readouterr().err == f"draw.py: {line}\n"


@pytest.mark.parametrize("error", [ValueError("a fault of ours"), jax.errors.JaxRuntimeError("b")])
def test_a_fault_of_ours_keeps_its_traceback(error: Exception) -> None:
    with pytest.raises(type(error)):
        program.run(fails(error), "draw.py")


def test_exit_codes_are_the_loops() -> None:
    assert program.NONFINITE == Exit.NONFINITE
    assert program.INTERRUPTED == Exit.INTERRUPTED


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--nums=3"], "unrecognized arguments: --nums=3"),
        (["--num", "0"], "argument --num: '0' is not a whole number of at least 1"),
        (["--num", "4\n"], r"unrecognized arguments: c\nd"),
        (["--num"], "argument --num: expected one argument"),
    ],
)
def test_a_flag_is_refused_in_one_line(
    words: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = program.Parser(prog="draw.py")
    parser.add_argument("--num", type=program.whole(1))
    with pytest.raises(SystemExit) as stop:
        parser.parse_args([*words, *(["c\nd"] if "4\n" in words else [])])
    assert stop.value.code == 2
    assert capsys.readouterr().err == f"draw.py: error: {line}; see draw.py --help\n"


def test_the_nearest_flag_of_a_command_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["sample", "--workdir", "a", "--label-s=3"])
    assert stop.value.code == 2
    assert capsys.readouterr().err == (
        "jaxgan: error: unrecognized arguments: --label-s=3; did you mean --label?; "
        "see jaxgan sample --help\n"
    )


@pytest.mark.parametrize("name", ["ring_report", "infogan_report"])
def test_a_report_of_no_run_is_one_line(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    flag = "--workdirs" if name == "infogan_report" else "--workdir"
    monkeypatch.setattr(sys, "argv", [f"{name}.py", flag, str(tmp_path / "a")])
    with pytest.raises(SystemExit) as stop:
        program.run_script(imported(name).main)
    assert stop.value.code == 2
    line = f"{name}.py: error: workdir: {tmp_path / 'a'} holds no run: there is no config.json\n"
    assert capsys.readouterr().err == line


def test_every_script_ends_by_it() -> None:
    # Those of a session on a GPU run where little more than JAX is installed, or not even that.
    by_themselves = {
        ROOT / "benchmarks" / f"gpu_{name}.py" for name in ("session", "part", "report")
    }
    for path in {*ROOT.glob("experiments/*.py"), *ROOT.glob("benchmarks/*.py")} - by_themselves:
        text = path.read_text()
        if "__main__" in text:
            assert text.endswith("run_script(main)\n"), path
        assert "argparse.ArgumentParser(" not in text, path


def test_a_package_that_is_not_there_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr(sys, "argv", ["benchmarks/ring_step.py"])
    with pytest.raises(SystemExit) as stop:
        importlib.import_module("ring_step")
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("ring_step.py: error: ")
    assert error.endswith("None in sys.modules: pip install jaxgan[bench]\n")


def rows_of_report(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> int:
    monkeypatch.setattr(sys, "argv", ["ring_report.py", "--workdir", str(folder), "--num=100"])
    imported("ring_report").main()
    out = capsys.readouterr().out
    assert "median: " in out
    return out.count("of 8 modes")


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [1, 2])
def test_the_report_of_a_ring_has_a_row_for_every_seed(
    seeds: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = f"{ROOT / 'configs' / 'ring_unrolled.py'}:smoke"
    flags = ["--config", config, "--workdir", str(tmp_path), f"--config.num_seeds={seeds}"]
    assert main(["train", *flags]) == 0
    assert rows_of_report(tmp_path, monkeypatch, capsys) == seeds


def test_the_report_of_a_ring_reads_a_run_of_one_seed(
    ring_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = shutil.copytree(ring_run, tmp_path / "ring")
    assert rows_of_report(folder, monkeypatch, capsys) == 1
