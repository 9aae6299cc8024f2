"""Networks for data of a shape, by plain options: what a config can name as a player."""

from jaxgan.config.networks.adversarial import (
    began_autoencoder,
    began_generator,
    biggan_discriminator,
    biggan_generator,
    dcgan_autoencoder,
    dcgan_discriminator,
    dcgan_generator,
    mlp_autoencoder,
    mlp_discriminator,
    mlp_generator,
    r3gan_discriminator,
    r3gan_generator,
    sagan_discriminator,
    sagan_generator,
    sngan_discriminator,
    sngan_generator,
)
from jaxgan.config.networks.base import (
    Data,
    Family,
)
from jaxgan.config.networks.inference import (
    dcgan_encoder,
    dcgan_joint_discriminator,
    mlp_encoder,
    mlp_joint_discriminator,
)
from jaxgan.config.networks.own import own_network
from jaxgan.config.networks.stylegan import (
    progan_discriminator,
    progan_generator,
    stylegan2_discriminator,
    stylegan2_generator,
    stylegan_discriminator,
    stylegan_generator,
)
from jaxgan.config.networks.translation import (
    patch_discriminator,
    resnet,
    srgan_discriminator,
    srresnet,
    unet,
)

__all__ = [
    "Data",
    "Family",
    "began_autoencoder",
    "began_generator",
    "biggan_discriminator",
    "biggan_generator",
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
    "own_network",
    "patch_discriminator",
    "progan_discriminator",
    "progan_generator",
    "r3gan_discriminator",
    "r3gan_generator",
    "resnet",
    "sagan_discriminator",
    "sagan_generator",
    "sngan_discriminator",
    "sngan_generator",
    "srgan_discriminator",
    "srresnet",
    "stylegan2_discriminator",
    "stylegan2_generator",
    "stylegan_discriminator",
    "stylegan_generator",
    "unet",
]
