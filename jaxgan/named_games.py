"""Games for data of a shape, by plain options: what a config can name as `game`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from jaxgan import games
from jaxgan.config import Config, ConfigError, Table, complete, make
from jaxgan.data.source import ElementSpec
from jaxgan.game import Game
from jaxgan.losses import Loss
from jaxgan.network import Network
from jaxgan.tables import DISCRIMINATORS, GENERATORS, LOSSES

ROLES = ("discriminator", "encoder", "generator")
"""Sections of a config that name a network; a game says which of them it has."""

NETWORK_GIVEN = ("latent_dim", "num_classes", "shape", "source_shape")
"""What networks are told by the data, by the game and by the rest of the config."""


@dataclass(frozen=True)
class Parts:
    """What a named game is made of.

    Attributes:
      config: as `resolve` returns it.
      spec: shape and dtype of one example.
      step: at which the game is played, for a game that changes with the steps.
    """

    config: Config
    spec: ElementSpec
    step: int = 0

    @property
    def latent_dim(self) -> int:
        """Length of the latents."""
        return int(self.config["latent_dim"])

    @property
    def num_classes(self) -> int | None:
        """Of a conditional game, else None."""
        return self.config["num_classes"] or None

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one example of the data."""
        return tuple(self.spec["image"].shape)

    @property
    def source_shape(self) -> tuple[int, ...]:
        """Of what an example is made of, in a game of translation.

        Raises:
          ConfigError: if the data have no such thing.
        """
        if "source" not in self.spec:
            raise ConfigError(
                f"data.source: {self.config['data']['source']!r}; game "
                f"{self.config['game']['name']!r} needs data with a source to translate, such as "
                "paired:DIR"
            )
        return tuple(self.spec["source"].shape)

    def network(self, role: str, **given: Any) -> Network:
        """A network of the config.

        Args:
          role: one of `ROLES`.
          **given: what it is told, of `NETWORK_GIVEN`; by default, what data and config say. What
            its function does not ask for is left out.

        Returns:
          The network.

        Raises:
          ConfigError: if it refuses its options.
        """
        table, _ = GAMES[self.config["game"]["name"]].roles[role]
        asked = inspect.signature(table[self.config[role]["name"]]).parameters
        told = {
            name: given[name] if name in given else getattr(self, name)
            for name in NETWORK_GIVEN
            if name in asked
        }
        network: Network = make(self.config[role], table, role, **told)
        return network

    def loss(self) -> Loss:
        """The adversarial objective of the config.

        Raises:
          ConfigError: if it refuses its options.
        """
        loss: Loss = make(self.config["loss"], LOSSES, "loss")
        return loss


class NamedGame(NamedTuple):
    """A game that a config can name.

    Attributes:
      make: (parts, options) -> the game.
      roles: of its networks: the table that each is named in, and the default.
      loss: the default of its adversarial objective; None without one.
      players: who needs an optimizer.
      panels: what pictures show side by side, entries of the scene such as `fake` and `real`, with
        a dot for entries of entries; () for a grid of `fake`.
      from_real: whether what it makes is made of the batch's examples, not of latents alone.
      phases: (config) -> the first steps of its phases, (0, ...): a game that changes with the
        steps is compiled once for each.
    """

    make: Callable[..., Game]
    roles: Mapping[str, tuple[Table, str]]
    loss: str | None = "non_saturating"
    players: tuple[str, ...] = ("gen", "disc")
    panels: tuple[str, ...] = ()
    from_real: bool = False
    phases: Callable[[Config], tuple[int, ...]] = lambda config: (0,)


def gan(parts: Parts) -> Game:
    """`games.gan` with standard normal latents.

    Example:
      See `jaxgan.build.build_algorithm`.
    """
    gen, disc = parts.network("generator"), parts.network("discriminator")
    loss, num_classes = parts.loss(), parts.num_classes
    game = games.gan(gen, disc, latent=parts.latent_dim, loss=loss, num_classes=num_classes)
    return games.with_signals(game, loss)


_ADVERSARIAL: Mapping[str, tuple[Table, str]] = {
    "discriminator": (DISCRIMINATORS, "dcgan"),
    "generator": (GENERATORS, "dcgan"),
}

GAMES: Mapping[str, NamedGame] = {
    "gan": NamedGame(gan, _ADVERSARIAL),
}


def named(config: Config) -> NamedGame:
    """The row of `GAMES` that a resolved config names.

    Args:
      config: as `resolve` returns it.

    Returns:
      The row.

    Example:
      >>> named({"game": {"name": "gan"}}).players
      ('gen', 'disc')
    """
    return GAMES[config["game"]["name"]]


def make_game(parts: Parts) -> Game:
    """The game that a config names.

    Args:
      parts: what it is made of.

    Returns:
      A `Game`.

    Raises:
      ConfigError: if the parts do not fit.

    Example:
      See `jaxgan.build.build_game`.
    """
    table = {name: row.make for name, row in GAMES.items()}
    game: Game = make(parts.config["game"], table, "game", parts=parts)
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
    table = {name: row.make for name, row in GAMES.items()}
    full: Config = {
        "game": complete(config.get("game", "gan"), table, "game", given=("parts",)),
    }
    row, name = named(full), full["game"]["name"]
    for role in ROLES:
        if role in row.roles:
            known, default = row.roles[role]
            section = config.get(role)
            section = default if section is None else section
            full[role] = complete(section, known, role, given=NETWORK_GIVEN)
        else:
            full[role] = _refuse(config, role, name)
    if row.loss is None:
        full["loss"] = _refuse(config, "loss", name)
    else:
        section = config.get("loss")
        full["loss"] = _resolve_loss(row.loss if section is None else section, "loss")
    return full


def _refuse(config: Config, key: str, game: str) -> Any:
    section = config.get(key)
    if section is not None:
        raise ConfigError(f"{key}: {section!r}; game {game!r} has none, so leave it out")
    return section


def _resolve_loss(section: Any, path: str) -> Config:
    full = complete(section, LOSSES, path)
    if "base" in full:
        full["base"] = _resolve_loss(full["base"], f"{path}.base")
    return full
