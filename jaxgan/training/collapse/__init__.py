"""Watching a run for collapse: from what is logged to a warning in words."""

from jaxgan.training.collapse.diversity import diversity
from jaxgan.training.collapse.outcomes import (
    NoReturn,
    Outcome,
    Share,
    bisect,
    no_return,
    outcome,
    share_of,
)
from jaxgan.training.collapse.phases import phase
from jaxgan.training.collapse.rules import Diagnosis, Rule, diagnose
from jaxgan.training.collapse.watcher import Watch

__all__ = [
    "Diagnosis",
    "NoReturn",
    "Outcome",
    "Rule",
    "Share",
    "Watch",
    "bisect",
    "diagnose",
    "diversity",
    "no_return",
    "outcome",
    "phase",
    "share_of",
]
