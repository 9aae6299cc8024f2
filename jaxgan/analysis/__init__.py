"""What a game's dynamics look like near a point: Jacobians, spectra, paths, verdicts."""

from jaxgan.analysis._arpack import ConvergenceError
from jaxgan.analysis._certificate import Certificate, certificate
from jaxgan.analysis._definite import Definiteness
from jaxgan.analysis._duality_gap import DualityGap, duality_gap
from jaxgan.analysis._flat import ravel_players
from jaxgan.analysis._hypergradient import Hypergradient, hypergradient
from jaxgan.analysis._jacobian import dense_jacobian
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
    "Path",
    "Products",
    "Stability",
    "TermGradient",
    "certificate",
    "dense_jacobian",
    "duality_gap",
    "flow_eigenvalues",
    "hessian_block",
    "hypergradient",
    "leading_eigenvalues",
    "path",
    "products",
    "ravel_players",
    "stability",
    "step_multipliers",
    "term_gradients",
]
