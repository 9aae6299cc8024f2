"""Folders of runs that were never trained, of any length and with any names."""

from __future__ import annotations

import json
import math
from pathlib import Path

import jax
import numpy as np

from jaxgan.evaluation.protocol import Score, make_protocol
from jaxgan.evaluation.report import NAME, write_report
from jaxgan.run import directory
from jaxgan.writers import image_grid, save_png

HOSTILE = "</script><img src=x onerror=window.hacked=1>\"'&{{7*7}}"


def make_run(
    folder: Path, *, num_lines: int = 300, num_pictures: int = 5, fd: float = 12.5
) -> Path:
    """A run's folder with all that a report shows; names in it would be scripts."""
    data = {"source": "digits"}
    config = {"data": data, "game": {"name": "gan"}, "total_steps": 20_000, HOSTILE: fd}
    spec = {"image": jax.ShapeDtypeStruct((8, 8, 1), "float32")}
    record = {"num_examples": 9, "num_classes": 2, "class_names": [HOSTILE, "b"], "digest": "abc"}
    directory.write(folder, config, spec, record)
    random = np.random.default_rng(0)
    noise = random.normal(size=(num_lines, 2))
    with (folder / "metrics.jsonl").open("w") as lines:
        for number in range(num_lines):
            step = 1 + number
            row = {
                "step": step,
                "loss/gen": 1 + math.exp(-number / 1000) + 0.1 * noise[number, 0],
                "loss/disc": 0.7 + 0.1 * noise[number, 1],
                "disc/r1": 0.01 * math.exp(number / num_lines * 8),
                "disc/real_out": 1.0,
                "gen/grad_norm": "NaN" if number == 7 else 2 + noise[number, 0],
                f"disc/{HOSTILE}": 0.5,
                "steps_per_second": 0.0 if number == 0 else 80 + noise[number, 0],
                "data_wait": 0.0,
            }
            if number % 100 == 99:
                row |= {"eval/fd_pixels": 100 / step + 3, "std/eval/fd_pixels": 1.0}
            lines.write(json.dumps(row) + "\n")
    for number in range(num_pictures):
        images = np.full((16, 8, 8, 1), number / num_pictures * 2 - 1, np.float32)
        save_png(folder / "samples" / f"step_{100 * (number + 1):08d}.png", image_grid(images))
    save_png(folder / "real.png", image_grid(random.uniform(-1, 1, (16, 8, 8, 1))))
    save_png(folder / "spectra" / "step_00000100.png", np.full((100, 100, 3), 200, np.uint8))
    warning = {"step": 200, "warning": "a", "text": HOSTILE, "advice": "more data"}
    rows = [
        warning,
        {**warning, "warning": "b", "text": "spread 0.1"},
        {"step": 250, "cleared": "b"},
    ]
    (folder / "warnings.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    protocol = make_protocol(network="pixels", n_fake=5000, step=300, data=HOSTILE)
    write_report(folder / NAME, [Score("fd_pixels", fd, 0.25, protocol)])
    return folder
