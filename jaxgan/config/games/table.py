"""The games that a config can name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from operator import attrgetter, methodcaller
from typing import Any

from jaxgan.config.base import Config
from jaxgan.config.games import adversarial, inference, translation
from jaxgan.config.games.base import LATENT, LOSS, NETWORK_GIVEN, ROLES, NamedGame, Parts, Roles
from jaxgan.config.references import find
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
from jaxgan.core.network import Network
from jaxgan.data.source import ElementSpec


def _network(role: str, parts: Parts) -> Network:
    """A network of people's own game; its option `distribution` says what an encoder gives."""
    if role != "encoder":
        return parts.network(role)
    options = {"distribution": "point", **parts.config["game"]}
    return parts.network(role, distribution=options["distribution"])


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
        has_latent=True,
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
        translations={"source": "fake.image", "image": "fake.source"},
    ),
    "gan": NamedGame(adversarial.gan, _ADVERSARIAL, has_latent=True),
    "infogan": NamedGame(adversarial.infogan, _ADVERSARIAL, codes=adversarial.infogan_codes),
    "pix2pix": NamedGame(
        translation.pix2pix,
        _TRANSLATION,
        panels=("source", "fake", "real"),
        from_real=True,
        translations={"source": "fake"},
    ),
    "progressive": NamedGame(
        adversarial.progressive,
        _GROWING,
        loss="wasserstein",
        has_latent=True,
        phases=adversarial.progressive_phases,
    ),
    "super_resolution": NamedGame(
        translation.super_resolution,
        {**_TRANSLATION, "generator": _one_of(TRANSLATORS, "srresnet")},
        panels=("source", "fake", "real"),
        from_real=True,
        translations={"source": "fake"},
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

_OWN: Mapping[str, Choice] = {
    "discriminator": _one_of({**DISCRIMINATORS, **JOINT_DISCRIMINATORS}, "dcgan"),
    "encoder": _one_of(ENCODERS, "dcgan"),
    "generator": _one_of({**GENERATORS, **TRANSLATORS}, "dcgan"),
}

_ASKED: Mapping[str, Callable[[Parts], Any]] = {
    **{role: partial(_network, role) for role in ROLES},
    **{name: methodcaller(name) for name in ("latent", "loss")},
    **{
        name: attrgetter(name)
        for name in ("latent_dim", "num_classes", "shape", "source_shape", "spec")
    },
}
"""What a game of people's own is given, where it asks for it."""

GAME = Choice(
    {name: row.make for name, row in GAMES.items()},
    "gan",
    given=("parts", *_ASKED),
    makes=Game,
)


def _asks(config: Config) -> Mapping[str, Any]:
    """The parameters of the game of people's own that a config names."""
    function = GAME.options(config["game"]["name"], "game").function
    return inspect.signature(function).parameters


def named(config: Config) -> NamedGame:
    """The row of `GAMES` that a resolved config names, or one of people's own game.

    Args:
      config: as `resolve` returns it.

    Returns:
      The row; `WHOLE` where the config names no game, but an algorithm as a whole.

    Example:
      >>> named({"game": {"name": "gan"}}).players
      ('gen', 'disc')
    """
    if "game" not in config:
        return WHOLE
    name = config["game"]["name"]
    if name in GAMES:
        return GAMES[name]
    asks = _asks(config)
    return NamedGame(
        find(name),
        {role: choice for role, choice in _OWN.items() if role in asks},
        loss="non_saturating" if "loss" in asks else None,
        players=(),
        has_latent="latent" in asks,
    )


def has_normal_latents(config: Config) -> bool:
    """Whether latents of a game are known to be standard normal, and their numbers mean nothing.

    Args:
      config: as `resolve` returns it.

    Returns:
      Whether they are.

    Example:
      >>> has_normal_latents({"game": {"name": "gan"}, "latent": {"name": "normal"}})
      True
    """
    if "game" not in config:
        return False
    row, section = named(config), config["latent"]
    if section is not None:
        return section["name"] in LATENT.table
    return config["game"]["name"] in GAMES and not row.codes(config)


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
    section = parts.config["game"]
    if section["name"] in GAMES:
        given: dict[str, Any] = {"parts": parts}
    else:
        asks = _asks(parts.config)
        given = {name: give(parts) for name, give in _ASKED.items() if name in asks}
    game: Game = GAME.make(section, "game", **given)
    return game


def resolve_game(config: Config) -> Config:
    """The sections of a config that its game asks for: itself, its networks, its objective.

    Args:
      config: as written.

    Returns:
      `game`, each of `ROLES`, `latent` and `loss`, complete; None for what the game has none of.

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
    if row.has_latent:
        full["latent"] = LATENT.resolve(config.get("latent"), "latent")
    else:
        full["latent"] = _refuse(config, "latent", name)
    if name not in GAMES and "num_classes" not in _asks(full) and config.get("num_classes"):
        raise ConfigError(
            bad_value("num_classes", config["num_classes"], f"0, as game {name!r} has none")
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
