"""Do the metrics go the right way: about 0 for real data, worse the more the data are spoilt?

    python experiments/metric_sanity.py

compares 898 digits with 350 others (8x8 pixels, embedded), which are spoilt step by step: by
noise, by blur, and by leaving out classes. Distances and precision, recall, density and coverage
are taken on pixels, on a random convolutional network, and on the classifier that jaxgan trains on
the digits. Writes results/metric_sanity.json and .png, in one to two minutes on two CPU cores.

Expected: distances grow with each step, for every kind of features; recall and coverage fall when
classes are left out, precision, density and coverage with noise, recall with blur. A slight blur
raises precision, density and coverage: what lies nearer to the mean of the data lies nearer to all
of them. No metric sees everything; that is why there are several.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from reporting import Row, parser, write_report
from scipy.ndimage import gaussian_filter

from jaxgan import features, metrics, writers
from jaxgan.cli.program import run_script
from jaxgan.data import Source, digits
from jaxgan.features import Extractor

mpl.use("Agg")
import matplotlib.pyplot as plt

NUM_FAKE = 350
NUM_SHOWN = 5
BLOCK = 150

NOISE = (0.0, 0.1, 0.2, 0.4, 0.8)
BLUR = (0.0, 0.4, 0.6, 0.8, 1.2)
DROPPED = (0, 1, 2, 4, 6)

UP = ("fd", "kd")
EXPECTED: Mapping[str, tuple[str, ...]] = {
    "noise": (*UP, "precision", "density", "coverage"),
    "blur": (*UP, "recall"),
    "dropped classes": (*UP, "recall", "coverage"),
}
"""Which metrics ought to see which fault: distances grow, the others fall."""

SLACK = 0.03
"""How far a share of 350 samples may go the wrong way by chance."""

Spoil = Callable[[np.ndarray, np.ndarray, float], np.ndarray]


def add_noise(images: np.ndarray, labels: np.ndarray, std: float) -> np.ndarray:
    """The first images with normal noise, clipped to [-1, 1]."""
    del labels
    noise = np.random.default_rng(0).normal(size=images[:NUM_FAKE].shape)
    return np.clip(images[:NUM_FAKE] + std * noise, -1, 1).astype(np.float32)


def blur(images: np.ndarray, labels: np.ndarray, std: float) -> np.ndarray:
    """The first images through a Gaussian filter of so many pixels."""
    del labels
    blurred: np.ndarray = gaussian_filter(images[:NUM_FAKE], (0, std, std, 0), mode="nearest")
    return blurred


def drop_classes(images: np.ndarray, labels: np.ndarray, num: float) -> np.ndarray:
    """The first images that are of none of so many classes."""
    return images[labels >= num][:NUM_FAKE]


FAULTS: Mapping[str, tuple[Spoil, tuple[float, ...], str]] = {
    "noise": (add_noise, NOISE, "standard deviation"),
    "blur": (blur, BLUR, "pixels"),
    "dropped classes": (drop_classes, DROPPED, "of 10"),
}


def split(source: Source) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Half of the data, and the images and labels of the other half, in a fixed random order."""
    order = np.random.default_rng(0).permutation(source.num_examples)
    half = len(order) // 2
    other = source.read(order[half:])
    return source.read(order[:half])["image"], other["image"], other["label"]


