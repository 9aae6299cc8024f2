"""What a config can name: networks, losses, penalties, fields, algorithms, optimizers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jaxgan import algorithms, augment, auxiliary, fields, games, losses, optimizers, penalties
from jaxgan import transforms as tf
from jaxgan.config import networks
from jaxgan.config.base import Table, complete, make
from jaxgan.core.game import Game
from jaxgan.core.typing import ScalarOrSchedule
from jaxgan.fields import Field
from jaxgan.losses import Loss
from jaxgan.penalties import Penalty

POLICY = ("color", "translation", "cutout")


def _base(section: Any) -> Loss:
    return make(complete(section, LOSSES, "loss.base"), LOSSES, "loss.base")


def feature_matching_loss(base: Any = "non_saturating") -> Loss:
    """`losses.feature_matching` over a base that is itself named by a section.

    Example:
      >>> feature_matching_loss("hinge").couples_batch
      True
    """
    return losses.feature_matching(_base(base))


def flip_labels_loss(base: Any = "non_saturating", *, probability: ScalarOrSchedule) -> Loss:
    """`losses.flip_labels` over a base that is itself named by a section.

    Example:
      >>> isinstance(flip_labels_loss("hinge", probability=0.1), Loss)
      True
    """
    return losses.flip_labels(_base(base), probability=probability)


def relativistic_loss(base: Any = "non_saturating") -> Loss:
    """`losses.relativistic` over a base that is itself named by a section.

    Example:
      >>> isinstance(relativistic_loss("hinge"), Loss)
      True
    """
    return losses.relativistic(_base(base))


def relativistic_average_loss(base: Any = "non_saturating") -> Loss:
    """`losses.relativistic_average` over a base that is itself named by a section.

    Example:
      >>> relativistic_average_loss("hinge").couples_batch
      True
    """
    return losses.relativistic_average(_base(base))


def top_k_loss(base: Any = "non_saturating", *, fraction: ScalarOrSchedule) -> Loss:
    """`losses.top_k` over a base that is itself named by a section.

    Example:
      >>> top_k_loss("hinge", fraction=0.5).couples_batch
      True
    """
    return losses.top_k(_base(base), fraction=fraction)


def normal_mode_seeking(
    weight: ScalarOrSchedule = 1.0, *, every: int = 1, eps: float = 1e-5
) -> Penalty:
    """`penalties.mode_seeking` for standard normal latents, which are those of a config's game.

    Example:
      >>> normal_mode_seeking(weight=2.0).terms[0].weight
      2.0
    """
    return penalties.mode_seeking(weight, every=every, eps=eps)


def diffaugment_consistency(
    weight: ScalarOrSchedule = 10.0, *, every: int = 1, policy: tuple[str, ...] = POLICY
) -> Penalty:
    """`penalties.consistency` under `augment.diffaugment`.

    Example:
      >>> diffaugment_consistency(policy=("translation",)).terms[0].name
      'consistency'
    """
    return penalties.consistency(augment.diffaugment(policy), weight=weight, every=every)


def diffaugment_balanced_consistency(
    weight: ScalarOrSchedule = 10.0,
    *,
    every: int = 1,
    fake_weight: ScalarOrSchedule = 10.0,
    policy: tuple[str, ...] = POLICY,
) -> Penalty:
    """`penalties.balanced_consistency` under `augment.diffaugment`.

    Example:
      >>> len(diffaugment_balanced_consistency().terms)
      2
    """
    return penalties.balanced_consistency(
        augment.diffaugment(policy), weight=weight, every=every, fake_weight=fake_weight
    )


def diffaugmented(game: Game, *, policy: tuple[str, ...] = POLICY) -> Game:
    """`games.augmented` by `augment.diffaugment`.

    Example:
      >>> diffaugmented(games.dirac(), policy=("color",)).players
      ('disc', 'gen')
    """
    return games.augmented(game, augment.diffaugment(policy))


def ada_augmented(
    game: Game,
    *,
    target: float = 0.6,
    length_images: int = 500_000,
    every: int = 4,
    policy: tuple[str, ...] = ("blit", "geometric", "color"),
) -> Game:
    """`games.ada` of `augment.bgc`.

    Example:
      >>> ada_augmented(games.dirac(), target=0.5).players
      ('disc', 'gen')
    """
    return games.ada(
        game,
        target=target,
        length_images=length_images,
        every=every,
        augment=augment.bgc(policy),
    )


def bgc_augmented(
    game: Game,
    *,
    p: ScalarOrSchedule,
    policy: tuple[str, ...] = ("blit", "geometric", "color"),
    color_share: float = 1.0,
) -> Game:
    """`games.augmented_at` of `augment.bgc`.

    Example:
      >>> bgc_augmented(games.dirac(), p=0.5).players
      ('disc', 'gen')
    """
    return games.augmented_at(game, augment.bgc(policy, color_share=color_share), p=p)


def gradient_field(field: Field) -> Field:
    """Every player's own gradient, as it is.

    Example:
      >>> field = fields.gradient(games.dirac())
      >>> gradient_field(field) is field
      True
    """
    return field


GENERATORS: Table = {
    "began": networks.began_generator,
    "biggan": networks.biggan_generator,
    "dcgan": networks.dcgan_generator,
    "mlp": networks.mlp_generator,
    "progan": networks.progan_generator,
    "r3gan": networks.r3gan_generator,
    "sagan": networks.sagan_generator,
    "sngan": networks.sngan_generator,
    "stylegan": networks.stylegan_generator,
    "stylegan2": networks.stylegan2_generator,
}
DISCRIMINATORS: Table = {
    "began_autoencoder": networks.began_autoencoder,
    "biggan": networks.biggan_discriminator,
    "dcgan": networks.dcgan_discriminator,
    "dcgan_autoencoder": networks.dcgan_autoencoder,
    "mlp": networks.mlp_discriminator,
    "mlp_autoencoder": networks.mlp_autoencoder,
    "patch": networks.patch_discriminator,
    "progan": networks.progan_discriminator,
    "r3gan": networks.r3gan_discriminator,
    "sagan": networks.sagan_discriminator,
    "sngan": networks.sngan_discriminator,
    "srgan": networks.srgan_discriminator,
    "stylegan": networks.stylegan_discriminator,
    "stylegan2": networks.stylegan2_discriminator,
}
ENCODERS: Table = {"dcgan": networks.dcgan_encoder, "mlp": networks.mlp_encoder}
JOINT_DISCRIMINATORS: Table = {
    "dcgan_joint": networks.dcgan_joint_discriminator,
    "mlp_joint": networks.mlp_joint_discriminator,
}
TRANSLATORS: Table = {
    "resnet": networks.resnet,
    "srresnet": networks.srresnet,
    "unet": networks.unet,
}
LOSSES: Table = {
    "began": losses.began,
    "ebgan": losses.ebgan,
    "f_gan": losses.f_gan,
    "feature_matching": feature_matching_loss,
    "flip_labels": flip_labels_loss,
    "hinge": losses.hinge,
    "least_squares": losses.least_squares,
    "maximum_likelihood": losses.maximum_likelihood,
    "minimax": losses.minimax,
    "multi_class": losses.multi_class,
    "non_saturating": losses.non_saturating,
    "relativistic": relativistic_loss,
    "relativistic_average": relativistic_average_loss,
    "softmax": losses.softmax,
    "top_k": top_k_loss,
    "wasserstein": losses.wasserstein,
}
PENALTIES: Table = {
    "balanced_consistency": diffaugment_balanced_consistency,
    "consistency": diffaugment_consistency,
    "dragan": penalties.dragan,
    "drift": penalties.drift,
    "historical_averaging": penalties.historical_averaging,
    "latent_consistency": penalties.latent_consistency,
    "lecam": penalties.lecam,
    "max_gp": penalties.max_gp,
    "mode_seeking": normal_mode_seeking,
    "orthogonal": penalties.orthogonal,
    "path_length": penalties.path_length,
    "r1": penalties.r1,
    "r2": penalties.r2,
    "spectral_norm_penalty": penalties.spectral_norm_penalty,
    "wgan_gp": penalties.wgan_gp,
    "wgan_lp": penalties.wgan_lp,
    "zero_centered_gp": penalties.zero_centered_gp,
}
AUXILIARY: Table = {
    "auxiliary_classifier": auxiliary.auxiliary_classifier,
    "feature_matching": auxiliary.feature_matching,
    "pull_away": auxiliary.pull_away,
    "supervised": auxiliary.supervised,
}
AUGMENTATIONS: Table = {
    "ada": ada_augmented,
    "apa": games.apa,
    "bgc": bgc_augmented,
    "diffaugment": diffaugmented,
}
ALGORITHMS: Table = {
    "alternating": algorithms.alternating,
    "extragradient": algorithms.extragradient,
    "past_extragradient": algorithms.past_extragradient,
    "sequence": algorithms.sequence,
    "simultaneous": algorithms.simultaneous,
}
FIELDS: Table = {
    "competitive": fields.competitive,
    "consensus": fields.consensus,
    "follow_the_ridge": fields.follow_the_ridge,
    "gradient": gradient_field,
    "gradient_norm": fields.gradient_norm,
    "lola": fields.lola,
    "lookahead_opponent": fields.lookahead_opponent,
    "sos": fields.sos,
    "symplectic": fields.symplectic,
}
OPTIMIZERS: Table = {
    "adam": optimizers.adam,
    "optimistic": optimizers.optimistic,
    "optimistic_adam": optimizers.optimistic_adam,
    "rmsprop": optimizers.rmsprop,
    "sgd": optimizers.sgd,
}
# Sections that name no function: null, or the options of the one function there is.
OPTIONAL: Table = {
    "ema": tf.ema,
    "instance_noise": games.instance_noise,
    "lookahead": tf.lookahead,
    "unrolled": games.unrolled,
}
OPTIONAL_GIVEN: Mapping[str, tuple[str, ...]] = {
    "ema": ("algorithm", "player"),
    "instance_noise": ("game",),
    "lookahead": ("algorithm",),
    "unrolled": ("game", "player", "opponent", "inner"),
}
