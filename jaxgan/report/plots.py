"""Curves as the page's script draws them: few enough points, in numbers of five digits."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxgan.writers.curves import SMOOTHED_FROM, Curve, is_wide, running_mean
from jaxgan.writers.panels import Panel, meaning, panels

MAX_POINTS = 2000
"""Of a panel; of more, the smallest and the largest of each stretch are drawn."""


class Line(NamedTuple):
    """What is drawn of a curve: itself, its running mean, or an edge of its band.

    Attributes:
      curve: the number of its curve within the panel.
      kind: `plain`, `pale`, `mean`, `low` or `high`.
      values: of shape [num_points].
    """

    curve: int
    kind: str
    values: np.ndarray


def plots(runs: Mapping[str, Mapping[str, Curve]]) -> list[dict[str, Any]]:
    """What to draw of some runs: a panel for each metric, or for metrics of one kind of one run.

    Args:
      runs: the curves of each, by its name.

    Returns:
      For each panel `{"section", "title", "unit", "log", "curves", "tables", "lines", "num_points",
      "num_drawn"}`: `curves` is a name and a meaning for each, `tables` of columns that share their
      steps, `lines` of the columns in order.

    Example:
      >>> steps = np.arange(3)
      >>> (plot,) = plots({"a": {"loss/gen": (steps, steps / 2)}})
      >>> plot["title"], plot["tables"]
      ('Losses', [[[0, 1, 2], [0.0, 0.5, 1.0]]])
    """
    names = dict.fromkeys(name for curves in runs.values() for name in curves)
    listed = panels(names)
    if len(runs) > 1:  # a panel for each metric, with a curve for each run
        listed = [
            panel._replace(title=_title(panel, n), names=(n,))
            for panel in listed
            for n in panel.names
        ]
    return [_plot(panel, runs) for panel in listed]


def _title(panel: Panel, name: str) -> str:
    return panel.title if len(panel.names) == 1 else f"{panel.title}: {name}"


def _plot(panel: Panel, runs: Mapping[str, Mapping[str, Curve]]) -> dict[str, Any]:
    there = [(run, name) for run in runs for name in panel.names if name in runs[run]]
    tables: dict[bytes, tuple[np.ndarray, list[Line]]] = {}
    for number, (run, name) in enumerate(there):
        for steps, line in _lines(number, name, runs[run]):
            _, lines = tables.setdefault(np.asarray(steps).tobytes(), (steps, []))
            lines.append(line)
    drawn = [_thinned(steps, lines, len(tables)) for steps, lines in tables.values()]
    values = [runs[run][name][1] for run, name in there]
    has_band = any(f"std/{name}" in runs[run] for run, name in there)
    return {
        "section": panel.section,
        "title": panel.title,
        "unit": panel.unit,
        "log": not has_band and is_wide(values),
        "curves": [
            {"name": run if len(runs) > 1 else name, "meaning": meaning(name)}
            for run, name in there
        ],
        "tables": [
            [steps.tolist(), *(_numbers(line.values) for line in lines)] for steps, lines in drawn
        ],
        "lines": [{"curve": x.curve, "kind": x.kind} for _, lines in drawn for x in lines],
        "num_points": max(len(steps) for steps, _ in tables.values()),
        "num_drawn": max(len(steps) for steps, _ in drawn),
    }


def _lines(
    number: int, name: str, curves: Mapping[str, Curve]
) -> Iterator[tuple[np.ndarray, Line]]:
    """What is drawn of a curve, the widest below the rest."""
    steps, values = curves[name]
    if f"std/{name}" in curves:
        at, spread = curves[f"std/{name}"]
        center = np.interp(at, steps, values)
        yield at, Line(number, "low", center - spread)
        yield at, Line(number, "high", center + spread)
    if len(steps) < SMOOTHED_FROM:
        yield steps, Line(number, "plain", values)
    else:
        yield steps, Line(number, "pale", values)
        yield steps, Line(number, "mean", running_mean(values))


def _thinned(
    steps: np.ndarray, lines: Sequence[Line], num_tables: int
) -> tuple[np.ndarray, list[Line]]:
    """The points at which a line is smallest or largest within a stretch, and both ends."""
    most = MAX_POINTS // num_tables
    if len(steps) <= most:
        return steps, list(lines)
    drawn = [line.values for line in lines if line.kind in ("plain", "pale")] or [lines[0].values]
    num_stretches = max(1, most // (2 * len(drawn)))
    edges = np.linspace(0, len(steps), num_stretches + 1).astype(int)
    kept = {0, len(steps) - 1}
    for values in drawn:
        low, high = np.nan_to_num(values, nan=np.inf), np.nan_to_num(values, nan=-np.inf)
        for begin, end in itertools.pairwise(edges.tolist()):
            kept |= {begin + int(low[begin:end].argmin()), begin + int(high[begin:end].argmax())}
    index = np.array(sorted(kept))
    return steps[index], [line._replace(values=line.values[index]) for line in lines]


def _numbers(values: np.ndarray) -> list[float | None]:
    """Five digits of each; none for what is no number."""
    values = np.asarray(values, float)
    known = np.isfinite(values) & (values != 0)
    size = np.zeros_like(values)
    size[known] = np.floor(np.log10(np.abs(values[known])))
    digits = [4 - int(one) for one in size]
    return [
        None if value != value else round(value, at)
        for value, at in zip(values.tolist(), digits, strict=True)
    ]
