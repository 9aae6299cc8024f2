"""What a config can name: networks, losses, penalties, fields, algorithms, optimizers."""

from __future__ import annotations

from jaxgan import (
    algorithms,
    augment,
    auxiliary,
    fields,
    games,
    losses,
    optimizers,
    penalties,
    transforms,
)
from jaxgan.config import networks
from jaxgan.config.sections import Table
from jaxgan.core.game import Game
from jaxgan.core.ranges import (
    Count,
    Fraction,
    FractionSchedule,
    NonNegativeSchedule,
    SignedFraction,
)
from jaxgan.penalties import Penalty

POLICY = ("color", "translation", "cutout")


def diffaugment_consistency(
    weight: NonNegativeSchedule = 10.0, *, every: Count = 1, policy: tuple[str, ...] = POLICY
) -> Penalty:
    """`penalties.consistency` under `augment.diffaugment`.

    Example:
      >>> diffaugment_consistency(policy=("translation",)).terms[0].name
      'consistency'
    """
    return penalties.consistency(augment.diffaugment(policy), weight=weight, every=every)


def diffaugment_balanced_consistency(
    weight: NonNegativeSchedule = 10.0,
    *,
    every: Count = 1,
    fake_weight: NonNegativeSchedule = 10.0,
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
    target: SignedFraction = 0.6,
    length_images: Count = 500_000,
    every: Count = 4,
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
    p: FractionSchedule,
    policy: tuple[str, ...] = ("blit", "geometric", "color"),
    color_share: Fraction = 1.0,
) -> Game:
    """`games.augmented_at` of `augment.bgc`.

    Example:
      >>> bgc_augmented(games.dirac(), p=0.5).players
      ('disc', 'gen')
    """
    return games.augmented_at(game, augment.bgc(policy, color_share=color_share), p=p)


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
    "feature_matching": losses.feature_matching,
    "flip_labels": losses.flip_labels,
    "hinge": losses.hinge,
    "least_squares": losses.least_squares,
    "maximum_likelihood": losses.maximum_likelihood,
    "minimax": losses.minimax,
    "multi_class": losses.multi_class,
    "non_saturating": losses.non_saturating,
    "over_outputs": losses.over_outputs,
    "relativistic": losses.relativistic,
    "relativistic_average": losses.relativistic_average,
    "softmax": losses.softmax,
    "top_k": losses.top_k,
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
    "mode_seeking": penalties.mode_seeking,
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
    "extra_anchored": algorithms.extra_anchored,
    "extragradient": algorithms.extragradient,
    "past_extragradient": algorithms.past_extragradient,
    "sequence": algorithms.sequence,
    "simultaneous": algorithms.simultaneous,
}
FIELDS: Table = {
    "anchored": fields.anchored,
    "competitive": fields.competitive,
    "consensus": fields.consensus,
    "fictitious_play": fields.fictitious_play,
    "follow_the_ridge": fields.follow_the_ridge,
    "gradient_norm": fields.gradient_norm,
    "lola": fields.lola,
    "lookahead_opponent": fields.lookahead_opponent,
    "runge_kutta": fields.runge_kutta,
    "sos": fields.sos,
    "stackelberg": fields.stackelberg,
    "symplectic": fields.symplectic,
    "symplectic_surgery": fields.symplectic_surgery,
    "two_batches": fields.two_batches,
}
TRANSFORMS: Table = {"ema": transforms.ema, "lookahead": transforms.lookahead}
OPTIMIZERS: Table = {
    "adam": optimizers.adam,
    "complex_momentum": optimizers.complex_momentum,
    "optimistic": optimizers.optimistic,
    "optimistic_adam": optimizers.optimistic_adam,
    "rmsprop": optimizers.rmsprop,
    "sgd": optimizers.sgd,
}
