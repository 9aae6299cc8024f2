"""Futures of a run as JSON has them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxgan.files.atomic import replacing
from jaxgan.run.futures import UNTOUCHED, Futures
from jaxgan.training.collapse import no_return

FOLDER = "futures"
"""In a run's folder, where what was found is written."""

MEASURES = ("eval/num_modes", "eval/classes_covered", "samples/spread", "loss/gen")
"""What is drawn of a future: the first of these that it has."""


def as_report(found: Sequence[Futures], num_modes: int | None) -> dict[str, Any]:
    """Futures as JSON has them; numbers that are not finite are null.

    Args:
      found: of some checkpoints.
      num_modes: of the data; None where they have none.

    Returns:
      `{"no_return", "measure", "num_modes", "futures"}`: the point of no return of the untouched
      ones, what is kept of each future, and an entry for each checkpoint and variant.

    Example:
      >>> from jaxgan.training.collapse import outcome
      >>> lines = [[{"step": 20.0, "samples/spread": 1.0}]]
      >>> futures = Futures(10, UNTOUCHED, [outcome(lines[0])], lines)
      >>> as_report([futures], None)["futures"][0]["healthy"]
      {'num': 1, 'total': 1, 'low': 0.025, 'high': 1.0}
    """
    untouched = {one.step: one.healthy for one in found if one.variant == UNTOUCHED}
    measure = _measure(found)
    return {
        "no_return": no_return(untouched)._asdict(),
        "measure": measure,
        "num_modes": num_modes,
        "futures": [_entry(one, measure) for one in found],
    }


def _measure(found: Sequence[Futures]) -> str:
    """Of what is known before the end the first of `MEASURES`, or whatever there is."""
    lines = [line for one in found for own in one.lines for line in own[:-1] or own]
    known = sorted({name for line in lines for name in line} - {"step"})
    given = (name for start in MEASURES for name in known if name.startswith(start))
    return next(given, known[0])


def _entry(one: Futures, measure: str) -> dict[str, Any]:
    last = [own[-1] for own in one.lines]
    at = [
        place for place, _ in enumerate(one.lines[0]) if any(measure in o[place] for o in one.lines)
    ]
    healthy = {name: round(value, 6) for name, value in one.healthy._asdict().items()}
    return {
        "step": one.step,
        "variant": one.variant,
        "healthy": healthy,
        "outcomes": [outcome.word for outcome in one.outcomes],
        "reasons": [outcome.reason for outcome in one.outcomes],
        "steps": [int(one.lines[0][place]["step"]) for place in at],
        "values": [[_finite(own[place], measure) for place in at] for own in one.lines],
        "last": {
            name: [_finite(line, name) for line in last]
            for name in sorted(set().union(*last))
            if name.startswith(("eval/", "samples/", "loss/"))
        },
    }


def _finite(line: Mapping[str, float], name: str) -> float | None:
    value = line.get(name, math.nan)
    return value if math.isfinite(value) else None


def write_report(path: Path, report: Mapping[str, Any]) -> None:
    """Writes a report, as one file of JSON, with a line for each entry of `futures`.

    Args:
      path: the file; its folder is created.
      report: as JSON has it.

    Example:
      >>> import tempfile
      >>> path = Path(tempfile.mkdtemp()) / "futures.json"
      >>> write_report(path, {"num": 1, "futures": [{"step": 1}, {"step": 2}]})
      >>> print(path.read_text(), end="")
      {
      "num": 1,
      "futures": [
      {"step": 1},
      {"step": 2}
      ]
      }
    """

    def lines(value: Any) -> str:
        if not isinstance(value, list) or not value:
            return json.dumps(value, allow_nan=False)
        return "[\n" + ",\n".join(json.dumps(row, allow_nan=False) for row in value) + "\n]"

    entries = (f"{json.dumps(key)}: {lines(value)}" for key, value in report.items())
    with replacing(path) as temporary:
        temporary.write_text("{\n" + ",\n".join(entries) + "\n}\n")
