"""Algorithms: one a file."""

from jaxgan.algorithms.alternating import alternating
from jaxgan.algorithms.extragradient import extragradient, past_extragradient
from jaxgan.algorithms.sequence import sequence
from jaxgan.algorithms.simultaneous import simultaneous
from jaxgan.core.algorithm import Algorithm

__all__ = [
    "Algorithm",
    "alternating",
    "extragradient",
    "past_extragradient",
    "sequence",
    "simultaneous",
]
