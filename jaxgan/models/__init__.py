"""Flax networks, one family a file."""

from jaxgan.models.autoencoder import DCGANAutoencoder, Error, MLPAutoencoder
from jaxgan.models.began import BEGANAutoencoder, BEGANGenerator
from jaxgan.models.biggan import BigGANDiscriminator, BigGANGenerator
from jaxgan.models.cyclegan import ResNetGenerator
from jaxgan.models.dcgan import DCGANDiscriminator, DCGANGenerator
from jaxgan.models.encoder import (
    DCGANEncoder,
    DCGANJointDiscriminator,
    Distribution,
    MLPEncoder,
    MLPJointDiscriminator,
)
from jaxgan.models.layers.norms import Norm
from jaxgan.models.mlp import MLPDiscriminator, MLPGenerator, MLPNorm
from jaxgan.models.pix2pix import PatchDiscriminator, PatchNorm, UNetGenerator
from jaxgan.models.progan import ProGANDiscriminator, ProGANGenerator
from jaxgan.models.r3gan import R3GANDiscriminator, R3GANGenerator
from jaxgan.models.sngan import SNGANDiscriminator, SNGANGenerator
from jaxgan.models.srgan import SRGANDiscriminator
from jaxgan.models.srresnet import SRResNet
from jaxgan.models.stylegan import StyleGANGenerator
from jaxgan.models.stylegan2 import StyleGAN2Discriminator, StyleGAN2Generator

__all__ = [
    "BEGANAutoencoder",
    "BEGANGenerator",
    "BigGANDiscriminator",
    "BigGANGenerator",
    "DCGANAutoencoder",
    "DCGANDiscriminator",
    "DCGANEncoder",
    "DCGANGenerator",
    "DCGANJointDiscriminator",
    "Distribution",
    "Error",
    "MLPAutoencoder",
    "MLPDiscriminator",
    "MLPEncoder",
    "MLPGenerator",
    "MLPJointDiscriminator",
    "MLPNorm",
    "Norm",
    "PatchDiscriminator",
    "PatchNorm",
    "ProGANDiscriminator",
    "ProGANGenerator",
    "R3GANDiscriminator",
    "R3GANGenerator",
    "ResNetGenerator",
    "SNGANDiscriminator",
    "SNGANGenerator",
    "SRGANDiscriminator",
    "SRResNet",
    "StyleGAN2Discriminator",
    "StyleGAN2Generator",
    "StyleGANGenerator",
    "UNetGenerator",
]
