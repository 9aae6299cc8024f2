"""What a map leaves: `map.json` and `map.png`."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan.core.errors import InputError
from jaxgan.files.atomic import replacing
from jaxgan.run.map_axes import Axis, label_of
from jaxgan.run.map_search import Edge
from jaxgan.run.phase_map import Cell
from jaxgan.training.collapse.phases import PHASES
from jaxgan.writers.phases import Along, Panel, phases_png

MAX_PANELS = 16


def check_panels(axes: Sequence[Axis]) -> None:
    """Raises unless a picture can show all axes.

    Args:
      axes: of the map: the first two span each panel, the others make panels.

    Raises:
      InputError: naming the number of panels.

    Example:
      >>> check_panels([Axis("a", (1.0, 2.0), "linear")])
    """
    num = int(np.prod([len(axis.values) for axis in _order(axes)[2:]]))
    if num > MAX_PANELS:
        raise InputError(
            f"axis: the axes after the first two make {num} panels; at most {MAX_PANELS} are drawn"
        )


def _order(axes: Sequence[Axis]) -> list[Axis]:
    """Axes of numbers first, as they span the panels."""
    return sorted(axes, key=lambda axis: axis.kind == "list")


def write_map(
    folder: Path,
    about: Mapping[str, Any],
    axes: Sequence[Axis],
    cells: Sequence[Cell],
    boundary: Sequence[Edge] = (),
) -> None:
    """Writes the two files.

    Args:
      folder: where to.
      about: what else is known: the config, the steps and so on.
      axes: of the map.
      cells: of all their points.
      boundary: as far as it was bisected.

    Example:
      See `jaxgan.cli.phase_map`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = {
        **about,
        "axes": {axis.key: {"kind": axis.kind, "values": axis.values} for axis in axes},
        "cells": [{**cell._asdict(), "phase": cell.phase} for cell in cells],
        "boundary": [one._asdict() for one in boundary],
    }
    with replacing(folder / "map.json") as temporary:
        temporary.write_text(json.dumps(found, indent=1) + "\n")
    x, *rest = _order(axes)
    y, others = (rest[0], rest[1:]) if rest else (None, [])
    panels = {}
    for values in itertools.product(*(axis.values for axis in others)):
        at = dict(zip((axis.key for axis in others), values, strict=True))
        name = ", ".join(f"{key} = {label_of(value)}" for key, value in at.items())
        here = [cell for cell in cells if all(cell.point[k] == v for k, v in at.items())]
        marks = [one for one in boundary if all(one.point.get(k) == v for k, v in at.items())]
        panels[name] = Panel(_shares(here, x, y), points=_points(marks, x, y))
    num = about["seeds"]
    title = f"{about['name']}: {about['steps']} steps, {num} seed{'s' if num > 1 else ''} a cell"
    phases_png(folder / "map.png", panels, PHASES, _along(x), y and _along(y), title)


def _along(axis: Axis) -> Along:
    return Along(axis.key, axis.values, axis.kind == "log")


def _shares(cells: Sequence[Cell], x: Axis, y: Axis | None) -> np.ndarray:
    shape = (len(x.values), len(y.values) if y else 1, len(PHASES))
    shares = np.zeros(shape)
    for cell in cells:
        i = x.values.index(cell.point[x.key])
        j = y.values.index(cell.point[y.key]) if y else 0
        shares[i, j] = [cell.shares.get(word, 0.0) for word in PHASES]
    return shares if y else shares[:, 0]


def _points(boundary: Sequence[Edge], x: Axis, y: Axis | None) -> np.ndarray:
    """Middles of the last intervals, in a panel of two axes of numbers."""
    found = []
    for one in boundary:
        kinds = {axis.key: axis.kind for axis in (x, y) if axis is not None}
        if one.key not in kinds or y is None:
            continue
        log = kinds[one.key] == "log"
        middle = np.sqrt(one.low * one.high) if log else (one.low + one.high) / 2
        at = {**one.point, one.key: middle}
        found.append([_place(x, at[x.key]), _place(y, at[y.key])])
    return np.array(found, float).reshape(-1, 2)


def _place(axis: Axis, value: Any) -> float:
    return float(value) if _along(axis).is_numeric else float(axis.values.index(value))
