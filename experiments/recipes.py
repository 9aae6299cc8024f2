"""What was tried for a recipe: runs of one data set, how their configs differ, minutes and scores.

    jaxgan train --config mnist --workdir runs/mnist/chosen
    jaxgan train --config mnist --workdir runs/mnist/hinge --config.loss=hinge
    jaxgan evaluate --workdir runs/mnist/chosen --metrics fd,prdc
    jaxgan evaluate --workdir runs/mnist/hinge --metrics fd,prdc
    python experiments/recipes.py --runs runs/mnist --base chosen

Writes recipes.json, in which every run says what it changes of the first, and prints it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gallery import seconds_of
from reporting import RESULTS

from jaxgan.cli.program import Parser, run_script
from jaxgan.config.base import Config, flatten
from jaxgan.core.errors import ConfigError, bad_value
from jaxgan.evaluation.report import read_report
from jaxgan.run.directory import read_config
from jaxgan.writers import read_metrics

LEFT_OUT = ("log_every_steps", "sample_every_steps", "checkpoint_every_steps")


def changes(config: Config, base: Config) -> dict[str, Any]:
    """Keys whose values differ, with those of the run."""
    mine, theirs = flatten(config), flatten(base)
    keys = [key for key in {**theirs, **mine} if mine.get(key) != theirs.get(key)]
    return {key: mine.get(key, "left out") for key in keys if key not in LEFT_OUT}


def entry_of(workdir: Path, base: Config) -> dict[str, Any]:
    """What is said of a run."""
    minutes = seconds_of(read_metrics(workdir / "metrics.jsonl")) / 60
    return {
        "name": workdir.name,
        "changes": changes(read_config(workdir), base),
        "minutes": round(minutes, 1),
        "scores": {score.name: round(score.value, 3) for score in read_report(workdir)},
    }


def main() -> None:
    """Reads the runs, writes the file and prints it."""
    parser = Parser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=Path, required=True, help="a folder of runs' folders")
    parser.add_argument("--base", required=True, help="the run that the others are told from")
    args = parser.parse_args()
    runs = sorted(path.parent for path in args.runs.glob("*/evaluation.json"))
    if args.base not in (names := [run.name for run in runs]):
        raise ConfigError(bad_value("base", args.base, f"one of the evaluated runs, {names}"))
    base = read_config(args.runs / args.base)
    entries = [entry_of(run, base) for run in runs]
    text = json.dumps({"schema": 1, "base": args.base, "runs": entries}, indent=2)
    (RESULTS / "recipes.json").write_text(f"{text}\n", encoding="utf-8")
    for entry in entries:
        print(entry)


if __name__ == "__main__":
    run_script(main)
