"""The watch of a run: each warning said once, and again only after it has cleared."""

from __future__ import annotations

import json
import logging
import math
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
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
    member: NotRequired[str]
    warning: NotRequired[str]
    cleared: NotRequired[str]


class Watch:
    """Diagnoses a run line by line, logs what is new and writes it to `warnings.jsonl`.

    A line of that file is `{"step", "warning", "text", "numbers", "advice", "docs"}`, or
    `{"step", "cleared"}` with the name of a warning that holds no more; of a run with members that
    log by name, such as those of a grid, each is diagnosed by itself, and "member" says which. A
    resumed run goes on with the lines and the warnings of the one before, so that it says what the
    uninterrupted run says.

    Args:
      workdir: the run's folder, with `metrics.jsonl` where it resumes.
      resume_step: the step a run goes on from: warnings beyond it are dropped; all
        of them by default.
      members: what stands behind the names of a member's metrics, `loss/gen/lr=0.1`; none of a run
        that has one line for all.

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

    def __init__(
        self, workdir: Path, *, resume_step: int | None = None, members: Sequence[str] = ()
    ) -> None:
        self._path = workdir / "warnings.jsonl"
        self._members = tuple(members)
        self._history: dict[str, deque[Mapping[str, float]]] = {
            member: deque(maxlen=MEMORY) for member in self._members or ("",)
        }
        self._standing: dict[str, list[str]] = defaultdict(list)
        drop_later_lines(self._path, resume_step, Line)
        metrics = workdir / "metrics.jsonl"
        if resume_step is not None and metrics.exists():
            for line in read_metrics(metrics):
                if line["step"] <= resume_step:
                    self._note(line)
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
        self._note({**values, "step": step})
        new: list[Diagnosis] = []
        rows: list[dict[str, object]] = []
        for member in self._history:
            fresh, changes = self._diagnose(step, member)
            new += fresh
            rows += changes
        if rows:
            with naming(self._path), self._path.open("a", encoding="utf-8") as lines:
                lines.writelines(json.dumps(row, allow_nan=False) + "\n" for row in rows)
        return new

    def _note(self, line: Mapping[str, float]) -> None:
        """Adds a line to the history, or what it says of each member to that member's."""
        if not self._members:
            self._history[""].append(line)
            return
        parts: dict[str, dict[str, float]] = {}
        for name, value in line.items():
            metric, _, member = name.rpartition("/")
            if member in self._history:
                parts.setdefault(member, {"step": line["step"]})[metric] = value
        for member, part in parts.items():
            self._history[member].append(part)

    def _diagnose(self, step: int, member: str) -> tuple[list[Diagnosis], list[dict[str, object]]]:
        """What is new of a member, and the rows that say what has changed."""
        standing, where = self._standing[member], {"member": member} if member else {}
        said = f"{member}: " if member else ""
        found = {one.name: one for one in diagnose(self._history[member], standing)}
        rows: list[dict[str, object]] = []
        for name in standing:
            if name not in found:
                logger.info("step %d: %sno longer so: %s", step, said, name)
                rows.append({"step": step, **where, "cleared": name})
        new = [
            one._replace(text=said + one.text)
            for name, one in found.items()
            if name not in standing
        ]
        for one in new:
            logger.warning("step %d: %s", step, one)
            numbers = {k: v if math.isfinite(v) else str(v) for k, v in one.numbers.items()}
            fields = one._asdict() | {"numbers": numbers}
            rows.append({"step": step, **where, "warning": fields.pop("name"), **fields})
        self._standing[member] = list(found)
        return new, rows

    def _replay(self, row: Line) -> None:
        standing = self._standing[row.get("member", "")]
        if "warning" in row:
            standing.append(row["warning"])
        elif row.get("cleared") in standing:
            standing.remove(row["cleared"])
