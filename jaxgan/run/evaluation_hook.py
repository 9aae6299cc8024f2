"""Evaluation in training: what the loop calls now and then."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from jaxgan.core.errors import EvaluationError
from jaxgan.core.state import TrainState
from jaxgan.distributed.processes import is_first
from jaxgan.evaluation.evaluator import Evaluator
from jaxgan.evaluation.report import write_report
from jaxgan.training.settings import Evaluate
from jaxgan.writers import save_png

logger = logging.getLogger("jaxgan.evaluation")

PREFIX = "eval/"
"""Of the scores' names among a run's metrics."""


def make_hook(evaluator: Evaluator, workdir: Path) -> Evaluate:
    """A function that measures a state and keeps what it finds in the run's folder.

    It writes `evaluations/step_STEP.json`, and pictures beside it. Of a run with several seeds it
    measures the evaluator's member, the first by default.

    Args:
      evaluator: what is measured.
      workdir: the run's folder.

    Returns:
      An `Evaluate`, whose metrics are `eval/NAME`, and `std/eval/NAME` where there is an error.
      Every process calls it; the first one writes. What cannot be measured, such as samples that
      are not finite, is a warning and gives none.

    Example:
      >>> import tempfile
      >>> from jaxgan.evaluation.evaluator import Evaluation
      >>> from jaxgan.evaluation.protocol import Score, make_protocol
      >>> found = Evaluation([Score("fd_pixels", 2.5, None, make_protocol())], {})
      >>> hook = make_hook(Evaluator(("fd_pixels",), lambda *_: found), Path(tempfile.mkdtemp()))
      >>> hook(None, 100, lambda: None)
      {'eval/fd_pixels': 2.5}
    """

    def hook(state: TrainState, step: int, alive: Callable[[], None]) -> dict[str, float]:
        alive()
        try:
            found = evaluator.evaluate(state, lambda *_: alive())
        except EvaluationError as error:
            logger.warning("step %d: no evaluation: %s", step, error)
            return {}
        if is_first():
            folder = workdir / "evaluations"
            write_report(folder / f"step_{step:08d}.json", found.scores)
            for name, pixels in found.pictures.items():
                save_png(folder / f"{name}_{step:08d}.png", pixels)
        values = {f"{PREFIX}{score.name}": score.value for score in found.scores}
        errors = {f"std/{PREFIX}{s.name}": s.std for s in found.scores if s.std is not None}
        return {**values, **errors}

    return hook
