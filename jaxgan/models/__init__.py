"""Flax networks, one family a file."""

from jaxgan.models.autoencoder import DCGANAutoencoder, Error, MLPAutoencoder
from jaxgan.models.dcgan import DCGANDiscriminator, DCGANGenerator
from jaxgan.models.layers.norms import Norm
from jaxgan.models.mlp import MLPDiscriminator, MLPGenerator, MLPNorm

__all__ = [
    "DCGANAutoencoder",
    "DCGANDiscriminator",
    "DCGANGenerator",
    "Error",
    "MLPAutoencoder",
    "MLPDiscriminator",
    "MLPGenerator",
    "MLPNorm",
    "Norm",
]
