"""Watching a run for collapse: from what is logged to a warning in words."""

from jaxgan.training.collapse.diversity import diversity
from jaxgan.training.collapse.outcomes import Outcome, outcome
from jaxgan.training.collapse.phases import phase
from jaxgan.training.collapse.rules import Diagnosis, Rule, diagnose
from jaxgan.training.collapse.watcher import Watch

__all__ = [
    "Diagnosis",
    "Outcome",
    "Rule",
    "Watch",
    "diagnose",
    "diversity",
    "outcome",
    "phase",
]
