"""What GANs trained on `ring` or `grid` have learned: modes, good samples, evenness, every seed.

    jaxgan train --config configs/ring.py:seeds8 --workdir runs/ring8
    python experiments/ring_report.py --workdir runs/ring8

prints one line per seed and the medians, and writes `report.json` into the run's folder.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

import jaxgan as jg
from jaxgan import metrics
from jaxgan.cli.program import Parser, run_script, whole
from jaxgan.config.data import open_data
from jaxgan.core.errors import InputError
from jaxgan.data import DeviceSource


def main() -> None:
    """Writes and prints the report."""
    parser = Parser(description=__doc__)
    parser.add_argument("--workdir", type=Path, required=True)
    parser.add_argument("--num", type=whole(1), default=10_000, help="samples per seed (10000)")
    args = parser.parse_args()

    run = jg.load(args.workdir)
    source = open_data(run.config.as_configdict().to_dict())
    if not isinstance(source, DeviceSource):
        raise InputError(f"{args.workdir}: {source.name} is no mixture with known modes")
    rows = []
    num_seeds = run.config.num_seeds
    for member in range(num_seeds):
        if num_seeds > 1:
            run = jg.load(args.workdir, member=member)
        points = run.sample(args.num)
        result = metrics.mixture_score(points, source.modes, source.std)
        rows.append({"seed": member, **result._asdict()})
        print(
            f"seed {member}: {result.num_modes} of {len(source.modes)} modes, "
            f"{result.high_quality:.1%} within 3 standard deviations, "
            f"reverse KL {result.reverse_kl:.4f}"
        )
    names = ("num_modes", "high_quality", "reverse_kl")
    median = {name: float(np.median([row[name] for row in rows])) for name in names}
    print(
        f"median: {median['num_modes']:.0f} modes, {median['high_quality']:.1%}, "
        f"reverse KL {median['reverse_kl']:.4f}"
    )
    report = {"step": run.step, "num_samples": args.num, "rows": rows, "median": median}
    (args.workdir / "report.json").write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    run_script(main)
