"""Random changes of images that a discriminator looks through: pure and differentiable."""

from jaxgan.augment._ada import bgc
from jaxgan.augment._base import AdaptiveAugment, Augment, adjustable, each, fixed
from jaxgan.augment._color import color_matrix, recolor
from jaxgan.augment._diffaugment import diffaugment
from jaxgan.augment._geometry import geometric_matrix, resample

__all__ = [
    "AdaptiveAugment",
    "Augment",
    "adjustable",
    "bgc",
    "color_matrix",
    "diffaugment",
    "each",
    "fixed",
    "geometric_matrix",
    "recolor",
    "resample",
]
