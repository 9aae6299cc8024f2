"""Aim."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan.writers.pictures import as_image
from jaxgan.writers.tracking._ids import read_id, write_id


class AimWriter:
    """Logs to a run of Aim.

    Args:
      run: an `aim.Run`.

    Example:
      See `aim`.
    """

    def __init__(self, run: Any) -> None:
        self._run = run
        self._aim: Any = importlib.import_module("aim")

    def scalars(self, step: int, metrics: Mapping[str, float]) -> None:
        """Logs numbers of a step."""
        for name, value in metrics.items():
            self._run.track(value, name=name, step=step)

    def image(self, step: int, name: str, pixels: np.ndarray) -> None:
        """Logs a picture of a step."""
        self._run.track(self._aim.Image(as_image(pixels)), name=name, step=step)

    def text(self, step: int, name: str, text: str) -> None:
        """Logs a text of a step."""
        self._run.track(self._aim.Text(text), name=name, step=step)

    def close(self) -> None:
        """Ends the run there."""
        self._run.close()


def aim(
    *,
    workdir: Path,
    resume_step: int | None,
    config: Mapping[str, Any],
    repo: str | None = None,
    experiment: str = "jaxgan",
) -> AimWriter:
    """A run of Aim, `pip install 'jaxgan[aim]'`.

    Args:
      workdir: the run's folder.
      resume_step: the step that it goes on from; None of one that begins.
      config: of the run.
      repo: the folder that has `.aim`, made where there is none, or a server's address; the run's
        own folder by default.
      experiment: where it is listed.

    Returns:
      The writer.

    Example:
      >>> import inspect
      >>> inspect.signature(aim).parameters["experiment"].default
      'jaxgan'
    """
    package: Any = importlib.import_module("aim")
    where = str(workdir) if repo is None else repo
    if "://" not in where and not (Path(where) / ".aim").is_dir():
        importlib.import_module("aim.sdk.repo").Repo.from_path(where, init=True)
    run = package.Run(
        run_hash=read_id(workdir, "aim", resume_step),
        repo=where,
        experiment=experiment,
        system_tracking_interval=None,
        log_system_params=False,
        capture_terminal_logs=False,
    )
    run.name = workdir.resolve().name
    run["config"] = dict(config)
    write_id(workdir, "aim", run.hash)
    return AimWriter(run)
