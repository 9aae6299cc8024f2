"""Games: one a file."""

from jaxgan.games.adaptive import ada, apa
from jaxgan.games.augmented import augmented, instance_noise
from jaxgan.games.gan import gan, normal_latent
from jaxgan.games.signals import signals, with_signals
from jaxgan.games.toy import bilinear, dirac, quadratic
from jaxgan.games.unrolled import unrolled

__all__ = [
    "ada",
    "apa",
    "augmented",
    "bilinear",
    "dirac",
    "gan",
    "instance_noise",
    "normal_latent",
    "quadratic",
    "signals",
    "unrolled",
    "with_signals",
]
