"""Games for data of a shape, by plain options: what a config can name as `game`."""

from jaxgan.config.games.base import NETWORK_GIVEN, NamedGame, Parts
from jaxgan.config.games.table import (
    GAMES,
    has_normal_latents,
    make_game,
    named,
    parts_of,
    resolve_game,
)

__all__ = [
    "GAMES",
    "NETWORK_GIVEN",
    "NamedGame",
    "Parts",
    "has_normal_latents",
    "make_game",
    "named",
    "parts_of",
    "resolve_game",
]
