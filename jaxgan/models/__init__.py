"""Flax networks, one family a file."""

from jaxgan.models.dcgan import DCGANDiscriminator, DCGANGenerator, Norm
from jaxgan.models.mlp import MLPDiscriminator, MLPGenerator

__all__ = ["DCGANDiscriminator", "DCGANGenerator", "MLPDiscriminator", "MLPGenerator", "Norm"]
