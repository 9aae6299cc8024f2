"""Players who look ahead, and the opponent whose answer they see: what such games share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.core.derivatives import reaches
from jaxgan.core.game import Game, Played
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, Batch, Params, PlayerTree, PyTree, Scene
from jaxgan.fields import trees

_BATCH = "unrolled/batch"


def lookahead(game: Game, *, player: str | Sequence[str], opponent: str) -> Lookahead:
    """Who looks ahead in a game, checked.

    Args:
      game: the game as it is played without lookahead.
      player: who looks ahead, one or several.
      opponent: whom they see ahead of.

    Returns:
      A `Lookahead`.

    Raises:
      ValueError: for a name that is no player's, twice the same, or nobody.

    Example:
      >>> from jaxgan.games import dirac
      >>> lookahead(dirac(), player="gen", opponent="disc").players
      ('gen',)
    """
    names, players = game.players, (player,) if isinstance(player, str) else tuple(player)
    for name, who in (*(("player", one) for one in players), ("opponent", opponent)):
        if who not in names:
            raise ValueError(f"{name} is {who!r}; the game's players are {list(names)}")
    if opponent in players:
        raise ValueError(f"player and opponent are both {opponent!r}; they must differ")
    if len(set(players)) != len(players) or not players:
        raise ValueError(f"player is {list(players)}; it must be one name or several different")
    return Lookahead(game, players, opponent)


@dataclass(frozen=True, eq=False)
class Lookahead:
    """Players who look ahead of one opponent.

    Attributes:
      game: the game as it is played without lookahead.
      players: who look ahead.
      opponent: whose parameters will be others when their losses are taken.
    """

    game: Game
    players: tuple[str, ...]
    opponent: str

    def generate(
        self, params: PlayerTree, net_state: PlayerTree, batch: Batch, context: Context
    ) -> tuple[Scene, PlayerTree]:
        """The scene, with the batch in it if it has to be made again for another opponent."""
        scene, new_state = self.game.generate(params, net_state, batch, context)
        if self._depends(params, net_state, batch, context):
            scene = {**scene, _BATCH: batch}
        return scene, new_state

    def _depends(
        self, params: PlayerTree, net_state: PlayerTree, batch: Batch, context: Context
    ) -> bool:
        """Whether the scene depends on what a lookahead changes of the opponent."""
        opponent = self.opponent

        def scene(changed: PyTree, params: PlayerTree, net_state: PlayerTree) -> Scene:
            own, own_state = changed
            everyone, states = {**params, opponent: own}, {**net_state, opponent: own_state}
            return self.game.generate(everyone, states, batch, context)[0]

        changed = (params[opponent], net_state[opponent])
        jaxpr = jax.make_jaxpr(scene)(changed, params, net_state).jaxpr
        return reaches(jaxpr, len(jax.tree.leaves(changed)))

    def play(
        self, params: PlayerTree, net_state: PlayerTree, scene: Scene, context: Context
    ) -> Played:
        """The game's losses; a scene that depends on the opponent is generated again."""
        if _BATCH in scene:
            scene, net_state = self.game.generate(params, net_state, scene[_BATCH], context)
        return self.game.losses(params, net_state, scene, context)

    def opponents_gradient(
        self, params: PlayerTree, net_state: PlayerTree, scene: Scene, context: Context
    ) -> tuple[Params, PyTree]:
        """∇_ψ L_opponent, and the network state after it."""

        def loss(params: PlayerTree) -> tuple[Array, PlayerTree]:
            values, (new_state, _, _) = self.play(params, net_state, scene, context)
            return values[self.opponent], new_state

        # In all players' parameters, as the base field has it, for what is `held` in them.
        grads, states = jax.grad(loss, has_aux=True)(params)
        return grads[self.opponent], states[self.opponent]

    def answered(self, played: Played, ahead: Played) -> Played:
        """What is played, with the losses, states and metrics of those who look ahead."""
        values, (new_state, metrics, outputs) = played
        ahead_values, (ahead_state, ahead_metrics, _) = ahead
        values, new_state, metrics = (
            {**now, **{player: later[player] for player in self.players}}
            for now, later in (
                (values, ahead_values),
                (new_state, ahead_state),
                (metrics, ahead_metrics),
            )
        )
        return values, (new_state, metrics, outputs)


def norm(tree: PyTree) -> Array:
    """‖tree‖, of which no derivative is taken.

    Args:
      tree: arrays.

    Returns:
      A scalar.

    Example:
      >>> float(norm({"w": jnp.asarray([3.0, 4.0])}))
      5.0
    """
    tree = jax.tree.map(lax.stop_gradient, tree)
    return jnp.sqrt(trees.dot(tree, tree))
