"""Evaluation: numbers that say what they depend on, and that agree on any number of devices."""

from jaxgan.core.errors import EvaluationError
from jaxgan.evaluation.evaluator import Evaluation, Evaluator, Options, make_evaluator
from jaxgan.evaluation.protocol import Score
from jaxgan.evaluation.report import read_report, write_report

__all__ = [
    "Evaluation",
    "EvaluationError",
    "Evaluator",
    "Options",
    "Score",
    "make_evaluator",
    "read_report",
    "write_report",
]
