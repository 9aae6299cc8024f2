"""Encoders and discriminators of pairs."""

from __future__ import annotations

from jaxgan import models
from jaxgan.config.networks.base import ENCODER, JOINT, Data, Family, Option, Options
from jaxgan.config.networks.fields import PERCEPTRON, PERCEPTRON_OPTIONS, SQUARE, ActivationName


def _code_dim(data: Data, options: Options) -> int:
    return data.latent_dim


mlp_encoder = Family(
    "mlp",
    models.MLPEncoder,
    ENCODER,
    from_data={**PERCEPTRON, "code_dim": _code_dim},
    options={**PERCEPTRON_OPTIONS, "features": Option((128, 128))},
)
dcgan_encoder = Family(
    "dcgan", models.DCGANEncoder, ENCODER, from_data={**SQUARE, "code_dim": _code_dim}
)
mlp_joint_discriminator = Family(
    "mlp",
    models.MLPJointDiscriminator,
    JOINT,
    from_data=PERCEPTRON,
    fixed={"head": "logit"},
    options={**PERCEPTRON_OPTIONS, "activation": Option("leaky_relu", ActivationName)},
)
dcgan_joint_discriminator = Family(
    "dcgan", models.DCGANJointDiscriminator, JOINT, from_data=SQUARE, fixed={"head": "logit"}
)
