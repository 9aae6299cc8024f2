"""The games that a config can name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jaxgan.config.base import Config
from jaxgan.config.games import adversarial, inference, translation
from jaxgan.config.games.base import LOSS, NETWORK_GIVEN, ROLES, NamedGame, Parts, Roles
from jaxgan.config.registry import (
    DISCRIMINATORS,
    ENCODERS,
    GENERATORS,
    JOINT_DISCRIMINATORS,
    TRANSLATORS,
)
from jaxgan.config.sections import Choice, Table
from jaxgan.core.errors import ConfigError, bad_value
from jaxgan.core.game import Game
from jaxgan.data.source import ElementSpec


def _one_of(table: Table, default: str) -> Choice:
    return Choice(table, default, given=(*NETWORK_GIVEN, "rngs"))


_ADVERSARIAL: Roles = {
    "discriminator": _one_of(DISCRIMINATORS, "dcgan"),
    "generator": _one_of(GENERATORS, "dcgan"),
}

_GROWING: Roles = {
    role: _one_of({name: table[name] for name in ("progan", "stylegan")}, "progan")
    for role, table in (("discriminator", DISCRIMINATORS), ("generator", GENERATORS))
}

_DECODER: Roles = {
    "encoder": _one_of(ENCODERS, "dcgan"),
    "generator": _one_of(GENERATORS, "dcgan"),
}

_TRANSLATION: Roles = {
    "discriminator": _one_of(DISCRIMINATORS, "patch"),
    "generator": _one_of(TRANSLATORS, "unet"),
}

GAMES: Mapping[str, NamedGame] = {
    "autoencoder": NamedGame(
        inference.autoencoder,
        _DECODER,
        loss=None,
        players=("gen",),
        panels=("image", "reconstruction"),
        from_real=True,
    ),
    "bigan": NamedGame(
        inference.bigan,
        {**_DECODER, "discriminator": _one_of(JOINT_DISCRIMINATORS, "dcgan_joint")},
        panels=("real.image", "reconstruction", "fake.image"),
    ),
    "cyclegan": NamedGame(
        translation.cyclegan,
        {**_TRANSLATION, "generator": _one_of(TRANSLATORS, "resnet")},
        loss="least_squares",
        panels=(
            *("real.source", "fake.image", "cycle.source"),
            *("real.image", "fake.source", "cycle.image"),
        ),
        from_real=True,
    ),
    "gan": NamedGame(adversarial.gan, _ADVERSARIAL),
    "infogan": NamedGame(adversarial.infogan, _ADVERSARIAL, codes=adversarial.infogan_codes),
    "pix2pix": NamedGame(
        translation.pix2pix, _TRANSLATION, panels=("source", "fake", "real"), from_real=True
    ),
    "progressive": NamedGame(
        adversarial.progressive, _GROWING, loss="wasserstein", phases=adversarial.progressive_phases
    ),
    "super_resolution": NamedGame(
        translation.super_resolution,
        {**_TRANSLATION, "generator": _one_of(TRANSLATORS, "srresnet")},
        panels=("source", "fake", "real"),
        from_real=True,
    ),
    "vae": NamedGame(
        inference.vae,
        _DECODER,
        loss=None,
        players=("gen",),
        panels=("image", "reconstruction", "fake"),
    ),
    "vae_gan": NamedGame(
        inference.vae_gan,
        {**_ADVERSARIAL, **_DECODER},
        players=("gen", "disc", "enc"),
        panels=("real", "reconstruction", "fake"),
    ),
}


def _of_its_own() -> Game:
    raise ConfigError("the game is that of the algorithm")


WHOLE = NamedGame(_of_its_own, {}, loss=None, players=())
"""Of a config with `make_algorithm`: what its game makes is shown as that of a GAN."""

GAME = Choice({name: row.make for name, row in GAMES.items()}, "gan", given=("parts",))


def named(config: Config) -> NamedGame:
    """The row of `GAMES` that a resolved config names.

    Args:
      config: as `resolve` returns it.

    Returns:
      The row; `WHOLE` where the config names no game, but an algorithm as a whole.

    Example:
      >>> named({"game": {"name": "gan"}}).players
      ('gen', 'disc')
    """
    return GAMES[config["game"]["name"]] if "game" in config else WHOLE


def parts_of(config: Config, spec: ElementSpec, step: int = 0) -> Parts:
    """What the game of a resolved config is made of.

    Args:
      config: as `resolve` returns it.
      spec: shape and dtype of one example.
      step: at which the game is played, for a game that changes with the steps.

    Returns:
      The `Parts`.

    Example:
      See `jaxgan.config.build.build_game`.
    """
    return Parts(config, spec, named(config).roles, step)


def make_game(parts: Parts) -> Game:
    """The game that a config names.

    Args:
      parts: what it is made of.

    Returns:
      A `Game`.

    Raises:
      ConfigError: if the parts do not fit.

    Example:
      See `jaxgan.config.build.build_game`.
    """
    game: Game = GAME.make(parts.config["game"], "game", parts=parts)
    return game


def resolve_game(config: Config) -> Config:
    """The sections of a config that its game asks for: itself, its networks, its objective.

    Args:
      config: as written.

    Returns:
      `game`, each of `ROLES` and `loss`, complete; None for what the game has none of.

    Raises:
      ConfigError: for an unknown name or option, or a section that the game has no use for.

    Example:
      >>> resolve_game({"generator": "mlp"})["generator"]["features"]
      [128, 128]
    """
    full: Config = {"game": GAME.resolve(config.get("game"), "game")}
    row, name = named(full), full["game"]["name"]
    for role in ROLES:
        asks = role in row.roles
        full[role] = (
            row.roles[role].resolve(config.get(role), role) if asks else _refuse(config, role, name)
        )
    if row.loss is None:
        full["loss"] = _refuse(config, "loss", name)
    else:
        loss = config.get("loss")
        full["loss"] = LOSS.resolve(row.loss if loss is None else loss, "loss")
    return full


def _refuse(config: Config, key: str, game: str) -> Any:
    section = config.get(key)
    if section is not None:
        raise ConfigError(bad_value(key, section, f"left out, as game {game!r} has none"))
    return section
