"""Algorithms, and what one of one's own needs: one a file."""

from jaxgan.algorithms._alternating import alternating
from jaxgan.algorithms._extra_anchored import extra_anchored
from jaxgan.algorithms._extragradient import extragradient, past_extragradient
from jaxgan.algorithms._sequence import sequence
from jaxgan.algorithms._simultaneous import simultaneous
from jaxgan.core.algorithm import (
    Algorithm,
    Optimizers,
    apply_updates,
    flatten_metrics,
    make_context,
    make_init,
)

__all__ = [
    "Algorithm",
    "Optimizers",
    "alternating",
    "apply_updates",
    "extra_anchored",
    "extragradient",
    "flatten_metrics",
    "make_context",
    "make_init",
    "past_extragradient",
    "sequence",
    "simultaneous",
]
