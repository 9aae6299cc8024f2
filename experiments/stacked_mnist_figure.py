"""The figure of the stacked-MNIST experiment: modes and KL over the steps, samples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from stacked_mnist_model import NUM_MODES

from jaxgan import writers

mpl.use("Agg")
import matplotlib.pyplot as plt

FRACTION = {"quarter": "1/4", "half": "1/2"}


class Setting(NamedTuple):
    """One line of the paper's table."""

    discriminator: str
    num_unrolled: int

    @property
    def name(self) -> str:
        """Such as `D = 1/4 G, k = 5`."""
        return f"D = {FRACTION[self.discriminator]} G, k = {self.num_unrolled}"


class Cell(NamedTuple):
    """What one seed of one setting gave."""

    step: np.ndarray
    curve_modes: np.ndarray
    curve_reverse_kl: np.ndarray
    curve_confident: np.ndarray
    modes: np.ndarray
    reverse_kl: np.ndarray
    confident: np.ndarray
    samples: np.ndarray
    steps_per_second: np.ndarray
    compile_seconds: np.ndarray


class Run(NamedTuple):
    """What one setting gave; scores have one entry per seed."""

    setting: Setting
    cells: list[Cell]

    def per_seed(self, name: str) -> list[Any]:
        """A number of each seed."""
        return [getattr(cell, name).item() for cell in self.cells]

    def curves(self, name: str) -> list[list[Any]]:
        """A number at each point of the training, of each seed."""
        found = [getattr(cell, f"curve_{name}") for cell in self.cells]
        return [list(point) for point in zip(*(one.tolist() for one in found), strict=True)]


def draw(path: Path, runs: Sequence[Run]) -> None:
    """Draws modes and KL over the steps, and samples of each setting.

    Args:
      path: the PNG.
      runs: what was trained.
    """
    discriminators = list(dict.fromkeys(run.setting.discriminator for run in runs))
    num_columns = 2 + max(
        sum(run.setting.discriminator == name for run in runs) for name in discriminators
    )
    figure, grid = plt.subplots(
        len(discriminators),
        num_columns,
        figsize=(3.4 * num_columns, 3.4 * len(discriminators)),
        squeeze=False,
        layout="constrained",
    )
    for axes, name in zip(grid, discriminators, strict=True):
        for panel in axes[2:]:
            panel.axis("off")
        own = [run for run in runs if run.setting.discriminator == name]
        for index, run in enumerate(own):
            label, color = f"k = {run.setting.num_unrolled}", f"C{index}"
            for panel, key in ((axes[0], "modes"), (axes[1], "reverse_kl")):
                step, values = run.cells[0].step, np.asarray(run.curves(key))
                panel.plot(step, values.mean(axis=1), color=color, label=label)
                panel.plot(step, values, color=color, alpha=0.25, linewidth=0.8)
            axes[2 + index].imshow(writers.image_grid(run.cells[0].samples, columns=6))
            axes[2 + index].set_title(f"{run.setting.name}: samples", fontsize="medium")
        axes[0].set(title=f"D = {FRACTION[name]} G: modes of {NUM_MODES}", xlabel="step")
        axes[1].set(title="KL(modes || uniform), nats", xlabel="step")
        axes[0].legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=80)
    plt.close(figure)
