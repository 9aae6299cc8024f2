"""Regularisers: one a file, each a factory of a `Penalty`."""

from jaxgan.penalties.base import Penalty, Term, View
from jaxgan.penalties.wgan_gp import wgan_gp
from jaxgan.penalties.zero_centered import r1, r2

__all__ = ["Penalty", "Term", "View", "r1", "r2", "wgan_gp"]
