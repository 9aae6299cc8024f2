"""Looking around in a trained generator's latent space."""

from jaxgan.core.errors import ExploreError
from jaxgan.sampling.explore.explorer import Explorer, make_explorer
from jaxgan.sampling.explore.paths import linear, spherical
from jaxgan.sampling.explore.pictures import arithmetic, interpolate, mixing, traverse, truncation

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
