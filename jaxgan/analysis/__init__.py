"""What a game's dynamics look like near a point: Jacobians, spectra, paths, verdicts."""

from jaxgan.analysis._arpack import ConvergenceError
from jaxgan.analysis._certificate import Certificate, certificate
from jaxgan.analysis._definite import Definiteness
from jaxgan.analysis._duality_gap import DualityGap, duality_gap
from jaxgan.analysis._evolution import (
    Particles,
    evolution_strategies,
    particles,
    persistent_evolution_strategies,
)
from jaxgan.analysis._flat import ravel_players
from jaxgan.analysis._hypergradient import Hypergradient, hypergradient
from jaxgan.analysis._jacobian import dense_jacobian
from jaxgan.analysis._kinks import kinks
from jaxgan.analysis._multipliers import step_multipliers
from jaxgan.analysis._path import Path, path
from jaxgan.analysis._products import Products, hessian_block, products
from jaxgan.analysis._spectrum import flow_eigenvalues, leading_eigenvalues
from jaxgan.analysis._stability import Stability, stability
from jaxgan.analysis._terms import TermGradient, term_gradients

__all__ = [
    "Certificate",
    "ConvergenceError",
    "Definiteness",
    "DualityGap",
    "Hypergradient",
    "Particles",
    "Path",
    "Products",
    "Stability",
    "TermGradient",
    "certificate",
    "dense_jacobian",
    "duality_gap",
    "evolution_strategies",
    "flow_eigenvalues",
    "hessian_block",
    "hypergradient",
    "kinks",
    "leading_eigenvalues",
    "particles",
    "path",
    "persistent_evolution_strategies",
    "products",
    "ravel_players",
    "stability",
    "step_multipliers",
    "term_gradients",
]
