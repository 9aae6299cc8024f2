"""What a plan says, as tables and as a picture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

Result = Mapping[str, Any]
"""One topology: `topology`, and `report` and perhaps `fit` as JSON, or `error`."""


def amount(value: float | None, unit: str = "") -> str:
    """A number with three digits and a prefix.

    Args:
      value: the number; None gives a dash.
      unit: what it counts; bytes get binary prefixes.

    Returns:
      The text.

    Example:
      >>> amount(3.2e12, "FLOP"), amount(3 * 2**20, "B"), amount(None)
      ('3.2 TFLOP', '3 MiB', '-')
    """
    if value is None:
        return "-"
    base, infix = (1024, "i") if unit == "B" else (1000, "")
    power = 0
    if value:
        power = max(min(int(math.log(abs(value), base) + 1e-9), 6), 0)
    prefix = ("", "k", "M", "G", "T", "P", "E")[power]
    prefix = prefix.upper() + infix if infix and prefix else prefix
    scaled = value / base**power
    digits = f"{scaled:.3g}" if abs(scaled) < 999.5 else f"{scaled:.0f}"
    return f"{digits} {prefix}{unit}".strip()


def seconds(value: float | None) -> str:
    """A time with three digits.

    Args:
      value: in seconds; None gives a dash.

    Returns:
      The text.

    Example:
      >>> seconds(0.00123), seconds(2.5e-6)
      ('1.23 ms', '2.5 us')
    """
    if value is None:
        return "-"
    for scale, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "us")):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value / 1e-9:.3g} ns"


def report_table(result: Result) -> Table:
    """All about one topology.

    Args:
      result: one with a `report`.

    Returns:
      A table of two columns.

    Example:
      See `jaxgan plan`.
    """
    report, memory = result["report"], result["report"]["memory"]
    table = Table("", "", title=result["topology"], show_header=False, box=box.SIMPLE)
    chips, images = report["num_devices"], report["images_per_step"]
    table.add_row("devices", f"{chips}, {images / chips:g} images each per step")
    for player, count in report["parameters"].items():
        table.add_row(f"parameters of {player}", amount(count))
    table.add_row("memory per chip", _memory_line(memory))
    for name in ("arguments", "padding", "temporaries", "outputs", "code"):
        table.add_row(f"  {name}", amount(memory[name], "B"))
    if memory["limit"] is not None:
        table.add_row("  headroom", amount(memory["headroom"], "B"))
    table.add_row("FLOPs per step", amount(sum(report["flops"].values()), "FLOP"))
    for kind, count in report["flops"].items():
        table.add_row(f"  {kind}", amount(count, "FLOP"))
    table.add_row("FLOPs per image", amount(report["flops_per_image"], "FLOP"))
    table.add_row("bytes moved per chip", amount(report["bytes_moved"], "B"))
    table.add_row("bytes sent per chip", amount(report["sent_bytes"], "B"))
    for one in report["collectives"]:
        table.add_row(
            f"  {one['kind']} of {one['group_size']}",
            f"{one['num_ops']} in a call, {amount(one['num_bytes'], 'B')}",
        )
    if report["roofline"] is not None:
        table.add_row("verdict", report["roofline"]["verdict"])
        table.add_row("step, at least", seconds(report["roofline"]["step_seconds"]))
        table.add_row("images/s, at most", amount(report["images_per_second"]))
    if result.get("fit"):
        table.add_row("batch per chip that fits", _fit_line(result["fit"]))
    table.add_row("compiled in", seconds(report["compile_seconds"]))
    for note in report["notes"]:
        table.add_row("note", note)
    return table


def _memory_line(memory: Mapping[str, Any]) -> str:
    limit = "" if memory["limit"] is None else f" of {amount(memory['limit'], 'B')}"
    return f"{amount(memory['total'], 'B')}{limit}{'' if memory['fits'] else ': does NOT fit'}"


def _fit_line(fit: Mapping[str, Any]) -> str:
    how = "compiled" if fit["is_compiled"] else "an estimate, not compiled"
    return f"{fit['batch']} ({how}); {amount(fit['bytes_per_example'], 'B')} per example"


def scaling_table(results: Sequence[Result]) -> Table:
    """A line per topology.

    Args:
      results: of several topologies; failed ones say why.

    Returns:
      The table.

    Example:
      >>> scaling_table([{"topology": "v5e:2x2", "error": "crashed"}]).row_count
      1
    """
    heads = (
        "topology",
        "chips",
        "images/step",
        "memory/chip",
        "FLOP/step",
        "moved/chip",
        "sent/chip",
        "step >=",
        "images/s <=",
        "bound",
        "compiled in",
    )
    table = Table(*heads, box=box.SIMPLE)
    for result in results:
        if "error" in result:
            table.add_row(result["topology"], f"[red]{result['error']}[/red]")
            continue
        report, bound = result["report"], result["report"]["roofline"] or {}
        fits = "" if report["memory"]["fits"] else " (too much)"
        table.add_row(
            result["topology"],
            str(report["num_devices"]),
            str(report["images_per_step"]),
            amount(report["memory"]["total"], "B") + fits,
            amount(sum(report["flops"].values())),
            amount(report["bytes_moved"], "B"),
            amount(report["sent_bytes"], "B"),
            seconds(bound.get("step_seconds")),
            amount(report["images_per_second"]),
            bound.get("bound", "-"),
            seconds(report["compile_seconds"]),
        )
    return table


def save_plot(path: Path, results: Sequence[Result]) -> None:
    """Draws bounds on images/s and on the time of a step over the number of chips.

    Args:
      path: the PNG to write.
      results: of several topologies; those without published figures are left out.

    Example:
      See `jaxgan plan`.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    lines: dict[str, list[tuple[int, Mapping[str, Any]]]] = {}
    for result in results:
        report = result.get("report")
        if report and report["roofline"]:
            generation = result["topology"].partition(":")[0]
            lines.setdefault(generation, []).append((report["num_devices"], report))
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for generation, points in lines.items():
        points.sort(key=lambda point: point[0])
        chips = [num for num, _ in points]
        left.plot(chips, [one["images_per_second"] for _, one in points], "o-", label=generation)
        steps = [1e6 * one["roofline"]["step_seconds"] for _, one in points]
        right.plot(chips, steps, "o-", label=generation)
    left.set(xlabel="devices", ylabel="images/s, at most", title="roofline bound on throughput")
    right.set(xlabel="devices", ylabel="µs per step, at least", title="roofline bound on a step")
    for axes in (left, right):
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.grid(alpha=0.3)
        if lines:
            axes.legend()
    figure.savefig(path, dpi=120)
    plt.close(figure)
