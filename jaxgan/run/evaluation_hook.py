"""Evaluation in training: what the loop calls now and then."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from jaxgan.core.errors import EvaluationError
from jaxgan.distributed.processes import is_first
from jaxgan.evaluation.evaluator import Evaluator
from jaxgan.evaluation.report import write_report
from jaxgan.training.hooks import Hook, Moment
from jaxgan.writers import save_png

logger = logging.getLogger("jaxgan.evaluation")

PREFIX = "eval/"
"""Of the scores' names among a run's metrics."""


def make_hook(evaluator: Evaluator, *, every: int, workdir: Path) -> Hook:
    """Measures the state and keeps what it finds in the run's folder.

    It writes `evaluations/step_STEP.json`, and pictures beside it. Of a run with several seeds it
    measures the evaluator's member, the first by default.

    Args:
      evaluator: what is measured.
      every: steps between two evaluations.
      workdir: the run's folder.

    Returns:
      A `Hook`, whose metrics are `eval/NAME`, and `std/eval/NAME` where there is an error. Every
      process calls it; the first one writes. What cannot be measured, such as samples that are not
      finite, is a warning and gives none, and a run that is to stop does not wait for it.

    Example:
      >>> import tempfile
      >>> from jaxgan.evaluation.evaluator import Evaluation
      >>> from jaxgan.evaluation.protocol import Score, make_protocol
      >>> from jaxgan.training.telemetry import Log
      >>> found = Evaluation([Score("fd_pixels", 2.5, None, make_protocol())], {})
      >>> evaluator = Evaluator(("fd_pixels",), lambda *_: found)
      >>> hook = make_hook(evaluator, every=100, workdir=Path(tempfile.mkdtemp()))
      >>> hook.call(Moment(step=100, state=None, log=Log()))
      {'eval/fd_pixels': 2.5}
    """

    def call(now: Moment) -> Mapping[str, float]:
        if now.is_stopped:
            return {}
        now.settle()
        with now.log.paused():
            try:
                now.alive()
                found = evaluator.evaluate(now.state, lambda *_: now.alive())
            except EvaluationError as error:
                logger.warning("step %d: no evaluation: %s", now.step, error)
                return {}
            if is_first():
                folder = workdir / "evaluations"
                write_report(folder / f"step_{now.step:08d}.json", found.scores)
                for name, pixels in found.pictures.items():
                    save_png(folder / f"{name}_{now.step:08d}.png", pixels)
        values = {f"{PREFIX}{score.name}": score.value for score in found.scores}
        errors = {f"std/{PREFIX}{s.name}": s.std for s in found.scores if s.std is not None}
        return {**values, **errors}

    return Hook(every, "an evaluation", call)
