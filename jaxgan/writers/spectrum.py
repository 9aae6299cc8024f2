"""Pictures of a game's dynamics: clouds of eigenvalues, and the field along a path."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan.core.errors import bad_value
from jaxgan.files.atomic import replacing

_MAX_COLUMNS = 4
_CALM, _ALARM = "tab:blue", "tab:red"
_AXIS_WIDTH, _SINGLE_AXIS_WIDTH = 1e-6, 1e-3
"""Real parts below this share of the largest magnitude count as on the imaginary axis; the second
for eigenvalues in single precision."""


def spectrum_png(
    path: Path,
    spectra: Mapping[str, np.ndarray],
    title: str = "",
    *,
    share_axes: bool = True,
    dpi: int = 100,
) -> None:
    """Draws eigenvalues of flows in the complex plane, one panel per name.

    The imaginary axis is marked, the half plane to its right, where a flow repels, is shaded, and
    eigenvalues in it are red. Each panel says how many there are and the largest real part.

    Args:
      path: the PNG file; its folder is created.
      spectra: {name: eigenvalues of the flow}, complex, of shape [num].
      title: above all panels.
      share_axes: whether all panels show the same window, to be compared.
      dpi: pixels per inch.

    Raises:
      ValueError: if there is nothing to draw, or an eigenvalue is not finite.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "spectrum.png"
    ...     spectrum_png(file, {"plain": np.array([0.5j, -0.5j]), "R1": np.array([-0.5, -0.5])})
    ...     file.read_bytes()[1:4]
    b'PNG'
    """
    clouds = {name: np.asarray(values) for name, values in spectra.items()}
    if not clouds:
        raise ValueError("spectra is empty; nothing can be drawn")
    for name, values in clouds.items():
        if values.ndim != 1 or not values.size or not np.isfinite(values).all():
            raise ValueError(
                bad_value(f"spectra {name!r}.shape", values.shape, "[num], finite and not empty")
            )
    num_columns = min(len(clouds), _MAX_COLUMNS)
    num_rows = math.ceil(len(clouds) / num_columns)
    figure = new_figure(max(3.4 * num_columns, 5.0), 3.4 * num_rows, dpi)
    panels = figure.subplots(num_rows, num_columns, squeeze=False).ravel()
    everything = np.concatenate(list(clouds.values()))
    for axes, (name, values) in zip(panels, clouds.items(), strict=False):
        _draw_cloud(axes, name, values, _window(everything if share_axes else values))
    for axes in panels[len(clouds) :]:
        axes.set_visible(False)
    if title:
        figure.suptitle(title, fontsize="medium")
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png")


def path_png(
    path: Path,
    alphas: np.ndarray,
    angle: np.ndarray,
    norm: np.ndarray,
    title: str = "",
    *,
    dpi: int = 100,
) -> None:
    """Draws the angle and the norm of a field along a path, one above the other.

    Args:
      path: the PNG file; its folder is created.
      alphas: of shape [num_points]; 0 is the start and 1 the end, both marked.
      angle: cosine of the angle between field and path, of shape [num_points].
      norm: of the field, of shape [num_points].
      title: above both panels.
      dpi: pixels per inch.

    Raises:
      ValueError: if the arrays are empty or of different shapes.

    >>> import tempfile
    >>> alphas = np.linspace(-0.1, 1.1, 25)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "path.png"
    ...     path_png(file, alphas, np.sign(alphas - 1), np.abs(alphas - 1))
    ...     file.read_bytes()[1:4]
    b'PNG'
    """
    shapes = [np.shape(values) for values in (alphas, angle, norm)]
    if len(set(shapes)) > 1 or len(shapes[0]) != 1 or not shapes[0][0]:
        raise ValueError(
            bad_value("shapes of alphas, angle, norm", shapes, "the same [num_points]")
        )
    figure = new_figure(5.2, 4.6, dpi)
    top, bottom = figure.subplots(2, 1, sharex=True)
    for axes, values, label in ((top, angle, "cosine of the angle"), (bottom, norm, "norm")):
        axes.plot(alphas, values, color=_CALM, linewidth=1.4)
        for at in (0.0, 1.0):
            axes.axvline(at, color="0.5", linewidth=0.8, linestyle=":")
        axes.set_ylabel(label, fontsize="small")
        plain_axes(axes)
    top.axhline(0.0, color="0.3", linewidth=0.8)
    top.set_ylim(-1.08, 1.08)
    bottom.set_ylim(bottom=0.0)
    bottom.set_xlabel("from start (0) to end (1)", fontsize="small")
    if title:
        figure.suptitle(title, fontsize="medium")
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png")


def new_figure(width: float, height: float, dpi: int) -> Any:
    """An empty figure that no window shows.

    Args:
      width: in inches.
      height: in inches.
      dpi: pixels per inch.

    Returns:
      A Matplotlib figure.

    >>> new_figure(4.0, 3.0, 100).get_dpi()
    100
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=dpi, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _window(values: np.ndarray) -> tuple[float, float, float]:
    """Left, right and half the height of a window that holds all, with 0 well inside."""
    left, right = min(values.real.min(), 0.0), max(values.real.max(), 0.0)
    size = max(right - left, 2 * np.abs(values.imag).max()) or 1.0
    width = max(right - left, 0.25 * size)
    left, right = left - 0.15 * width, right + 0.15 * width
    return left, right, 1.15 * max(np.abs(values.imag).max(), 0.1 * size)


def _draw_cloud(
    axes: Any, name: str, values: np.ndarray, window: tuple[float, float, float]
) -> None:
    left, right, height = window
    axes.axvspan(0.0, right, color=_ALARM, alpha=0.08, linewidth=0)
    axes.axvline(0.0, color="0.3", linewidth=1.0)
    axes.axhline(0.0, color="0.7", linewidth=0.6)
    is_single = values.dtype in (np.complex64, np.float32)
    small = (_SINGLE_AXIS_WIDTH if is_single else _AXIS_WIDTH) * np.abs(values).max()
    repels = values.real > small
    # Few eigenvalues are large dots; many are small, and pale so that their density shows.
    size, alpha = (30, 0.9) if values.size <= 30 else (9, 0.5)
    for chosen, color in ((~repels, _CALM), (repels, _ALARM)):
        some = values[chosen]
        axes.scatter(some.real, some.imag, s=size, alpha=alpha, color=color, linewidths=0, zorder=3)
    top = values.real.max()
    shown = 0.0 if abs(top) <= small else top
    axes.set_title(
        f"{name}\n{repels.sum()} of {values.size} repel, max Re {shown:.3g}", fontsize="small"
    )
    axes.set_xlim(left, right)
    axes.set_ylim(-height, height)
    axes.set_xlabel("Re λ", fontsize="small")
    axes.set_ylabel("Im λ", fontsize="small")
    plain_axes(axes)


def plain_axes(axes: Any) -> None:
    """Gives a panel small labels and a pale grid.

    Args:
      axes: of Matplotlib.

    >>> plain_axes(new_figure(4.0, 3.0, 100).subplots())
    """
    axes.tick_params(labelsize="small")
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
