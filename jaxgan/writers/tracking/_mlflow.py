"""MLflow."""

from __future__ import annotations

import importlib
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan.writers.pictures import as_image
from jaxgan.writers.tracking._ids import read_id, write_id

_MAX_PARAMS = 100
"""Of one call."""

_MAX_CHARACTERS = 500
"""Of a parameter's value."""


class MlflowWriter:
    """Logs to a run of MLflow.

    Args:
      client: an `MlflowClient`.
      run_id: of the run.

    Example:
      See `mlflow`.
    """

    def __init__(self, client: Any, run_id: str) -> None:
        self._client = client
        self._run_id = run_id
        self._metric: Any = importlib.import_module("mlflow.entities").Metric

    def scalars(self, step: int, metrics: Mapping[str, float]) -> None:
        """Logs numbers of a step."""
        now = round(1000 * time.time())
        entries = [self._metric(_key(name), value, now, step) for name, value in metrics.items()]
        self._client.log_batch(self._run_id, metrics=entries)

    def image(self, step: int, name: str, pixels: np.ndarray) -> None:
        """Logs a picture of a step."""
        self._client.log_image(self._run_id, as_image(pixels), key=_key(name), step=step)

    def text(self, step: int, name: str, text: str) -> None:
        """Logs a text of a step, as a file."""
        self._client.log_text(self._run_id, text, f"{_key(name)}/step_{step:08d}.txt")

    def close(self) -> None:
        """Ends the run there."""
        self._client.set_terminated(self._run_id)


def mlflow(
    *,
    workdir: Path,
    resume_step: int | None,
    config: Mapping[str, Any],
    experiment: str = "jaxgan",
    run_name: str | None = None,
    tracking_uri: str | None = None,
) -> MlflowWriter:
    """A run of MLflow, `pip install 'jaxgan[mlflow]'`.

    Args:
      workdir: the run's folder.
      resume_step: the step that it goes on from; None of one that begins.
      config: of the run.
      experiment: where it is listed; made where there is none of that name.
      run_name: what it is called; the name of its folder by default.
      tracking_uri: a server, or a store of files such as `sqlite:////home/me/mlflow.db`; what the
        environment says by default (`MLFLOW_TRACKING_URI`).

    Returns:
      The writer.

    Example:
      >>> import inspect
      >>> inspect.signature(mlflow).parameters["experiment"].default
      'jaxgan'
    """
    package: Any = importlib.import_module("mlflow")
    client = package.MlflowClient(tracking_uri=tracking_uri)
    run_id = read_id(workdir, "mlflow", resume_step)
    if run_id is not None:
        client.update_run(run_id, status="RUNNING")
        return MlflowWriter(client, run_id)
    found = client.get_experiment_by_name(experiment)
    listed = client.create_experiment(experiment) if found is None else found.experiment_id
    run_id = str(client.create_run(listed, run_name=run_name or workdir.resolve().name).info.run_id)
    entity: Any = importlib.import_module("mlflow.entities").Param
    params = [entity(_key(key), str(value)[:_MAX_CHARACTERS]) for key, value in _flat(config)]
    for start in range(0, len(params), _MAX_PARAMS):
        client.log_batch(run_id, params=params[start : start + _MAX_PARAMS])
    write_id(workdir, "mlflow", run_id)
    return MlflowWriter(client, run_id)


def _key(name: str) -> str:
    """A name of the characters that MLflow allows."""
    return re.sub(r"[^\w./ -]", "_", name)


def _flat(section: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The entries of a nested dict under dotted keys."""
    for key, value in section.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
