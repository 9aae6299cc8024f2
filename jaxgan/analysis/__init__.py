"""What a game's dynamics look like near a point: Jacobians, spectra, paths, verdicts."""

from jaxgan.analysis._flat import ravel_players
from jaxgan.analysis._hypergradient import Hypergradient, hypergradient
from jaxgan.analysis._jacobian import dense_jacobian
from jaxgan.analysis._path import Path, path
from jaxgan.analysis._products import Products, hessian_block, products
from jaxgan.analysis._spectrum import ConvergenceError, flow_eigenvalues, leading_eigenvalues
from jaxgan.analysis._stability import Stability, stability
from jaxgan.analysis._terms import TermGradient, term_gradients

__all__ = [
    "ConvergenceError",
    "Hypergradient",
    "Path",
    "Products",
    "Stability",
    "TermGradient",
    "dense_jacobian",
    "flow_eigenvalues",
    "hessian_block",
    "hypergradient",
    "leading_eigenvalues",
    "path",
    "products",
    "ravel_players",
    "stability",
    "term_gradients",
]
