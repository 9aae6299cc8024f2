"""Evaluation: numbers that say what they depend on, and that agree on any number of devices."""

from jaxgan.evaluation.evaluator import Evaluation, Evaluator, Options, make_evaluator
from jaxgan.evaluation.hook import make_hook
from jaxgan.evaluation.protocol import EvaluationError, Score
from jaxgan.evaluation.report import read_report, write_report
from jaxgan.evaluation.run import make_run_evaluator, open_reference

__all__ = [
    "Evaluation",
    "EvaluationError",
    "Evaluator",
    "Options",
    "Score",
    "make_evaluator",
    "make_hook",
    "make_run_evaluator",
    "open_reference",
    "read_report",
    "write_report",
]
