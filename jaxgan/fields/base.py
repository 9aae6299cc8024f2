"""Where each player is pulled: the contract of a field."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from jaxgan.game import Game
from jaxgan.state import Context
from jaxgan.typing import Array, Batch, PlayerTree, PyTree

Pull = tuple[PlayerTree, PyTree, tuple[PlayerTree, dict[str, dict[str, Array]]]]
"""({player: gradient}, memory, (net_state, {player: {name: scalar}}))."""


class Field(NamedTuple):
    """A vector field on the parameters of all players.

    Players descend along it: the optimizer of each takes its entry for a gradient. Whatever turns
    a field into another one (consensus, symplectic adjustment, gradient accumulation) is a
    function from field to field.

    Attributes:
      game: the game that is played, so that a field is all an algorithm needs.
      init: (params) -> memory, `()` for most: a warm-started solver, a past gradient.
      apply: (params, memory, net_state, batch, context) -> ({player: gradient}, memory,
        (net_state, metrics)). It is evaluated for all players at once; an algorithm that updates
        one of them uses that entry, and the compiler drops the rest.
    """

    game: Game
    init: Callable[[PlayerTree], PyTree]
    apply: Callable[[PlayerTree, PyTree, PlayerTree, Batch, Context], Pull]
