"""Networks for data of a shape, by plain options: what a config can name as a player."""

from jaxgan.networks.dcgan import dcgan_autoencoder, dcgan_discriminator, dcgan_generator
from jaxgan.networks.inference import (
    dcgan_encoder,
    dcgan_joint_discriminator,
    mlp_encoder,
    mlp_joint_discriminator,
)
from jaxgan.networks.mlp import mlp_autoencoder, mlp_discriminator, mlp_generator

__all__ = [
    "dcgan_autoencoder",
    "dcgan_discriminator",
    "dcgan_encoder",
    "dcgan_generator",
    "dcgan_joint_discriminator",
    "mlp_autoencoder",
    "mlp_discriminator",
    "mlp_encoder",
    "mlp_generator",
    "mlp_joint_discriminator",
]
