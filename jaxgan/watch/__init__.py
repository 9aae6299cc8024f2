"""Watching a run for collapse: from what is logged to a warning in words."""

from jaxgan.watch.diversity import diversity
from jaxgan.watch.rules import Diagnosis, Rule, diagnose
from jaxgan.watch.watcher import Watch

__all__ = [
    "Diagnosis",
    "Rule",
    "Watch",
    "diagnose",
    "diversity",
]
