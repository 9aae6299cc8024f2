"""Looking around in a trained generator's latent space."""

from jaxgan.explore.explorer import ExploreError, Explorer, make_explorer
from jaxgan.explore.paths import linear, spherical
from jaxgan.explore.pictures import arithmetic, interpolate, mixing, traverse, truncation

__all__ = [
    "ExploreError",
    "Explorer",
    "arithmetic",
    "interpolate",
    "linear",
    "make_explorer",
    "mixing",
    "spherical",
    "traverse",
    "truncation",
]
