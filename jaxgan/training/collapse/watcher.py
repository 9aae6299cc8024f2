"""The watch of a run: each warning said once, and again only after it has cleared."""

from __future__ import annotations

import json
import logging
import math
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import NotRequired, TypedDict

from jaxgan.files.atomic import naming
from jaxgan.training.collapse.rules import Diagnosis, diagnose
from jaxgan.writers.metrics import drop_later_lines, logged_lines, read_metrics

logger = logging.getLogger(__name__)

MEMORY = 512
"""Lines that are looked at."""


class Line(TypedDict):
    """A line of `warnings.jsonl`, as far as a resumed run needs it."""

    step: int
    warning: NotRequired[str]
    cleared: NotRequired[str]


class Watch:
    """Diagnoses a run line by line, logs what is new and writes it to `warnings.jsonl`.

    A line of that file is `{"step", "warning", "text", "numbers", "advice", "docs"}`, or
    `{"step", "cleared"}` with the name of a warning that holds no more. A resumed run goes on with
    the lines and the warnings of the one before, so that it says what the uninterrupted run says.

    Args:
      workdir: the run's folder, with `metrics.jsonl` where it resumes.
      resume_step: the step a run goes on from: warnings beyond it are dropped; all
        of them by default.

    Example:
      >>> import tempfile
      >>> folder = tempfile.TemporaryDirectory()
      >>> watch = Watch(Path(folder.name))
      >>> for step in range(0, 2000, 100):
      ...     _ = watch.saw(step, {"disc/loss_slope": 0.001 if step < 1200 else 0.3})
      >>> lines = (Path(folder.name) / "warnings.jsonl").read_text().splitlines()
      >>> [(row["step"], row.get("warning", row.get("cleared"))) for row in map(json.loads, lines)]
      [(900, 'discriminator-wins'), (1200, 'discriminator-wins')]
      >>> folder.cleanup()
    """

    def __init__(self, workdir: Path, *, resume_step: int | None = None) -> None:
        self._path = workdir / "warnings.jsonl"
        self._history: deque[Mapping[str, float]] = deque(maxlen=MEMORY)
        self._standing: list[str] = []
        drop_later_lines(self._path, resume_step, Line)
        metrics = workdir / "metrics.jsonl"
        if resume_step is not None and metrics.exists():
            lines = read_metrics(metrics)
            self._history.extend(line for line in lines if line["step"] <= resume_step)
        if self._path.exists():
            for _, row in logged_lines(self._path, Line):
                self._replay(row)

    def saw(self, step: int, values: Mapping[str, float]) -> list[Diagnosis]:
        """Notes a logged line, and says what follows.

        Args:
          step: number of steps done.
          values: its metrics.

        Returns:
          The warnings that are new.
        """
        self._history.append({**values, "step": step})
        found = {one.name: one for one in diagnose(self._history, self._standing)}
        rows: list[dict[str, object]] = []
        for name in self._standing:
            if name not in found:
                logger.info("step %d: no longer so: %s", step, name)
                rows.append({"step": step, "cleared": name})
        for name, one in found.items():
            if name not in self._standing:
                logger.warning("step %d: %s", step, one)
                numbers = {k: v if math.isfinite(v) else str(v) for k, v in one.numbers.items()}
                fields = one._asdict() | {"numbers": numbers}
                rows.append({"step": step, "warning": fields.pop("name"), **fields})
        new = [one for name, one in found.items() if name not in self._standing]
        self._standing = list(found)
        if rows:
            with naming(self._path), self._path.open("a", encoding="utf-8") as lines:
                lines.writelines(json.dumps(row, allow_nan=False) + "\n" for row in rows)
        return new

    def _replay(self, row: Line) -> None:
        if "warning" in row:
            self._standing.append(row["warning"])
        elif row.get("cleared") in self._standing:
            self._standing.remove(row["cleared"])
