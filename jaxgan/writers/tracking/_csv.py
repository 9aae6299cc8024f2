"""Metrics as a table that a spreadsheet opens."""

from __future__ import annotations

import csv as csv_file
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from jaxgan.files.atomic import naming, replacing


class CsvWriter:
    """Writes a row for each logged line, and a column for each metric.

    Args:
      path: the file; rows after `resume_step` are dropped.
      resume_step: the step a run goes on from; None begins a new file.

    Example:
      >>> import tempfile
      >>> path = Path(tempfile.mkdtemp()) / "a.csv"
      >>> writer = CsvWriter(path, resume_step=None)
      >>> writer.scalars(1, {"loss/gen": 0.5})
      >>> writer.scalars(2, {"loss/gen": 0.25, "eval/fd": 3.0})
      >>> writer.close()
      >>> path.read_text().splitlines()
      ['step,loss/gen,eval/fd', '1,0.5,', '2,0.25,3.0']
    """

    def __init__(self, path: Path, *, resume_step: int | None) -> None:
        self._path = path
        self._columns = ["step"]
        rows: list[dict[str, str]] = []
        if resume_step is not None and path.exists():
            with path.open(newline="", encoding="utf-8") as lines:
                reader = csv_file.DictReader(lines)
                rows = [row for row in reader if int(row["step"]) <= resume_step]
                self._columns = list(reader.fieldnames or self._columns)
        self._rewrite(rows)

    def scalars(self, step: int, metrics: Mapping[str, float]) -> None:
        """Writes a row."""
        if new := [name for name in metrics if name not in self._columns]:
            self._file.close()
            with self._path.open(newline="", encoding="utf-8") as lines:
                rows = list(csv_file.DictReader(lines))
            self._columns += new
            self._rewrite(rows)
        with naming(self._path):
            csv_file.DictWriter(self._file, self._columns, lineterminator="\n").writerow(
                {"step": step, **metrics}
            )

    def image(self, step: int, name: str, pixels: np.ndarray) -> None:
        """Leaves pictures out."""

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _rewrite(self, rows: list[dict[str, str]]) -> None:
        """The whole file with the columns of now, and opens it at its end."""
        with (
            replacing(self._path) as temporary,
            temporary.open("w", newline="", encoding="utf-8") as lines,
        ):
            writer = csv_file.DictWriter(lines, self._columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        self._file = self._path.open("a", buffering=1, newline="", encoding="utf-8")


def csv(*, workdir: Path, resume_step: int | None, file: str = "metrics.csv") -> CsvWriter:
    """A CSV file of all metrics: a row for each logged line, empty where a metric is not in it.

    Args:
      workdir: the run's folder.
      resume_step: the step that it goes on from; None of one that begins.
      file: where to write, in the run's folder or anywhere.

    Returns:
      The writer.

    Example:
      >>> import tempfile
      >>> csv(workdir=Path(tempfile.mkdtemp()), resume_step=None).close()
    """
    return CsvWriter(workdir / file, resume_step=resume_step)