def measure(real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
    """All metrics of two sets of features."""
    distance = metrics.kernel_distance(real, fake, num_blocks=50, block_size=BLOCK)
    shares = metrics.prdc(real, fake, k=5)._asdict()
    moments = [metrics.moments(x) for x in (real, fake)]
    fd = metrics.gaussian_distance(*moments)
    return {"fd": fd, "kd": distance.value, "kd_error": distance.standard_error, **shares}


def curves(
    extractor: Extractor, real: np.ndarray, images: np.ndarray, labels: np.ndarray
) -> list[dict[str, Any]]:
    """Every metric at every level of every fault, on one kind of features."""
    of_real = features.extract(extractor, real)["features"]
    rows = []
    for fault, (spoil, levels, _) in FAULTS.items():
        for level in levels:
            fake = features.extract(extractor, spoil(images, labels, level))["features"]
            found = {key: round(value, 6) for key, value in measure(of_real, fake).items()}
            rows.append({"features": extractor.name, "fault": fault, "level": level, **found})
    return rows


def is_monotone(name: str, values: np.ndarray) -> bool:
    """Whether each step goes the right way, give or take chance, and the whole way clearly."""
    steps = np.diff(values) if name in UP else -np.diff(values)
    slack = 0.0 if name in UP else SLACK
    return bool((steps >= -slack).all() and steps.sum() > 3 * slack)


def table_of(rows: list[dict[str, Any]]) -> list[Row]:
    """One line for each fault, metric and kind of features."""
    lines = []
    for kind in dict.fromkeys(row["features"] for row in rows):
        for fault, names in EXPECTED.items():
            mine = [row for row in rows if (row["features"], row["fault"]) == (kind, fault)]
            for name in names:
                values = np.asarray([row[name] for row in mine])
                way = "grows" if name in UP else "falls"
                ours = way if is_monotone(name, values) else "does not"
                span = f"{values[0]:.4g} to {values[-1]:.4g}"
                lines.append(Row(f"{name}_{kind}, {fault}", f"{ours}: {span}", way, 1))
    return lines


def draw(path: Path, rows: list[dict[str, Any]], images: np.ndarray, labels: np.ndarray) -> None:
    """A column for each fault, a row for each metric; distances relative to their largest."""
    names = ("fd", "kd", "precision", "recall", "density", "coverage")
    figure, panels = plt.subplots(1 + len(names), 3, figsize=(9, 13), layout="constrained")
    for column, (fault, (spoil, levels, unit)) in enumerate(FAULTS.items()):
        shown = np.concatenate([spoil(images, labels, level)[:NUM_SHOWN] for level in levels])
        tiles = shown.reshape(len(levels), NUM_SHOWN, *shown.shape[1:]).swapaxes(0, 1)
        pixels = writers.image_grid(tiles.reshape(shown.shape), columns=len(levels), scale=4)
        panels[0, column].imshow(pixels[..., 0], cmap="gray")
        panels[0, column].set_title(fault)
        panels[0, column].set_axis_off()
        for axes, name in zip(panels[1:, column], names, strict=True):
            for kind in dict.fromkeys(row["features"] for row in rows):
                mine = [r for r in rows if (r["features"], r["fault"]) == (kind, fault)]
                values = np.asarray([row[name] for row in mine])
                scale = values.max() if name in UP else 1.0
                axes.plot(levels, values / scale, marker=".", label=kind)
            axes.set_ylim(bottom=min(0, axes.get_ylim()[0]))
            axes.grid(alpha=0.25)
            if column == 0:
                axes.set_ylabel(f"{name}, of its largest" if name in UP else name)
        panels[-1, column].set_xlabel(unit)
    panels[1, 0].legend(fontsize="small")
    figure.savefig(path, dpi=90)
    plt.close(figure)


def main() -> None:
    """Measures, then writes the table and the figure."""
    args = parser(__doc__).parse_args()
    source = digits()
    real, images, labels = split(source)
    chosen = [features.pixels(), features.random_conv(real.shape[1:]), features.classifier(source)]
    rows = [row for one in chosen for row in curves(one, real, images, labels)]
    same = []
    for one in chosen:
        of_real = features.extract(one, real)["features"]
        found = measure(of_real, of_real)
        same.append({"features": one.name, "fd": found["fd"], "coverage": found["coverage"]})
    settings = {"num_real": len(real), "num_fake": NUM_FAKE, "k": 5, "kd_block": BLOCK}
    lines = [Row(f"fd_{row['features']}, a set against itself", row["fd"], 0, 1) for row in same]
    write_report(
        args.out, "metric_sanity", lines + table_of(rows), settings=settings, curves=rows, same=same
    )
    draw(args.out / "metric_sanity.png", rows, images, labels)


if __name__ == "__main__":
    run_script(main)
