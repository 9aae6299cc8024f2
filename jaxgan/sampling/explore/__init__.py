"""Looking around in a trained generator's latent space."""

from jaxgan.core.errors import ExploreError
from jaxgan.sampling.explore.by_hand import (
    Controls,
    Sample,
    Settings,
    check_settings,
    make_controls,
)
from jaxgan.sampling.explore.directions import Directions, principal_directions
from jaxgan.sampling.explore.explorer import Explorer, make_explorer
from jaxgan.sampling.explore.paths import linear, spherical
from jaxgan.sampling.explore.pictures import arithmetic, interpolate, mixing, traverse, truncation

__all__ = [
    "Controls",
    "Directions",
    "ExploreError",
    "Explorer",
    "Sample",
    "Settings",
    "arithmetic",
    "check_settings",
    "interpolate",
    "linear",
    "make_controls",
    "make_explorer",
    "mixing",
    "principal_directions",
    "spherical",
    "traverse",
    "truncation",
]
