"""Curves of a run's metrics over its steps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan.files.atomic import replacing
from jaxgan.writers.metrics import read_metrics
from jaxgan.writers.panels import SECTIONS, Panel, panels, section_of

_SPEED = "steps_per_second"
_PLAYER_COLORS = {"gen": "tab:blue", "disc": "tab:orange"}
_OTHER_COLORS = ("tab:green", "tab:purple", "tab:brown", "tab:pink", "tab:olive", "tab:cyan")
SMOOTHED_FROM = 200
"""Curves of at least this many points are drawn pale, with their running mean over them."""

TITLES = {
    "losses": "Losses",
    "scores": "Scores of the evaluations in training",
    "signals": "Signals of the game",
    "speed": "Speed",
}
"""Of the pictures, by their section."""

_DPI = 100
_PANEL = (5.2, 3.2)
"""Width and height of a panel with its margins, in inches."""

_MARGINS = (0.9, 0.15, 0.5, 0.35)
"""To the left, to the right, below and above."""

Curve = tuple[np.ndarray, np.ndarray]
"""Steps and values, both of shape [num_points]."""


def save_curves(folder: Path, metrics_jsonl: Path) -> list[Path]:
    """Draws every metric of a `metrics.jsonl`: `losses.png`, `signals.png`, `speed.png`.

    Scores of evaluations in training are in `scores.png`, where there are any. What is drawn
    together, `jaxgan.writers.panels` says; `std/NAME` is a band of one standard deviation around
    NAME.

    Args:
      folder: where to write; created.
      metrics_jsonl: as `MetricWriter` writes it.

    Returns:
      The files that were written; none of an empty log.

    Example:
      >>> import tempfile
      >>> folder = Path(tempfile.mkdtemp())
      >>> _ = (folder / "metrics.jsonl").write_text('{"step": 1, "loss/gen": 0.7}\\n')
      >>> [path.name for path in save_curves(folder, folder / "metrics.jsonl")]
      ['losses.png']
    """
    curves = curves_of(read_metrics(Path(metrics_jsonl)))
    found = []
    for section in SECTIONS:
        listed = [panel for panel in panels(curves) if panel.section == section]
        if listed:
            found.append(Path(folder) / f"{section}.png")
            _draw(found[-1], listed, curves, TITLES[section])
    return found


def curves_of(rows: Sequence[Mapping[str, float]]) -> dict[str, Curve]:
    """Each metric where it was logged.

    Args:
      rows: as `read_metrics` gives them.

    Returns:
      Steps and values by name; infinities are gaps, as NaN is. The speeds of the first line after
      a start, which say 0 as there is nothing to measure yet, are left out.

    Example:
      >>> rows = [{"step": 1, "steps_per_second": 0.0}, {"step": 2, "steps_per_second": 9.0}]
      >>> [values.tolist() for values in curves_of(rows)["steps_per_second"]]
      [[2], [9.0]]
    """
    points: dict[str, tuple[list[float], list[float]]] = {}
    for row in rows:
        is_start = row.get(_SPEED) == 0
        for name, value in row.items():
            if name == "step" or (is_start and section_of(name) == "speed"):
                continue
            steps, values = points.setdefault(name, ([], []))
            steps.append(row["step"])
            values.append(value if math.isfinite(value) else math.nan)
    return {name: (np.array(steps), np.array(values)) for name, (steps, values) in points.items()}


def _draw(path: Path, listed: Sequence[Panel], curves: Mapping[str, Curve], title: str) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    num_columns = min(len(listed), 2 if len(listed) <= 4 else 3)
    num_rows = math.ceil(len(listed) / num_columns)
    head = 0.3 if len(listed) > 1 else 0.0
    width, height = _PANEL[0] * num_columns, _PANEL[1] * num_rows + head
    # By hand, as Matplotlib's own layouts draw everything twice.
    left, right, bottom, top = _MARGINS
    panel_width, panel_height = _PANEL[0] - left - right, _PANEL[1] - bottom - top
    grid = {
        "left": left / width,
        "right": 1 - right / width,
        "bottom": bottom / height,
        "top": 1 - (head + top) / height,
        "wspace": (left + right) / panel_width,
        "hspace": (bottom + top) / panel_height,
    }
    figure = Figure(figsize=(width, height), dpi=_DPI)
    FigureCanvasAgg(figure)
    axes = figure.subplots(num_rows, num_columns, squeeze=False, gridspec_kw=grid).ravel()
    for one, panel in zip(axes, listed, strict=False):
        _draw_panel(one, panel, curves)
    for one in axes[len(listed) :]:
        one.set_visible(False)
    if head:
        figure.suptitle(title, y=1 - 0.05 / height, va="top")
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png")


def _draw_panel(axes: Any, panel: Panel, curves: Mapping[str, Curve]) -> None:
    is_duel = {_player(name) for name in panel.names} == set(_PLAYER_COLORS)
    others = iter(_OTHER_COLORS * (1 + len(panel.names) // len(_OTHER_COLORS)))
    for name in panel.names:
        steps, values = curves[name]
        color = _PLAYER_COLORS[_player(name)] if is_duel else next(others)
        # A single point has no line, and a curve of few points shows where it was measured.
        marker = "." if len(steps) <= 30 else None
        if len(steps) >= SMOOTHED_FROM:
            axes.plot(steps, values, color=color, alpha=0.25, linewidth=0.6)
            axes.plot(steps, running_mean(values), color=color, linewidth=1.4, label=name)
        else:
            axes.plot(steps, values, color=color, linewidth=1.2, marker=marker, label=name)
        if f"std/{name}" in curves:
            at, spread = curves[f"std/{name}"]
            center = np.interp(at, steps, values)
            axes.fill_between(
                at, center - spread, center + spread, color=color, alpha=0.18, linewidth=0
            )
    if is_wide([curves[name][1] for name in panel.names]) and not any(
        f"std/{name}" in curves for name in panel.names
    ):
        axes.set_yscale("log")
    axes.set_title(panel.title, fontsize="medium")
    axes.set_ylabel(panel.unit, fontsize="small")
    axes.set_xlabel("step", fontsize="small")
    axes.tick_params(labelsize="small")
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.02)
    axes.xaxis.get_major_locator().set_params(nbins=6)
    axes.legend(fontsize="small", framealpha=0.8)


def _player(name: str) -> str:
    return next((part for part in name.split("/") if part in _PLAYER_COLORS), "")


def running_mean(values: np.ndarray) -> np.ndarray:
    """The mean over a fiftieth of a curve around each point, of what is there.

    Args:
      values: of shape [num_points]; NaN where there is none.

    Returns:
      Means, of the same shape.

    Example:
      >>> running_mean(np.array([1.0, 4.0, 1.0])).tolist()
      [2.5, 2.0, 2.5]
    """
    width = max(3, len(values) // 50)
    kernel = np.ones(width)
    known = np.isfinite(values)
    total = np.convolve(np.where(known, values, 0.0), kernel, mode="same")
    count = np.convolve(known.astype(float), kernel, mode="same")
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def is_wide(curves: Sequence[np.ndarray]) -> bool:
    """Whether a linear axis would hide most of some values.

    Args:
      curves: values; NaN where there is none.

    Returns:
      Whether all are above 0 and span more than two decades.

    Example:
      >>> is_wide([np.array([1.0, 1000.0])]), is_wide([np.array([-1.0, 1000.0])])
      (True, False)
    """
    values = np.concatenate(list(curves))
    values = values[np.isfinite(values)]
    return bool(len(values) and values.min() > 0 and values.max() > 100 * values.min())
