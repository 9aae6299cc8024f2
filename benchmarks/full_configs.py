"""Whether the `full` config of every system compiles for a TPU slice and fits: `jaxgan plan`.

    python benchmarks/full_configs.py
    python benchmarks/full_configs.py --only sngan r3gan

The training step of each paper's setting is compiled for the slice named here, without having it
or the data (`pip install jaxgan[plan]`), one config after the other: seconds to many minutes each
on one CPU core. Bounds on speed are the roofline's. Writes benchmarks/results/full_configs.json
after each; rows of configs that are not asked for stay.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import timing

from jaxgan.cli.program import Parser, run_script, whole

CONFIGS = Path(__file__).parents[1] / "configs"


class Case(NamedTuple):
    """A slice, and the shape of one example (of its source too, for images made of images)."""

    topology: str
    shape: str


MNIST = Case("v5e:2x2", "28,28,1")
FACADES = Case("v5e:1x1", "256,256,3/256,256,3")
CASES = {
    "infogan": MNIST,
    "bigan": MNIST,
    "vae": MNIST,
    "vae_gan": MNIST,
    "autoencoder": MNIST,
    "ebgan": MNIST,
    "began": Case("v5e:2x2", "64,64,3"),
    "sngan": Case("v5e:2x2", "32,32,3"),
    "r3gan": Case("v5e:4x4", "32,32,3"),
    "pix2pix": FACADES,
    "cyclegan": FACADES,
    "super_resolution": Case("v5e:2x2", "96,96,3/24,24,3"),
    "sagan": Case("v5e:4x4", "128,128,3"),
    "biggan": Case("v5e:8x8", "128,128,3"),
    "progan": Case("v5e:4x4", "1024,1024,3"),
    "stylegan": Case("v5e:4x8", "1024,1024,3"),
    "stylegan2": Case("v5e:4x4", "1024,1024,3"),
}

HEADS = (
    *("config", "topology", "images/step", "parameters"),
    *("memory/chip", "fits", "FLOPs/image", "compiled"),
)


def plan(name: str, case: Case, timeout: int) -> dict[str, Any]:
    """What `jaxgan plan` found: figures, or why there are none."""
    from jaxgan.cli.main import main as jaxgan

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "plan.json"
        flags = ["--config", f"{CONFIGS / name}.py:full", "--topology", case.topology]
        flags += ["--example-shape", case.shape, "--timeout", str(timeout), "--out", str(out)]
        code = jaxgan(["plan", *flags])
        if not out.exists():
            raise SystemExit(code)
        (found,) = json.loads(out.read_text())["plans"]
    about = {"topology": case.topology, "example": case.shape}
    if "error" in found:
        return {**about, "error": found["error"]}
    report = found["report"]
    memory = report["memory"]
    return {
        **about,
        "parameters": report["parameters"],
        "images_per_step": report["images_per_step"],
        "memory_per_chip": memory["total"],
        "limit_per_chip": memory["limit"],
        "fits": memory["fits"],
        "flops_per_image": report["flops_per_image"],
        "images_per_second_at_most": report["images_per_second"],
        "verdict": (report["roofline"] or {}).get("verdict"),
        "compile_seconds": round(report["compile_seconds"]),
    }


def table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """The figures as they stand in docs/plan.md."""
    lines = [HEADS, ("---",) * len(HEADS)]
    for name in CASES:
        row = rows.get(name, {"error": "not asked for"})
        if "error" in row:
            continue
        figures = (
            f"{row['images_per_step']:,}",
            f"{sum(row['parameters'].values()) / 1e6:.2f} M",
            f"{row['memory_per_chip'] / 2**30:.2f} of {row['limit_per_chip'] / 2**30:.0f} GiB",
            "yes" if row["fits"] else "no",
            f"{row['flops_per_image'] / 1e9:.3g} G",
            f"{row['compile_seconds']} s",
        )
        lines.append((f"`{name}:full`", row["topology"], *figures))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Prints each plan and all of them, and writes the figures."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=CASES, metavar="NAME", help="these configs")
    parser.add_argument(
        "--timeout", type=whole(1), default=1800, metavar="S", help="for each (1800)"
    )
    parser.add_argument("--out", type=Path, default=timing.RESULTS / "full_configs.json")
    args = parser.parse_args()
    rows: dict[str, Any] = {}
    if args.out.exists():
        rows = json.loads(args.out.read_text())["configs"]
    for name in args.only or CASES:
        print(f"{name}:full", flush=True)
        rows[name] = plan(name, CASES[name], args.timeout)
        timing.save_results(args.out, {"configs": rows})
    print(table(rows))


if __name__ == "__main__":
    run_script(main)
