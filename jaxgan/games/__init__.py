"""Games: one a file."""

from jaxgan.games.gan import gan, normal_latent
from jaxgan.games.toy import bilinear, dirac, quadratic
from jaxgan.games.unrolled import unrolled

__all__ = ["bilinear", "dirac", "gan", "normal_latent", "quadratic", "unrolled"]
