"""Games that make images of images, by plain options."""

from __future__ import annotations

from typing import Literal

from jaxgan import games
from jaxgan.config.games.base import Parts, unlabelled
from jaxgan.core.errors import ConfigError
from jaxgan.core.game import Game
from jaxgan.core.ranges import NonNegativeSchedule, OptionalWidth
from jaxgan.data.open import UNPAIRED


def pix2pix(
    parts: Parts,
    l1_weight: NonNegativeSchedule = 100.0,
    adversarial_weight: NonNegativeSchedule = 1.0,
) -> Game:
    """`games.pix2pix`, whose discriminator sees sources and images joined along the channels."""
    _check_pairs(parts)
    joined = (*parts.shape[:-1], parts.shape[-1] + parts.source_shape[-1])
    game = games.pix2pix(
        unlabelled(parts, "generator"),
        parts.network("discriminator", shape=joined),
        loss=parts.loss(),
        l1_weight=l1_weight,
        adversarial_weight=adversarial_weight,
    )
    return games.with_signals(game)


def super_resolution(
    parts: Parts,
    pixel: Literal["l1", "l2"] = "l2",
    pixel_weight: NonNegativeSchedule = 1.0,
    adversarial_weight: NonNegativeSchedule = 1e-3,
) -> Game:
    """`games.super_resolution`, without a feature loss."""
    _check_pairs(parts)
    game = games.super_resolution(
        unlabelled(parts, "generator"),
        parts.network("discriminator"),
        loss=parts.loss(),
        pixel=pixel,
        pixel_weight=pixel_weight,
        adversarial_weight=adversarial_weight,
    )
    return games.with_signals(game)


def cyclegan(
    parts: Parts,
    cycle_weight: NonNegativeSchedule = 10.0,
    identity_weight: NonNegativeSchedule = 0.5,
    adversarial_weight: NonNegativeSchedule = 2.0,
    pool_size: OptionalWidth = 50,
) -> Game:
    """`games.cyclegan`: both generators are of one kind, and so are both discriminators."""
    there, back = parts.shape, parts.source_shape
    backward = parts.network("generator", shape=back, source_shape=there)
    shapes = {"image": there, "source": back}
    game = games.cyclegan(
        {"forward": unlabelled(parts, "generator"), "backward": backward},
        {name: parts.network("discriminator", shape=shape) for name, shape in shapes.items()},
        shapes=shapes,
        loss=parts.loss(),
        cycle_weight=cycle_weight,
        identity_weight=identity_weight,
        adversarial_weight=adversarial_weight,
        pool_size=pool_size,
    )
    return games.with_signals(game)


def _check_pairs(parts: Parts) -> None:
    """Raises unless the data's sources belong to the images beside them."""
    source = parts.config["data"]["source"]
    if source.partition(":")[0] in UNPAIRED:
        raise ConfigError(
            f"data.source is {source!r}; game {parts.config['game']['name']!r} compares each image "
            "with its own source, so it needs pairs, such as paired:DIR; unpaired data are for "
            "cyclegan"
        )
