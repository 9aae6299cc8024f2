"""Fields, maps from field to field, and what a field of one's own needs: one a file."""

from jaxgan.core.field import Field, Linearized, linearize
from jaxgan.fields import trees
from jaxgan.fields._anchored import anchored
from jaxgan.fields._competitive import competitive
from jaxgan.fields._consensus import consensus, gradient_norm
from jaxgan.fields._fictitious_play import fictitious_play
from jaxgan.fields._follow_the_ridge import follow_the_ridge
from jaxgan.fields._gradient import gradient
from jaxgan.fields._interaction import off_diagonal, shaping
from jaxgan.fields._lola import lola
from jaxgan.fields._lookahead_opponent import lookahead_opponent
from jaxgan.fields._microbatch import microbatch
from jaxgan.fields._norms import with_norms
from jaxgan.fields._runge_kutta import runge_kutta
from jaxgan.fields._solve import Solution, solve, with_solver_metrics
from jaxgan.fields._sos import sos
from jaxgan.fields._stackelberg import stackelberg
from jaxgan.fields._symplectic import symplectic
from jaxgan.fields._symplectic_surgery import symplectic_surgery
from jaxgan.fields._two_batches import two_batches
from jaxgan.fields._variance_reduced import variance_reduced

__all__ = [
    "Field",
    "Linearized",
    "Solution",
    "anchored",
    "competitive",
    "consensus",
    "fictitious_play",
    "follow_the_ridge",
    "gradient",
    "gradient_norm",
    "linearize",
    "lola",
    "lookahead_opponent",
    "microbatch",
    "off_diagonal",
    "runge_kutta",
    "shaping",
    "solve",
    "sos",
    "stackelberg",
    "symplectic",
    "symplectic_surgery",
    "trees",
    "two_batches",
    "variance_reduced",
    "with_norms",
    "with_solver_metrics",
]
