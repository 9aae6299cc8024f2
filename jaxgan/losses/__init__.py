"""Adversarial objectives: one a file, each a factory of a `Loss`."""

from jaxgan.losses.base import Loss, stateless
from jaxgan.losses.hinge import hinge
from jaxgan.losses.least_squares import least_squares
from jaxgan.losses.minimax import minimax
from jaxgan.losses.non_saturating import non_saturating
from jaxgan.losses.relativistic import relativistic
from jaxgan.losses.wasserstein import wasserstein

__all__ = [
    "Loss",
    "hinge",
    "least_squares",
    "minimax",
    "non_saturating",
    "relativistic",
    "stateless",
    "wasserstein",
]
