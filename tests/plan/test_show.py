"""Tables and the plot of a plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from rich.console import Console

from jaxgan.plan import Collective, Memory, Report, roofline
from jaxgan.plan.child import as_json
from jaxgan.plan.chips import CHIPS
from jaxgan.plan.show import amount, report_table, save_plot, scaling_table, seconds


def result(name: str, num_devices: int, fits: bool = True) -> dict[str, Any]:
    bound = roofline(CHIPS["v5e"], {("dot", "float32", ""): 2e9}, 1e6, 1e4)
    limit = 16 * 2**30
    total = 3 * 2**30 if fits else 20 * 2**30
    report = Report(
        num_devices=num_devices,
        parameters={"disc": 1200, "gen": 3_400_000},
        memory=Memory(2**30, 0, total - 2**30, 0, 0, total, limit, limit - total, fits),
        flops={"dot float32": 2e9 * num_devices},
        flops_least=2e9,
        flops_per_image=3e7,
        compiler_flops=2e9,
        bytes_moved=1e6,
        collectives=(Collective("all-reduce", num_devices, 50, 2**20, 1e4),),
        sent_bytes=1e4,
        images_per_step=64 * num_devices,
        roofline=bound,
        images_per_second=64 * num_devices / bound.step_seconds,
        compile_seconds=12.0,
        notes=("while: a note",),
    )
    return {"topology": name, "report": as_json(report)}


def text_of(table: Any) -> str:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def test_a_report_names_everything_that_was_asked_for() -> None:
    text = text_of(report_table(result("v5e:2x2", 4)))
    for part in (
        "parameters of gen      3.4 M",
        "3 GiB of 16 GiB",
        "headroom             13 GiB",
        "8 GFLOP",
        "FLOPs per image        30 MFLOP",
        "all-reduce of 4      50 in a call, 1 MiB",
        "compute-bound: 2000 FLOPs per byte",
        "step, at least         10.2 us",
        "images/s, at most      25.2 M",
        "while: a note",
    ):
        assert part in text
    assert "NOT" not in text


def test_what_does_not_fit_says_so() -> None:
    assert "20 GiB of 16 GiB: does NOT fit" in text_of(report_table(result("v5e:1x1", 1, False)))


@pytest.mark.parametrize(
    ("is_compiled", "expected"), [(True, "4096 (compiled)"), (False, "4096 (an estimate, not")]
)
def test_a_batch_that_fits_says_how_it_is_known(is_compiled: bool, expected: str) -> None:
    fit = {"batch": 4096, "is_compiled": is_compiled, "bytes_per_example": 2048.0}
    text = text_of(report_table({**result("v5e:2x2", 4), "fit": fit}))
    assert expected in text
    assert "2 KiB per example" in text


def test_a_line_per_topology_and_failures_too() -> None:
    failed = {"topology": "v6e:2x2", "error": "the compiler crashed"}
    text = text_of(scaling_table([result("v5e:2x2", 4), failed, result("v5e:4x4", 16, False)]))
    assert [line.split()[0] for line in text.splitlines() if "v" in line[:4]] == [
        "v5e:2x2",
        "v6e:2x2",
        "v5e:4x4",
    ]
    assert "too much" in text


def test_the_plot_is_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "plan.png"
    results = [result("v5e:4x4", 16), result("v5e:2x2", 4), {"topology": "cpu:8", "error": "x"}]
    save_plot(path, results)
    with Image.open(path) as image:
        assert image.width > 600


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (0, "", "0"),
        (999, "", "999"),
        (1000, "", "1 k"),
        (1024, "B", "1 KiB"),
        (1.5 * 2**30, "B", "1.5 GiB"),
        (2.345e15, "FLOP", "2.35 PFLOP"),
        (-(2**21), "B", "-2 MiB"),
    ],
)
def test_amounts(value: float, unit: str, expected: str) -> None:
    assert amount(value, unit) == expected


def test_times() -> None:
    assert [seconds(t) for t in (2.0, 0.5e-3, 3e-9, None)] == ["2 s", "500 us", "3 ns", "-"]
