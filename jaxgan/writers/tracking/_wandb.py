"""Weights & Biases."""

from __future__ import annotations

import html
import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from jaxgan.writers.pictures import as_image
from jaxgan.writers.tracking._ids import read_id, write_id


class WandbWriter:
    """Logs to a run of Weights & Biases.

    Args:
      run: as `wandb.init` returns it.

    Example:
      See `wandb`.
    """

    def __init__(self, run: Any) -> None:
        self._run = run
        self._wandb: Any = importlib.import_module("wandb")
        # Steps of its own would have to rise for ever, also where a run goes back.
        run.define_metric("step", hidden=True)
        run.define_metric("*", step_metric="step")

    def scalars(self, step: int, metrics: Mapping[str, float]) -> None:
        """Logs numbers of a step."""
        self._run.log({**metrics, "step": step})

    def image(self, step: int, name: str, pixels: np.ndarray) -> None:
        """Logs a picture of a step."""
        self._run.log({name: self._wandb.Image(as_image(pixels)), "step": step})

    def text(self, step: int, name: str, text: str) -> None:
        """Logs a text of a step."""
        page = self._wandb.Html(f"<pre>{html.escape(text)}</pre>", inject=False)
        self._run.log({name: page, "step": step})

    def close(self) -> None:
        """Ends the run there."""
        self._run.finish()


def wandb(
    *,
    workdir: Path,
    resume_step: int | None,
    config: Mapping[str, Any],
    project: str = "jaxgan",
    run_name: str | None = None,
    entity: str | None = None,
    mode: Literal["online", "offline", "disabled"] | None = None,
) -> WandbWriter:
    """A run of Weights & Biases, `pip install 'jaxgan[wandb]'`.

    Args:
      workdir: the run's folder; the package's own files go into `wandb/` there.
      resume_step: the step that it goes on from; None of one that begins.
      config: of the run.
      project: where it is listed.
      run_name: what it is called; the name of its folder by default.
      entity: whose project it is; the user's by default.
      mode: whether there is a network; what the environment says by default (`WANDB_MODE`).
        `wandb sync DIR/wandb/offline-run-*` sends what was written offline.

    Returns:
      The writer.

    Example:
      >>> import inspect
      >>> inspect.signature(wandb).parameters["project"].default
      'jaxgan'
    """
    package: Any = importlib.import_module("wandb")
    run = package.init(
        project=project,
        name=run_name or workdir.resolve().name,
        entity=entity,
        mode=mode,
        dir=str(workdir),
        config=dict(config),
        id=read_id(workdir, "wandb", resume_step),
        resume="allow",
        reinit="create_new",
        settings=package.Settings(silent=True, console="off"),
    )
    write_id(workdir, "wandb", run.id)
    return WandbWriter(run)
