"""Random changes of images that a discriminator looks through: pure and differentiable."""

from jaxgan.augment.ada import bgc
from jaxgan.augment.base import AdaptiveAugment, Augment, adjustable, each, fixed
from jaxgan.augment.color import color_matrix, recolor
from jaxgan.augment.diffaugment import diffaugment
from jaxgan.augment.geometry import geometric_matrix, resample

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
