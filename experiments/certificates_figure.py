"""The figure of the certificates: trajectories on test functions, ends on the ring."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
import matplotlib.pyplot as plt


class Function(NamedTuple):
    """A test function of the paper.

    Attributes:
      title: its formula.
      value: (x, y) -> f.
      start: of all methods.
      width: of the plot.
      says: what the paper says of the origin.
    """

    title: str
    value: Callable[[Any, Any], Any]
    start: tuple[float, float]
    width: float
    says: str


def draw(
    functions: Mapping[str, Function],
    paths: Mapping[str, Mapping[str, np.ndarray]],
    ends: Mapping[str, Any],
    runs: Mapping[str, Any],
) -> plt.Figure:
    """The functions with their trajectories above, eigenvalues at the ends on the ring below."""
    figure, axes = plt.subplots(2, 3, figsize=(15, 10), layout="constrained")
    for axis, (name, function) in zip(axes[0], functions.items(), strict=True):
        width = function.width
        x, y = np.meshgrid(*2 * [np.linspace(-width, width, 200)])
        axis.contourf(x, y, np.asarray(function.value(x, y)), 30, cmap="gray", alpha=0.6)
        for index, (method, path) in enumerate(paths[name].items()):
            style = "-" if method == "follow the ridge" else "--"
            axis.plot(*path.T, style, color=f"C{index}", label=method, lw=1.6)
        axis.plot(*function.start, "^k", ms=9, label="start")
        axis.plot(0, 0, "*w", ms=14, mec="k", label="origin")
        kind = ends[name]["origin"]
        axis.set(xlim=(-width, width), ylim=(-width, width), xlabel="x, minimizes")
        axis.set_ylabel("y, maximizes")
        axis.set_title(f"{function.title}\norigin: {kind}", fontsize=10)
    axes[0, 0].legend(fontsize=8, loc="lower left")
    panels = (
        ("gen", "smallest eigenvalue of the generator's Hessian"),
        ("disc", "smallest eigenvalue of the discriminator's Hessian"),
    )
    methods = list(runs)
    for axis, (part, title) in zip(axes[1], panels, strict=False):
        for index, method in enumerate(methods):
            values = [run["blocks"][part]["smallest"] for run in runs[method]]
            axis.plot(values, [index] * len(values), "o", color="C0")
        axis.axvline(0.0, color="0.6", lw=0.8)
        axis.set_xscale("symlog", linthresh=1e-3)
        axis.set_yticks(range(len(methods)), methods)
        axis.set(title=title, xlabel="eigenvalue; negative: no Nash equilibrium")
        axis.invert_yaxis()
    for index, method in enumerate(methods):
        for what, color in (("norm", "C1"), ("gap", "C2")):
            values = [run[what] for run in runs[method]]
            label = {"norm": "norm of the gradients", "gap": "duality gap, at least"}[what]
            axes[1, 2].plot(
                values, [index] * len(values), "o", color=color, label=label if not index else None
            )
    axes[1, 2].set_xscale("log")
    axes[1, 2].set_yticks(range(len(methods)), methods)
    axes[1, 2].set(title="how far from an equilibrium", xlabel="0 at an equilibrium")
    axes[1, 2].invert_yaxis()
    axes[1, 2].legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=2)
    figure.suptitle("top: test functions of Follow-the-Ridge; bottom: the ends on the ring")
    return figure
