"""Curves of a run's metrics over its steps."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan.files.atomic import replacing
from jaxgan.writers.metrics import read_metrics

_PLAYER_COLORS = {"gen": "tab:blue", "disc": "tab:orange"}
_OTHER_COLORS = ("tab:green", "tab:purple", "tab:brown", "tab:pink", "tab:olive", "tab:cyan")
_TOGETHER = {
    "grad_norm": "gradient norms",
    "loss_slope": "signals",
    "real_sign": "signals",
    "separation": "signals",
}
"""Metrics of several players in one panel, away from the others of each."""
_SMOOTHED_FROM = 200
"""Curves of at least this many points are drawn pale, with their running mean over them."""

Curve = tuple[np.ndarray, np.ndarray]
"""Steps and values, both of shape [num_points]."""


def curves_png(path: Path, metrics_jsonl: Path, *, dpi: int = 100) -> None:
    """Draws every metric of a `metrics.jsonl`: losses first, then one panel per group.

    Names group by what is before the first slash: `disc/r1` and `disc/r2` share a panel; gradient
    norms, signals of the discriminator and each score `eval/NAME` have their own. `std/NAME` is
    drawn as a band of one standard deviation around NAME.

    Args:
      path: the PNG file; its folder is created.
      metrics_jsonl: as `MetricWriter` writes it.
      dpi: pixels per inch.

    Raises:
      ValueError: if there is nothing to draw.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    curves = _curves(read_metrics(Path(metrics_jsonl)))
    groups = _groups(curves)
    if not groups:
        raise ValueError(f"{metrics_jsonl} has no metric; nothing can be drawn")
    num_columns = min(len(groups), 2 if len(groups) <= 4 else 3)
    num_rows = math.ceil(len(groups) / num_columns)
    figure = Figure(figsize=(5.2 * num_columns, 3.2 * num_rows), dpi=dpi, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(num_rows, num_columns, squeeze=False).ravel()
    for axes, (group, names) in zip(panels, groups.items(), strict=False):
        _draw_panel(axes, group, {name: curves[name] for name in names}, curves)
    for axes in panels[len(groups) :]:
        axes.set_visible(False)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png")


def _curves(rows: list[dict[str, float]]) -> dict[str, Curve]:
    """Each metric where it was logged; infinities are gaps, as NaN is."""
    points: dict[str, tuple[list[float], list[float]]] = {}
    for row in rows:
        for name, value in row.items():
            if name != "step":
                steps, values = points.setdefault(name, ([], []))
                steps.append(row["step"])
                values.append(value if math.isfinite(value) else math.nan)
    return {name: (np.array(steps), np.array(values)) for name, (steps, values) in points.items()}


def _groups(curves: dict[str, Curve]) -> dict[str, list[str]]:
    """Names by panel, losses first."""
    groups: dict[str, list[str]] = {}
    for name in curves:
        if name.startswith("std/") and name.removeprefix("std/") in curves:
            continue
        # Scores have nothing in common, their sizes least of all.
        first, _, last = name.partition("/")
        group = name if first == "eval" else _TOGETHER.get(last, first)
        groups.setdefault(group, []).append(name)
    return dict(sorted(groups.items(), key=lambda item: item[0] != "loss"))


def _draw_panel(axes: Any, group: str, panel: dict[str, Curve], curves: dict[str, Curve]) -> None:
    is_duel = {_player(name) for name in panel} == set(_PLAYER_COLORS)
    others = iter(_OTHER_COLORS * (1 + len(panel) // len(_OTHER_COLORS)))
    for name, (steps, values) in panel.items():
        color = _PLAYER_COLORS[_player(name)] if is_duel else next(others)
        label = name.removeprefix(f"{group}/")
        # A single point has no line, and a curve of few points shows where it was measured.
        marker = "." if len(steps) <= 30 else None
        if len(steps) >= _SMOOTHED_FROM:
            axes.plot(steps, values, color=color, alpha=0.25, linewidth=0.6)
            axes.plot(steps, _running_mean(values), color=color, linewidth=1.4, label=label)
        else:
            axes.plot(steps, values, color=color, linewidth=1.2, marker=marker, label=label)
        if f"std/{name}" in curves:
            at, spread = curves[f"std/{name}"]
            center = np.interp(at, steps, values)
            axes.fill_between(
                at, center - spread, center + spread, color=color, alpha=0.18, linewidth=0
            )
    if _spans_decades(panel) and not any(f"std/{name}" in curves for name in panel):
        axes.set_yscale("log")
    axes.set_ylabel(group if len(panel) > 1 else next(iter(panel)), fontsize="small")
    axes.set_xlabel("step", fontsize="small")
    axes.tick_params(labelsize="small")
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.02)
    if len(panel) > 1:
        axes.legend(fontsize="small", framealpha=0.8)


def _player(name: str) -> str:
    return next((part for part in name.split("/") if part in _PLAYER_COLORS), "")


def _running_mean(values: np.ndarray) -> np.ndarray:
    """The mean over a fiftieth of the curve around each point, of what is there."""
    width = max(3, len(values) // 50)
    kernel = np.ones(width)
    known = np.isfinite(values)
    total = np.convolve(np.where(known, values, 0.0), kernel, mode="same")
    count = np.convolve(known.astype(float), kernel, mode="same")
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _spans_decades(panel: dict[str, Curve]) -> bool:
    """Whether a linear axis would hide most of the panel."""
    values = np.concatenate([values for _, values in panel.values()])
    values = values[np.isfinite(values)]
    return bool(len(values) and values.min() > 0 and values.max() > 100 * values.min())
