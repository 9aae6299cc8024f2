"""Games with an encoder, by plain options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from jaxgan import games
from jaxgan.config.games.base import Parts, unlabelled
from jaxgan.core.game import Game
from jaxgan.core.ranges import Decay, NonNegativeSchedule, OpenFraction, Positive


def bigan(parts: Parts, distribution: Literal["gaussian", "point"] = "point") -> Game:
    """`games.bigan`; an encoder that gives a `"gaussian"` distribution makes it ALI.

    Example:
      See `configs/bigan.py`.
    """
    game = games.bigan(
        unlabelled(parts, "generator"),
        parts.network("encoder", distribution=distribution),
        parts.network("discriminator"),
        latent=parts.latent(),
        loss=parts.loss(),
    )
    return games.with_signals(game)


def vae(
    parts: Parts,
    likelihood: Literal["bernoulli", "gaussian"] = "gaussian",
    std: Positive = 1.0,
    learn_std: bool = False,
    beta: NonNegativeSchedule = 1.0,
) -> Game:
    """`games.vae`, whose decoder is the section `generator`.

    Example:
      See `configs/vae.py`.
    """
    known: dict[str, Callable[[], games.Likelihood]] = {
        "bernoulli": games.bernoulli_likelihood,
        "gaussian": lambda: games.gaussian_likelihood(std=std, learn_std=learn_std),
    }
    return games.vae(
        parts.network("encoder", distribution="gaussian"),
        unlabelled(parts, "generator"),
        latent_dim=parts.latent_dim,
        likelihood=known[likelihood](),
        beta=beta,
    )


def vae_gan(
    parts: Parts, gamma: NonNegativeSchedule = 1.0, beta: NonNegativeSchedule = 1.0
) -> Game:
    """`games.vae_gan`, whose decoder is the section `generator`.

    Example:
      See `configs/vae_gan.py`.
    """
    game = games.vae_gan(
        parts.network("encoder", distribution="gaussian"),
        unlabelled(parts, "generator"),
        parts.network("discriminator", num_classes=None),
        latent_dim=parts.latent_dim,
        loss=parts.loss(),
        gamma=gamma,
        beta=beta,
    )
    return games.with_signals(game)


def autoencoder(
    parts: Parts,
    error: Literal["l1", "l2"] = "l2",
    noise_std: NonNegativeSchedule = 0.0,
    mask_share: Decay = 0.0,
    sparsity: games.Sparsity = "none",
    sparsity_weight: NonNegativeSchedule = 0.0,
    sparsity_target: OpenFraction = 0.05,
    contraction: NonNegativeSchedule = 0.0,
) -> Game:
    """`games.autoencoder`, whose decoder is the section `generator`, its code `latent_dim` long.

    Example:
      See `configs/autoencoder.py`.
    """
    return games.autoencoder(
        parts.network("encoder", distribution="point"),
        unlabelled(parts, "generator"),
        error=error,
        noise_std=noise_std,
        mask_share=mask_share,
        sparsity=sparsity,
        sparsity_weight=sparsity_weight,
        sparsity_target=sparsity_target,
        contraction=contraction,
    )
