"""Algorithms: one a file."""

from jaxgan.algorithms.alternating import alternating
from jaxgan.algorithms.base import Algorithm
from jaxgan.algorithms.simultaneous import simultaneous

__all__ = ["Algorithm", "alternating", "simultaneous"]
