"""The results of sessions on GPUs as tables.

    python benchmarks/gpu_report.py
    python benchmarks/gpu_report.py benchmarks/results/gpu/nvidia_h200

Shares of the peak are of the rate that this card's own matrix product reached, in bf16 for steps in
bfloat16 and by JAX's default (TF32, where the card has it) for steps in float32.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gpu_session

Records = Mapping[str, Mapping[str, Any]]
Cells = Sequence[str]

NETWORKS = ("dcgan", "sngan", "stylegan2", "r3gan")
PRECISIONS = {"bfloat16": "bfloat16", "float32": "tf32"}
"""Of steps, and the matrix product that they are held against."""


def load(folder: Path) -> dict[str, dict[str, Any]]:
    """What there is of a card's parts."""
    found = {name: gpu_session.read(folder / f"{name}.json") for name in gpu_session.PARTS}
    return {name: record for name, record in found.items() if record}


def rows_of(records: Records, part: str) -> dict[str, dict[str, Any]]:
    """The rows of a part that have figures."""
    rows = records.get(part, {}).get("rows", {})
    return {name: row for name, row in rows.items() if "error" not in row}


def text(value: Any, digits: int = 3) -> str:
    """A figure as a cell; "-" where there is none."""
    if value is None:
        return "-"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def table(heads: Cells, lines: Sequence[Cells]) -> str:
    """A table of Markdown; nothing without lines."""
    if not lines:
        return ""
    widths = [max(len(line[i]) for line in (heads, *lines)) for i in range(len(heads))]
    rule = ["-" * width for width in widths]
    padded = ([c.ljust(w) for c, w in zip(r, widths, strict=True)] for r in (heads, rule, *lines))
    return "\n".join(f"| {' | '.join(row)} |" for row in padded)


def peak_of(records: Records, precision: str) -> float | None:
    """What a matrix product reached on this card, in TFLOP/s."""
    row = rows_of(records, "card").get(f"matmul {PRECISIONS[precision]}")
    return row["tflops_per_second"] if row else None


def card(records: Records) -> str:
    """Rates of the card."""
    heads = ("", "ms", "TFLOP/s", "GB/s", "error")
    lines = [
        (
            name,
            text(row.get("ms")),
            text(row.get("tflops_per_second")),
            text(row.get("gb_per_second")),
            text(row.get("error"), 2),
        )
        for name, row in rows_of(records, "card").items()
        if "ms" in row
    ]
    return table(heads, lines)


def steps(records: Records) -> str:
    """Training steps, ours."""
    heads = (
        *("step", "batch", "ms", "images/s", "TFLOP/s", "of peak"),
        *("planned MiB", "peak MiB", "compiled in s", "finite"),
    )
    lines: list[Cells] = []
    for network in NETWORKS:
        for precision in PRECISIONS:
            peak = peak_of(records, precision)
            rows = rows_of(records, f"{network}_{precision}")
            flops = rows.pop("flops", {}).get("flops_per_image")
            for name, row in rows.items():
                rate = 1e-12 * flops * row["images_per_second"] if flops else None
                more = "" if name == "step" else f", {name.removeprefix('step, ')}"
                lines.append(
                    (
                        f"{network}, {precision}{more}",
                        text(row["batch"]),
                        text(row["ms"]),
                        text(row["images_per_second"]),
                        text(rate),
                        f"{100 * rate / peak:.2g} %" if peak and rate else "-",
                        text(row["planned_mib"]),
                        text(row["peak_mib"]),
                        text(row["compile_seconds"]),
                        "yes" if row["finite"] else "NO",
                    )
                )
    return table(heads, lines)


def beside(records: Records) -> str:
    """Ours against PyTorch's: how many times as many images per second."""
    lines = []
    pairs = [(f"dcgan_{precision}", f"dcgan_torch_{precision}") for precision in PRECISIONS]
    for ours, theirs in [*pairs, ("ring", "ring_torch")]:
        mine, others = rows_of(records, ours), rows_of(records, theirs)
        speeds = {name: 1e3 * row["images_per_step"] / row["ms"] for name, row in others.items()}
        for name, row in mine.items():
            if "batch " in name or name == "flops":
                continue
            speed = 1e3 * row["images_per_step"] / row["ms"]
            for other, rate in speeds.items():
                lines.append((ours, name, other, text(speed), text(rate), text(speed / rate)))
    return table(("", "ours", "PyTorch", "ours, images/s", "PyTorch, images/s", "times"), lines)


