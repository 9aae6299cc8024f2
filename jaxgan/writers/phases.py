"""Phase diagrams: which of a few words holds at each point of a grid."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxgan.core.errors import bad_value
from jaxgan.files.atomic import replacing

COLORS = ("#2c7fb8", "#fdae61", "#7b5aa6", "#c7282d", "#999999", "#5aae61")
"""Of the words, in their order: readable for those who do not tell red from green."""


_LINES_UP_TO = 24
"""Cells of more along an axis have no lines between them."""


class Along(NamedTuple):
    """One axis of a diagram.

    Attributes:
      label: its name.
      values: numbers, increasing; or texts, which are drawn in order.
      log: whether they are spaced by their logarithms.
    """

    label: str
    values: Sequence[Any]
    log: bool = False

    @property
    def is_numeric(self) -> bool:
        """Whether the values are numbers."""
        return all(isinstance(x, int | float) and not isinstance(x, bool) for x in self.values)

    def edges(self) -> np.ndarray:
        """Where cells begin and end, one more than there are values."""
        at = np.asarray(self.values, float) if self.is_numeric else np.arange(len(self.values))
        at = np.log(at) if self.log else at
        if len(at) == 1:
            found = np.array([at[0] - 0.5, at[0] + 0.5])
        else:
            middles = (at[1:] + at[:-1]) / 2
            found = np.concatenate([[2 * at[0] - middles[0]], middles, [2 * at[-1] - middles[-1]]])
        return np.exp(found) if self.log else found


class Panel(NamedTuple):
    """One diagram of several.

    Attributes:
      shares: [x, y, words], how much each word holds at a point; [x, words] without a second axis.
      curves: lines over the cells, [points, 2] by name.
      points: marks over the cells, [points, 2].
    """

    shares: np.ndarray
    curves: Mapping[str, np.ndarray] = {}
    points: np.ndarray = np.empty((0, 2))


def phases_png(
    path: Path,
    panels: Mapping[str, Panel],
    words: Sequence[str],
    x: Along,
    y: Along | None = None,
    title: str = "",
    *,
    columns: int = 4,
    dpi: int = 100,
) -> None:
    """Draws phase diagrams, one panel per name.

    A cell has the mean of the words' colors, by their shares. Without a second axis the shares are
    stacked bars.

    Args:
      path: the PNG file; its folder is created.
      panels: {name: panel}.
      words: of the shares, in order.
      x: the horizontal axis.
      y: the vertical one.
      title: above all panels.
      columns: panels in a row, at most.
      dpi: pixels per inch.

    Raises:
      ValueError: if there is nothing to draw, or the shares have another shape.

    >>> import tempfile
    >>> rates = Along("rate", [0.1, 1.0, 10.0], log=True)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "map.png"
    ...     phases_png(file, {"": Panel(np.eye(3)[:, :2])}, ["converges", "diverges"], rates)
    ...     file.read_bytes()[1:4]
    b'PNG'
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    if not panels:
        raise ValueError("panels is empty; nothing can be drawn")
    shape = (len(x.values), *([len(y.values)] if y else []), len(words))
    for name, panel in panels.items():
        if panel.shares.shape != shape:
            raise ValueError(bad_value(f"panel {name!r}: shape", panel.shares.shape, str(shape)))
    num_columns = min(len(panels), columns)
    num_rows = math.ceil(len(panels) / num_columns)
    size = (max(4.4 * num_columns, 5.4), 3.9 * num_rows + 0.6)
    figure = Figure(figsize=size, dpi=dpi, layout="constrained")
    FigureCanvasAgg(figure)
    drawn = figure.subplots(num_rows, num_columns, squeeze=False).ravel()
    for axes, (name, panel) in zip(drawn, panels.items(), strict=False):
        _draw(axes, panel, words, x, y)
        axes.set_title(name, fontsize="medium")
    for axes in drawn[len(panels) :]:
        axes.set_visible(False)
    keys: list[Any] = [Patch(color=c, label=w) for c, w in zip(COLORS, words, strict=False)]
    lines = {line.get_label(): line for axes in drawn for line in axes.get_lines()}
    keys += [line for label, line in lines.items() if not str(label).startswith("_")]
    num_keys = 3 if num_columns == 1 else 6
    figure.legend(handles=keys, loc="outside lower center", ncols=num_keys, frameon=False)
    if title:
        figure.suptitle(title, fontsize="large")
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png")


def _draw(axes: Any, panel: Panel, words: Sequence[str], x: Along, y: Along | None) -> None:
    colors = np.array([_rgb(color) for color in COLORS[: len(words)]])
    edges = x.edges()
    if y is None:
        bottom = np.zeros(len(x.values))
        for index, color in enumerate(colors):
            share = panel.shares[:, index]
            where = {"bottom": bottom, "align": "edge", "color": color, "edgecolor": "white"}
            axes.bar(edges[:-1], share, np.diff(edges), linewidth=0.5, **where)
            bottom = bottom + share
        axes.set_ylabel("share of seeds")
        axes.set_ylim(0, 1)
    else:
        cells = np.moveaxis(panel.shares @ colors, 0, 1)
        width = 0.2 if max(len(x.values), len(y.values)) <= _LINES_UP_TO else 0.0
        axes.pcolormesh(edges, y.edges(), cells, edgecolors="white" if width else "face", lw=width)
        _scale(axes.set_yscale, axes.set_yticks, y)
        axes.set_ylabel(y.label)
        axes.set_ylim(y.edges()[0], y.edges()[-1])
    _scale(axes.set_xscale, axes.set_xticks, x)
    axes.set_xlabel(x.label)
    axes.set_xlim(edges[0], edges[-1])
    for index, (name, points) in enumerate(panel.curves.items()):
        style = {"color": "black", "linestyle": ("-", "--", ":")[index % 3], "linewidth": 1.6}
        axes.plot(points[:, 0], points[:, 1], label=name, **style)
    if len(panel.points):
        where = {"markeredgecolor": "white", "markeredgewidth": 0.4, "label": "bisected boundary"}
        axes.plot(*panel.points.T, "ko", markersize=3.5, **where)


def _scale(set_scale: Any, set_ticks: Any, along: Along) -> None:
    if along.log:
        set_scale("log")
    elif not along.is_numeric:
        set_ticks(range(len(along.values)), [str(one) for one in along.values])


def _rgb(color: str) -> tuple[float, ...]:
    return tuple(int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
