"""What training without a config makes of pictures, at three stages, as a picture and a table.

    for name in emoji facades; do
        jaxgan train --data pictures/$name --workdir runs/$name
        jaxgan evaluate --workdir runs/$name --metrics fd,prdc --features random-conv
    done
    python experiments/own_pictures.py --runs runs

Writes own_pictures.png, a row for each run, and own_pictures.json: what was chosen, the minutes and
the scores.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from gallery import seconds_of
from PIL import Image
from reporting import RESULTS

from jaxgan.cli.program import Parser, run_script
from jaxgan.core.errors import ConfigError, bad_value
from jaxgan.evaluation.report import read_report
from jaxgan.run.directory import read_config, read_data
from jaxgan.writers import image_grid, read_metrics, save_png, with_titles

TILES, SIDE = 3, 128
"""Images of a stage, in either direction, and the pixels of each in the picture."""

STAGES = (0.1, 0.4, 1.0)


def tiles_of(path: Path, side: int) -> np.ndarray:
    """The first images of a picture of samples, uint8 [TILES², SIDE, SIDE, 3]."""
    scale = max(1, 64 // side)
    step, found = (side + 1) * scale, []
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
        for row in range(TILES):
            for column in range(TILES):
                left, top = scale + column * step, scale + row * step
                tile = picture.crop((left, top, left + side * scale, top + side * scale))
                found.append(np.asarray(tile.resize((SIDE, SIDE), Image.Resampling.NEAREST)))
    return np.stack(found)


def entry_of(workdir: Path) -> dict[str, Any]:
    """What is said of a run."""
    config = read_config(workdir)
    scores = read_report(workdir)
    return {
        "name": workdir.name,
        "pictures": (read_data(workdir) or {}).get("num_examples"),
        "size": config["data"]["image_size"],
        "steps": config["total_steps"],
        "augment": config["augment"],
        "minutes": round(seconds_of(read_metrics(workdir / "metrics.jsonl")) / 60, 1),
        "scores": {score.name: round(score.value, 4) for score in scores},
    }


def row_of(workdir: Path) -> tuple[np.ndarray, list[int]]:
    """Real pictures and samples of each stage, side by side, and the steps."""
    config = read_config(workdir)
    files = sorted((workdir / "samples").glob("step_*.png"))
    if not files:
        raise ConfigError(bad_value("runs", str(workdir), "runs with samples"))
    steps = [int(path.stem.partition("_")[2]) for path in files]
    wanted = [round(share * config["total_steps"]) for share in STAGES]
    chosen = [min(range(len(steps)), key=lambda i: abs(steps[i] - step)) for step in wanted]
    paths = [workdir / "real.png", *(files[index] for index in chosen)]
    side = config["data"]["image_size"]
    blocks = [image_grid(tiles_of(path, side), columns=TILES, scale=1) for path in paths]
    return np.stack(blocks), [steps[index] for index in chosen]


def main() -> None:
    """Reads the runs and writes both files."""
    parser = Parser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=Path, required=True, help="a folder of runs' folders")
    args = parser.parse_args()
    runs = sorted(path.parent for path in args.runs.glob("*/evaluation.json"))
    if not runs or not all("image_size" in read_config(run)["data"] for run in runs):
        allowed = "a folder of evaluated runs of pictures"
        raise ConfigError(bad_value("runs", str(args.runs), allowed))
    entries = [entry_of(run) for run in runs]
    rows = []
    for entry, run in zip(entries, runs, strict=True):
        blocks, entry["stages"] = row_of(run)
        titles = [f"{entry['name']}: real", *(f"step {step}" for step in entry["stages"])]
        rows.append(with_titles(image_grid(blocks, columns=len(blocks), pad=4, scale=1), titles))
    save_png(RESULTS / "own_pictures.png", np.concatenate(rows))
    text = json.dumps({"schema": 1, "runs": entries}, indent=2)
    (RESULTS / "own_pictures.json").write_text(f"{text}\n", encoding="utf-8")
    for entry in entries:
        print({key: entry[key] for key in ("name", "pictures", "size", "minutes", "scores")})


if __name__ == "__main__":
    run_script(main)
