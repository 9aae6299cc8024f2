"""What a game's dynamics look like near a point: Jacobians, spectra, paths, verdicts."""

from jaxgan.analysis.flat import ravel_players
from jaxgan.analysis.jacobian import dense_jacobian
from jaxgan.analysis.path import Path, path
from jaxgan.analysis.products import Products, hessian_block, products
from jaxgan.analysis.spectrum import ConvergenceError, flow_eigenvalues, leading_eigenvalues
from jaxgan.analysis.stability import Stability, stability

__all__ = [
    "ConvergenceError",
    "Path",
    "Products",
    "Stability",
    "dense_jacobian",
    "flow_eigenvalues",
    "hessian_block",
    "leading_eigenvalues",
    "path",
    "products",
    "ravel_players",
    "stability",
]