def methods(records: Records) -> str:
    """Methods against simultaneous descent."""
    rows = rows_of(records, "dynamics")
    base = rows.get("simultaneous", {}).get("ms")
    lines = [
        (
            name,
            text(row["ms"]),
            text(row["ms"] / base if base else None),
            text(row["planned_mib"]),
            text(row["compile_seconds"]),
        )
        for name, row in rows.items()
    ]
    return table(("method", "ms", "cost", "planned MiB", "compiled in s"), lines)


def seeds(records: Records) -> str:
    """Seeds at once against one after the other."""
    rows = rows_of(records, "seeds")
    one = rows.get("1 seeds", {}).get("ms")
    lines = []
    for name, row in rows.items():
        num = int(name.split()[0])
        ratio = num * one / row["ms"] if one else None
        lines.append((name, text(row["ms"]), text(ratio), text(row["planned_mib"])))
    return table(("", "ms per step of all", "times as fast as in turn", "planned MiB"), lines)


def around(records: Records) -> str:
    """The main job, the loop, the stall of a save."""
    lines: list[Cells] = []
    for part in ("train", "loop_overhead", "checkpoint"):
        for name, row in rows_of(records, part).items():
            flat = {**row, **row.get("report", {})}
            lines += [
                (part, name, key, text(value))
                for key, value in flat.items()
                if isinstance(value, bool | int | float) and key != "seconds"
            ]
    return table(("part", "case", "figure", "value"), lines)


def tests(records: Records) -> str:
    """Counts of outcomes, and what failed."""
    rows = rows_of(records, "tests")
    lines = [
        (
            name,
            *(text(row.get(outcome, 0)) for outcome in ("passed", "failed", "skipped")),
            "not at its end" if row.get("unfinished") else "",
        )
        for name, row in rows.items()
    ]
    failures = [f"- {t}: {why}" for row in rows.values() for t, why in row["failures"].items()]
    return "\n".join([table(("tests", "passed", "failed", "skipped", ""), lines), *failures])


def missing(records: Records) -> str:
    """Parts and rows without figures, and why."""
    lines = []
    for part in gpu_session.PARTS:
        record = records.get(part)
        if record is None:
            lines.append(f"- {part}: not begun")
        elif not record["complete"]:
            lines.append(f"- {part}: {record['why']}")
        errors = (record or {}).get("rows", {}).items()
        lines += [f"- {part}, {name}: {row['error']}" for name, row in errors if "error" in row]
    return "\n".join(lines)


def report(folder: Path) -> str:
    """All tables of one card."""
    records = load(folder)
    if not records:
        return f"{folder}: nothing is measured yet"
    newest = next(iter(records.values()))
    codes = {record["code"]["sha256"] for record in records.values() if "code" in record}
    smi = rows_of(records, "card").get("nvidia-smi", {})
    about = ", ".join(f"{name} {version}" for name, version in newest.get("versions", {}).items())
    head = [f"# {newest.get('device')}", about]
    if smi:
        head.append(
            ", ".join(f"{name} {value}" for name, value in smi.items() if name != "seconds")
        )
    if len(codes) > 1:
        head.append(f"The parts were not measured with one and the same code: {sorted(codes)}")
    if newest.get("toy"):
        head.append("At toy sizes: these figures say nothing.")
    sections = {
        "The card": card(records),
        "Training steps": steps(records),
        "Beside PyTorch": beside(records),
        "Methods": methods(records),
        "Seeds": seeds(records),
        "Around the step": around(records),
        "Tests": tests(records) if rows_of(records, "tests") else "",
        "Without figures": missing(records),
    }
    parts = [f"## {title}\n\n{body}" for title, body in sections.items() if body]
    return "\n\n".join([*head, *parts])


def main() -> None:
    """Prints the tables of the cards asked for, or of all that there are."""
    flags = gpu_session.Flags(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument("folders", nargs="*", type=Path, help="of cards; all by default")
    args = flags.parse_args()
    results = gpu_session.BENCHMARKS / "results" / "gpu"
    folders = args.folders or sorted(path for path in results.glob("*") if path.is_dir())
    if not folders:
        gpu_session.refuse(f"{results} holds no card yet: run benchmarks/gpu_session.sh")
    print("\n\n".join(report(folder) for folder in folders))


if __name__ == "__main__":
    main()
