"""Evaluation: numbers that say what they depend on, and that agree on any number of devices."""

from jaxgan.core.errors import EvaluationError
from jaxgan.evaluation.evaluator import Evaluation, Evaluator, Options, make_evaluator
from jaxgan.evaluation.measures import Found, Task
from jaxgan.evaluation.own import make_metric
from jaxgan.evaluation.protocol import Score
from jaxgan.evaluation.report import read_report, write_report
from jaxgan.evaluation.table import Metric

__all__ = [
    "Evaluation",
    "EvaluationError",
    "Evaluator",
    "Found",
    "Metric",
    "Options",
    "Score",
    "Task",
    "make_evaluator",
    "make_metric",
    "read_report",
    "write_report",
]
