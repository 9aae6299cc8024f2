"""The figure of the consensus experiment: modes, samples over time, eigenvalues."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np

import jaxgan as jg
from jaxgan.data.source import DeviceSource

mpl.use("Agg")
import matplotlib.pyplot as plt

NUM_SNAPSHOTS = 5
WINDOW = (-3.5, 0.75, -1.2, 1.2)
"""Of the paper's figure 3: real parts, then imaginary."""


class Run(NamedTuple):
    """A training of several seeds.

    Attributes:
      state: the last one, of all seeds.
      curves: {name: a list over time}; scores are lists over seeds, losses means over seeds.
      snapshots: {step: samples of seed 0}.
      seconds: how long it took.
    """

    state: jg.TrainState
    curves: dict[str, list[Any]]
    snapshots: dict[int, np.ndarray]
    seconds: float


def summary(eigenvalues: np.ndarray) -> dict[str, float]:
    """The ends of a spectrum."""
    real, imag = eigenvalues.real, eigenvalues.imag
    ends = {"max_re": real.max(), "min_re": real.min(), "max_im": np.abs(imag).max()}
    return {name: float(f"{value:.5g}") for name, value in ends.items()}


def draw(
    path: Path,
    runs: Mapping[str, Run],
    clouds: Mapping[str, Sequence[Mapping[str, np.ndarray]]],
    source: DeviceSource,
) -> None:
    """Samples over time, scores over time, then the clouds of eigenvalues of seed 0."""
    figure = plt.figure(figsize=(13, 15.5), layout="constrained")
    parts: Any = figure.subfigures(3, 1, height_ratios=(5.2, 2.6, 7.7))
    top, middle, bottom = parts
    draw_samples(top, runs, source)
    draw_curves(middle, runs, len(source.modes), 2 * math.log(2))
    panels = bottom.subplots(len(clouds), 3, sharex=True, sharey=True)
    for line, (point, seeds) in zip(panels, clouds.items(), strict=True):
        for axes, (matrix, values) in zip(line, seeds[0].items(), strict=True):
            _draw_cloud(axes, values, f"{point}: {matrix}")
    for axes in panels[-1]:
        axes.set_xlabel("real part", fontsize=9)
    for axes in panels[:, 0]:
        axes.set_ylabel("imaginary part", fontsize=9)
    bottom.suptitle("eigenvalues of seed 0; the right half plane, shaded, repels", fontsize=11)
    figure.savefig(path, dpi=100)
    plt.close(figure)


def draw_samples(figure: Any, runs: Mapping[str, Run], source: DeviceSource) -> None:
    """One line of panels per run: samples of seed 0 over time, on the data's modes."""
    half = 1.5 * float(np.abs(source.modes).max())
    panels = figure.subplots(len(runs), NUM_SNAPSHOTS, squeeze=False)
    for line, (name, run) in zip(panels, runs.items(), strict=True):
        for axes in line:
            axes.axis("off")
        for axes, (now, points) in zip(line, run.snapshots.items(), strict=False):
            axes.axis("on")
            num_outside = int((np.abs(points) > half).any(axis=1).sum())
            note = f" ({num_outside} outside)" if num_outside else ""
            axes.scatter(*source.modes.T, s=70, facecolors="none", edgecolors="tab:red")
            axes.scatter(*points.T, s=3, c="tab:blue", linewidths=0)
            axes.set(xlim=(-half, half), ylim=(-half, half), aspect="equal", xticks=(), yticks=())
            axes.set_title(f"{name}, step {now}{note}", fontsize=9)
    figure.suptitle("samples of seed 0 (blue) on the modes (red)", fontsize=11)


def draw_curves(figure: Any, runs: Mapping[str, Run], num_modes: int, equilibrium: float) -> None:
    """Modes, share of good samples and discriminator loss over time."""
    modes, hq, loss = figure.subplots(1, 3)
    for name, run in runs.items():
        steps = run.curves["step"]
        for axes, entry in ((modes, "modes"), (hq, "hq")):
            values = np.asarray(run.curves[entry], float)
            (line,) = axes.plot(steps, np.median(values, axis=1), label=name, marker=".")
            axes.fill_between(
                steps, values.min(axis=1), values.max(axis=1), color=line.get_color(), alpha=0.2
            )
        losses = [math.nan if value is None else value for value in run.curves["loss/disc"]]
        loss.plot(steps, losses, label=name, marker=".")
    modes.set_title(f"modes of {num_modes}: median, range over seeds", fontsize=10)
    modes.set_ylim(-0.3, num_modes + 0.5)
    hq.set_title("share within 3 std: median, range over seeds", fontsize=10)
    hq.set_ylim(bottom=0.0)
    loss.set_title("discriminator's loss; dashed: equilibrium", fontsize=10)
    loss.axhline(equilibrium, color="0.4", linestyle="--", linewidth=1.0)
    loss.set_ylim(bottom=0.0)
    # The corner that is empty while scores rise.
    hq.legend(fontsize=9, loc="upper left")
    for axes in (modes, hq, loss):
        axes.tick_params(labelsize=8)
        axes.set_xlabel("step", fontsize=9)
        axes.grid(alpha=0.25)


def _draw_cloud(axes: Any, values: np.ndarray, title: str) -> None:
    left, right, low, high = WINDOW
    inside = (left <= values.real) & (values.real <= right)
    inside &= (low <= values.imag) & (values.imag <= high)
    axes.axvspan(0.0, right, color="tab:red", alpha=0.08, linewidth=0)
    axes.axvline(0.0, color="0.3", linewidth=0.8)
    axes.scatter(values.real, values.imag, s=12, alpha=0.6, linewidths=0, color="tab:blue")
    axes.set(xlim=(left, right), ylim=(low, high))
    ends, num_outside = summary(values), int((~inside).sum())
    note = f"Re {ends['min_re']:.3g} to {ends['max_re']:.3g}, |Im| to {ends['max_im']:.3g}"
    note += f"; {num_outside} outside" if num_outside else "; all inside"
    axes.set_title(f"{title}\n{note}", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.25)
