"""Games of a generator of latents against a discriminator, by plain options."""

from __future__ import annotations

from jaxgan import games
from jaxgan.config.base import Config
from jaxgan.config.games.base import Parts
from jaxgan.core.errors import ConfigError
from jaxgan.core.game import Game
from jaxgan.core.ranges import Count, Index, NonNegative, NonNegativeSchedule, Several


def gan(parts: Parts) -> Game:
    """`games.gan`.

    Example:
      See `jaxgan.config.build.build_algorithm`.
    """
    game = games.gan(
        parts.network("generator"),
        parts.network("discriminator"),
        latent=parts.latent(),
        loss=parts.loss(),
        num_classes=parts.num_classes,
    )
    return games.with_signals(game)


def infogan(
    parts: Parts,
    categorical: tuple[Several, ...] = (10,),
    num_continuous: Index = 2,
    weight: NonNegativeSchedule = 1.0,
    continuous_weight: NonNegative = 0.1,
) -> Game:
    """`games.infogan`; of the `latent_dim` numbers of a latent, the last ones are codes.

    Example:
      See `configs/infogan.py`.
    """
    noise_dim = parts.latent_dim - sum(categorical) - num_continuous
    if noise_dim < 0:
        raise ConfigError(
            f"latent_dim is {parts.latent_dim}; the codes alone have {parts.latent_dim - noise_dim}"
        )
    game = games.infogan(
        parts.network("generator"),
        parts.network("discriminator"),
        noise_dim=noise_dim,
        categorical=categorical,
        num_continuous=num_continuous,
        weight=weight,
        continuous_weight=continuous_weight,
        loss=parts.loss(),
        num_classes=parts.num_classes,
    )
    return games.with_signals(game)


def infogan_codes(config: Config) -> tuple[games.Code, ...]:
    """Where the codes of a resolved config lie in its latents.

    Example:
      >>> game = {"categorical": [10], "num_continuous": 1}
      >>> [code.start for code in infogan_codes({"game": game, "latent_dim": 64})]
      [53, 63]
    """
    categorical, num = tuple(config["game"]["categorical"]), config["game"]["num_continuous"]
    noise_dim = config["latent_dim"] - sum(categorical) - num
    return games.infogan_codes(noise_dim, categorical=categorical, num_continuous=num)


def progressive(
    parts: Parts,
    resolutions: tuple[Count, ...] = (4, 8, 16, 32),
    fade_steps: Index = 50_000,
    stable_steps: Count = 50_000,
) -> Game:
    """`games.progressive` of networks that can grow.

    Example:
      See `configs/progan.py`.
    """
    phases = games.make_phases(resolutions, fade_steps=fade_steps, stable_steps=stable_steps)
    if resolutions[-1] != parts.shape[0]:
        raise ValueError(
            f"resolutions: the last is {resolutions[-1]}; it must be that of the data, "
            f"{parts.shape[0]}"
        )
    game = games.progressive(
        lambda resolution: parts.network("generator", resolution=resolution),
        lambda resolution: parts.network("discriminator", resolution=resolution),
        phases=phases,
        step=parts.step,
        latent=parts.latent(),
        loss=parts.loss(),
        num_classes=parts.num_classes,
    )
    return games.with_signals(game)


def progressive_phases(config: Config) -> tuple[int, ...]:
    """The first steps of the phases of a resolved config.

    Example:
      >>> game = {"resolutions": [4, 8], "fade_steps": 10, "stable_steps": 20}
      >>> progressive_phases({"game": game})[0]
      0
    """
    options = config["game"]
    fade_steps, stable_steps = options["fade_steps"], options["stable_steps"]
    try:
        phases = games.make_phases(
            tuple(options["resolutions"]), fade_steps=fade_steps, stable_steps=stable_steps
        )
    except ValueError as error:
        raise ConfigError(f"game: {error}") from error
    return phases.first_steps
