"""What a game that a config can name is made of."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import jax

from jaxgan import games
from jaxgan.config import networks
from jaxgan.config.base import Config
from jaxgan.config.lists import Sum
from jaxgan.config.references import in_one_line
from jaxgan.config.registry import LOSSES
from jaxgan.config.sections import Choice
from jaxgan.core.errors import ConfigError, bad_value
from jaxgan.core.game import Game
from jaxgan.core.network import Network
from jaxgan.data.source import ElementSpec
from jaxgan.losses import Loss

ROLES = ("discriminator", "encoder", "generator")
"""Sections of a config that name a network; a game says which of them it has."""

NETWORK_GIVEN = (
    *("distribution", "latent_dim", "num_classes"),
    *("resolution", "shape", "source_shape"),
)
"""What networks are given by the data, by the game and by the rest of the config."""


Roles = Mapping[str, Choice]
"""Of a game: for each of its networks those that it may be."""

LATENT = Choice({"normal": games.normal_latent}, "normal", given=("dim",), makes=Callable[..., Any])
LOSS = Sum(LOSSES, "non_saturating", makes=Loss, nested=("base",))


@dataclass(frozen=True)
class Parts:
    """What a named game is made of.

    Attributes:
      config: as `resolve` returns it.
      spec: shape and dtype of one example.
      roles: of the game's networks.
      step: at which the game is played, for a game that changes with the steps.
    """

    config: Config
    spec: ElementSpec
    roles: Roles
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
    def resolution(self) -> None:
        """At which a network that can grow computes: at all of its own, where nobody says more."""
        return None

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one example of the data.

        Raises:
          ConfigError: if the data have no images or points.
        """
        image = self.spec.get("image")
        if not isinstance(image, jax.ShapeDtypeStruct):
            raise ConfigError(
                f"data.source is {self.config['data']['source']!r}; game "
                f"{self.config['game']['name']!r} needs data with an image, of shape [H, W, C] or "
                "[D]"
            )
        return tuple(image.shape)

    @property
    def source_shape(self) -> tuple[int, ...]:
        """Of what an example is made of, in a game of translation.

        Raises:
          ConfigError: if the data have no such thing.
        """
        if "source" not in self.spec:
            raise ConfigError(
                f"data.source is {self.config['data']['source']!r}; game "
                f"{self.config['game']['name']!r} needs data with a source to translate, such as "
                "paired:DIR"
            )
        return tuple(self.spec["source"].shape)

    def network(self, role: str, **given: Any) -> Network:
        """A network of the config.

        Args:
          role: one of `ROLES`.
          **given: what it is given, of `NETWORK_GIVEN`; by default, what data and config say. What
            its function does not ask for is left out.

        Returns:
          The network.

        Raises:
          ConfigError: if it refuses its options.
        """
        choice, section = self.roles[role], self.config[role]
        function = choice.options(section["name"], role).function
        asked = inspect.signature(function).parameters
        inputs = {
            name: given[name] if name in given else getattr(self, name)
            for name in NETWORK_GIVEN
            if name in asked
        }
        if section["name"] in choice.table:
            network: Network = choice.make(section, role, **inputs)
            return network
        like: Any = next(iter(choice.table.values()))
        data = {name: given.get(name) or getattr(self, name) for name in like.role.given}
        return networks.own_network(
            lambda **rngs: choice.make(section, role, **inputs, **rngs),
            function,
            like.role,
            networks.Data(role, **data),
        )

    def latent(self) -> games.Latent:
        """How latents of `latent_dim` numbers are drawn.

        Raises:
          ConfigError: if the config's function refuses its options, or draws others.
        """
        draw: games.Latent = LATENT.make(self.config["latent"], "latent", dim=self.latent_dim)
        with in_one_line("latent"):
            drawn = jax.eval_shape(lambda: draw(jax.random.key(0), (3,)))
        shape, expected = getattr(drawn, "shape", None), (3, self.latent_dim)
        if shape != expected:
            raise ConfigError(bad_value("latent: the shape of 3 latents", shape, str(expected)))
        return draw

    def loss(self) -> Loss:
        """The adversarial objective of the config.

        Raises:
          ConfigError: if it refuses its options.
        """
        loss: Loss = LOSS.make(self.config["loss"], "loss")
        return loss


class NamedGame(NamedTuple):
    """A game that a config can name.

    Attributes:
      make: (parts, options) -> the game; of people's own, (what it asks for, options).
      roles: of its networks, those that each may be.
      loss: the default of its adversarial objective; None without one.
      players: who needs an optimizer; () of people's own, which says it when it is made.
      has_latent: whether the config says how latents are drawn.
      panels: what pictures show side by side, entries of the scene such as `fake` and `real`, with
        a dot for entries of entries; () for a grid of `fake`.
      from_real: whether what it makes is made of the batch's examples, not of latents alone.
      translations: of entries of the batch, where the scene has what it makes of them.
      codes: (config) -> the parts of the latent that mean something.
      phases: (config) -> the first steps of its phases, (0, ...): a game that changes with the
        steps is compiled once for each.
    """

    make: Callable[..., Game]
    roles: Roles
    loss: str | None = "non_saturating"
    players: tuple[str, ...] = ("gen", "disc")
    has_latent: bool = False
    panels: tuple[str, ...] = ()
    from_real: bool = False
    translations: Mapping[str, str] = MappingProxyType({})
    codes: Callable[[Config], tuple[games.Code, ...]] = lambda config: ()
    phases: Callable[[Config], tuple[int, ...]] = lambda config: (0,)


def unlabelled(parts: Parts, role: str) -> Network:
    """A network of a game that has no classes.

    Args:
      parts: what the game is made of.
      role: one of `ROLES`.

    Returns:
      The network.

    Raises:
      ConfigError: if the config asks for classes, or the network refuses its options.

    Example:
      See `vae`.
    """
    if parts.num_classes:
        name = parts.config["game"]["name"]
        raise ConfigError(
            f"num_classes is {parts.num_classes}; game {name!r} has no classes, so it must be 0"
        )
    return parts.network(role)
