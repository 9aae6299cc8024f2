"""The point of no return: from which step on most futures of a run are lost.

    python experiments/no_return.py
    python experiments/no_return.py --budget full

trains runs, and from their checkpoints plays many futures each, with other latents and other
batches from there on, as `jaxgan futures` does. A future is healthy if it ends with at least half
of the modes, or, on digits, if by the rules of `jaxgan.training.collapse` its samples have not
lost their variety.

- ring, k = 0 and k = 5: the ring of eight Gaussians of Metz et al., 2017 (arXiv:1611.02163,
  appendix A), without unrolling and with five steps of it. The intervention in the first is to
  unroll from here on. The full budget has the paper's widths, batch, rate and number of steps; the
  small one a narrower network, a batch of 128 and ten times the rate, for a tenth of the steps.
- digits: two MLPs that collapse on purpose, as the discriminator's learning rate falls to a
  hundredth. The interventions: the rate is put back to what it was, or R1 is added.

Writes results/no_return.json and .png: P(healthy | step) with its interval of 95 %, and the point
of no return of each run. Runs and their futures are kept in `--runs`, from which an interrupted
experiment goes on. On two quiet cores the small budget takes about eight minutes, the full one
hours.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from reporting import Row, parser, write_report

import jaxgan as jg
from jaxgan.cli.program import run_script
from jaxgan.files import read_json
from jaxgan.run.futures import UNTOUCHED, FuturesRun
from jaxgan.run.futures_report import as_report
from jaxgan.run.futures_report import write_report as write_futures
from jaxgan.run.make import keep_compiled
from jaxgan.run.members import num_modes_of
from jaxgan.run.saved import read_run
from jaxgan.training.collapse import Share, no_return

mpl.use("Agg")
import matplotlib.pyplot as plt

COLORS = ("0.15", "tab:blue", "tab:purple")


class Budget(NamedTuple):
    """How much is spent.

    Attributes:
      ring: keys of the ring's config.
      ring_steps: steps of a run on the ring, its checkpoints, and steps of a future.
      digits_steps: likewise on digits.
      num: futures of a checkpoint.
    """

    ring: Mapping[str, Any]
    ring_steps: tuple[int, int, int]
    digits_steps: tuple[int, int, int]
    num: int


BUDGETS = {
    "smoke": Budget(
        {"width": 8, "batch": 16, "latent": 4, "rate": 1e-3}, (20, 10, 10), (20, 10, 10), 2
    ),
    "small": Budget(
        {"width": 64, "batch": 128, "latent": 64, "rate": 1e-3},
        (1500, 500, 1200),
        (2000, 400, 1000),
        8,
    ),
    "full": Budget(
        {"width": 128, "batch": 512, "latent": 256, "rate": 1e-4},
        (20_000, 2000, 10_000),
        (2400, 200, 1000),
        32,
    ),
}


class Case(NamedTuple):
    """One run, and what is done to its futures."""

    name: str
    config: Mapping[str, Any]
    steps: tuple[int, int, int]
    interventions: tuple[str, ...]


def ring_config(budget: Budget, num_steps: int) -> dict[str, Any]:
    """The ring with the settings of the paper, as far as the budget goes."""
    said = budget.ring
    network = {"name": "mlp", "orthogonal_gain": 0.8, "features": (said["width"],) * 2}
    adam = {"name": "adam", "learning_rate": said["rate"], "b1": 0.5}
    return {
        "batch_size": said["batch"],
        "data": {"source": "ring"},
        "latent_dim": said["latent"],
        "generator": network,
        "discriminator": {**network, "features": (said["width"],), "input_scale": 0.25},
        "loss": {"name": "minimax"},
        "unrolled": {"num_steps": num_steps} if num_steps else None,
        "algorithm": {"name": "alternating"},
        "optimizer": {"gen": adam, "disc": adam},
    }


def digits_config() -> dict[str, Any]:
    """Digits that collapse, as the discriminator learns less and less."""
    network = {"name": "mlp", "features": (128, 128)}
    falls = {"schedule": "linear", "init_value": 1e-3, "final_value": 1e-5, "num_steps": 1500}
    adam = {"name": "adam", "b1": 0.5}
    return {
        "batch_size": 64,
        "data": {"source": "digits"},
        "latent_dim": 32,
        "generator": network,
        "discriminator": network,
        "loss": {"name": "non_saturating"},
        "optimizer": {
            "gen": {**adam, "learning_rate": 1e-3},
            "disc": {**adam, "learning_rate": falls},
        },
    }


def cases(budget: Budget) -> list[Case]:
    """The three runs."""
    ring, digits = budget.ring_steps, budget.digits_steps
    back = ("optimizer.disc.learning_rate.final_value=1e-3", "penalties.r1.weight=0.1")
    return [
        Case("ring, k = 0", ring_config(budget, 0), ring, ("unrolled.num_steps=5",)),
        Case("ring, k = 5", ring_config(budget, 5), ring, ()),
        Case("digits, a fading discriminator", digits_config(), digits, back),
    ]


def play(case: Case, num: int, folder: Path) -> dict[str, Any]:
    """Trains a run and plays the futures of all its checkpoints, or what is left of that."""
    total, every, num_steps = case.steps
    jg.train(
        case.config,
        workdir=folder,
        total_steps=total,
        substeps=10,
        log_every_steps=every,
        sample_every_steps=total,
        checkpoint_every_steps=every,
        keep_checkpoints=1000,
    )
    run = FuturesRun(
        read_run(folder), num=num, num_steps=num_steps, interventions=case.interventions
    )
    report: dict[str, Any] = {"num_steps": num_steps, "futures": []}
    for number, step in enumerate(steps := run.steps("all")):
        path = folder / "futures" / f"{step}.json"
        if not path.exists():
            print(f"{case.name}: checkpoint {number + 1} of {len(steps)}, step {step}", flush=True)
            write_futures(path, as_report(run.futures(step), num_modes_of(run.source)))
        found = read_json(path, dict[str, Any])
        report = {**found, **report, "futures": report["futures"] + found["futures"]}
    own = [one for one in report["futures"] if one["variant"] == UNTOUCHED]
    lost = no_return({one["step"]: Share(**one["healthy"]) for one in own})
    return {**report, "no_return": lost._asdict()}


def rows_of(name: str, report: Mapping[str, Any]) -> list[Row]:
    """Where a run was lost, and the shares at each step."""
    lost = report["no_return"]
    if lost["by"] is None:
        text = f"not by step {lost['after']}"
    elif lost["after"] is None:
        text = f"before step {lost['by']}"
    else:
        text = f"between step {lost['after']} and {lost['by']}"
    sure = "" if lost["is_sure"] else " (an interval holds one half)"
    total = report["futures"][0]["healthy"]["total"]
    rows = [Row(f"{name}: lost", text + sure, None, 1)]
    for variant in dict.fromkeys(one["variant"] for one in report["futures"]):
        shares = [
            f"{one['step']}: {one['healthy']['num']}"
            for one in report["futures"]
            if one["variant"] == variant
        ]
        rows.append(Row(f"{name}, {variant}: healthy of {total}", ", ".join(shares), None, 1))
    return rows


def draw(reports: Mapping[str, Mapping[str, Any]]) -> plt.Figure:
    """A column for each run: the chances above, the untouched futures below."""
    figure, axes = plt.subplots(
        2, len(reports), figsize=(4.4 * len(reports), 6.4), layout="constrained", sharex="col"
    )
    for (top, bottom), (name, report) in zip(axes.T, reports.items(), strict=True):
        draw_chances(top, report)
        top.set_title(f"{name}\nfutures of {report['num_steps']} steps", fontsize=9)
        draw_fan(bottom, report)
        bottom.set_xlabel("step", fontsize=8)
        for axis in (top, bottom):
            axis.tick_params(labelsize=7)
            axis.grid(alpha=0.25)
    axes[0, 0].set_ylabel("P(healthy | step), 95 % interval", fontsize=8)
    return figure


def draw_chances(axis: Any, report: Mapping[str, Any]) -> None:
    """P(healthy | step) of each variant, and where one half is crossed."""
    for index, variant in enumerate(dict.fromkeys(one["variant"] for one in report["futures"])):
        own = [one for one in report["futures"] if one["variant"] == variant]
        steps = np.asarray([one["step"] for one in own], float)
        share = np.asarray([one["healthy"]["num"] / one["healthy"]["total"] for one in own])
        ends = np.asarray([[one["healthy"][end] for one in own] for end in ("low", "high")])
        color = COLORS[index % len(COLORS)]
        label = variant.replace("optimizer.", "").replace("learning_", "")
        axis.plot(steps, share, "o-", color=color, markersize=3.5, label=label)
        axis.fill_between(steps, *ends, color=color, alpha=0.15, linewidth=0)
    axis.axhline(0.5, color="0.5", linestyle=":", linewidth=0.8)
    lost = report["no_return"]
    if None not in (lost["after"], lost["by"]):
        axis.axvspan(lost["after"], lost["by"], color="tab:red", alpha=0.12, linewidth=0)
    axis.set_ylim(-0.03, 1.03)
    axis.legend(fontsize=7, loc="best")


def draw_fan(axis: Any, report: Mapping[str, Any]) -> None:
    """The untouched futures, in the color of what became of each."""
    rng, is_count = np.random.default_rng(0), report["measure"] == "eval/num_modes"
    colors = {"healthy": "tab:green", "collapsed": "tab:orange", "diverged": "tab:red"}
    for one in report["futures"]:
        if one["variant"] != UNTOUCHED:
            continue
        for word, values in zip(one["outcomes"], one["values"], strict=True):
            shift = rng.uniform(-0.2, 0.2) if is_count else 0.0
            drawn = np.asarray(values, float) + shift
            axis.plot(one["steps"], drawn, color=colors[word], linewidth=0.7, alpha=0.5)
    for word, color in colors.items():
        axis.plot([], [], color=color, label=word)
    axis.legend(fontsize=7, loc="best")
    axis.set_ylim(*((-0.5, 8.5) if is_count else (0.0, None)))
    what = "modes of 8" if is_count else "spread of samples beside the data's"
    axis.set_ylabel(f"untouched: {what}", fontsize=8)


def main() -> None:
    """Trains, plays and writes the report."""
    flags = parser(__doc__)
    flags.add_argument("--budget", choices=sorted(BUDGETS), default="small")
    flags.add_argument(
        "--runs", type=Path, default=Path("runs/no_return"), help="folder of the runs themselves"
    )
    args = flags.parse_args()
    budget = BUDGETS[args.budget]
    keep_compiled()
    reports = {
        case.name: play(case, budget.num, args.runs / args.budget / case.name.replace(", ", "_"))
        for case in cases(budget)
    }
    rows = [row for name, report in reports.items() for row in rows_of(name, report)]
    settings = {"budget": args.budget, **budget._asdict()}
    write_report(args.out, "no_return", rows, settings=settings, runs=reports)
    figure = draw(reports)
    figure.savefig(args.out / "no_return.png", dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    run_script(main)
