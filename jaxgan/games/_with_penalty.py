"""Regularisers added to the players' losses."""

from __future__ import annotations

from jaxgan.core.game import Game, Played
from jaxgan.core.penalty import Penalty
from jaxgan.core.ranges import checked
from jaxgan.core.state import Context
from jaxgan.core.typing import PlayerTree, Scene
from jaxgan.games._terms import checked_terms, contribution, view_of, with_terms


@checked
def with_penalty(game: Game, penalty: Penalty, *, player: str | None = None) -> Game:
    """Adds regularisers to the players' losses.

    L_player + Σ_k w_k(step) E[value_k]; a term with `every=n` is evaluated in every n-th of that
    player's updates only (under `lax.cond`) with n times the weight. Each term's contribution to
    the loss is logged under its name; it is 0 in the updates where a lazy term is not due.

    Args:
      game: the game.
      penalty: one or several terms, such as `r1(weight=1.0) + r2(weight=1.0)`.
      player: whose loss they all join; each term's own `players` by default.

    Returns:
      A `Game`.

    Raises:
      ValueError: if the game has no such player, or a player would have two terms of one name.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> from jaxgan.games import dirac
      >>> from jaxgan.penalties import r1
      >>> game = with_penalty(dirac(), r1(weight=1.0))
      >>> params = {"gen": jnp.ones(1), "disc": jnp.full((1,), 3.0)}
      >>> context, batch = Context(jax.random.key(0)), {"image": jnp.zeros((1, 1))}
      >>> _, net_state = game.init(context.key)
      >>> scene, _ = game.generate(params, net_state, batch, context)
      >>> _, (_, metrics, _) = game.losses(params, net_state, scene, context)
      >>> float(metrics["disc"]["r1"])  # ½ 3²
      4.5

    References:
      Lazy regularisation: Karras et al., 2020 (arXiv:1912.04958), appendix B.
    """
    terms = checked_terms(game, penalty, player)

    def losses(params: PlayerTree, net_state: PlayerTree, scene: Scene, context: Context) -> Played:
        values, (new_state, metrics, outputs) = game.losses(params, net_state, scene, context)
        view = view_of(game, params, net_state, scene, context, outputs)
        values = dict(values)
        new_state = {player: dict(own) for player, own in new_state.items()}
        metrics = {player: dict(logged) for player, logged in metrics.items()}
        for term in terms:
            state = net_state[term.players[0]].get(term.name, ())
            for player in term.players:
                here = view._replace(player=player)
                added, moved = contribution(term, here, state, player)
                values[player] += added.astype(values[player].dtype)
                metrics[player][term.name] = added
                if state != () and player == term.players[0]:
                    new_state[player][term.name] = moved
        return values, (new_state, metrics, outputs)

    couples = game.couples_batch or any(term.couples_batch for term in terms)
    return with_terms(game, terms, losses, couples)
