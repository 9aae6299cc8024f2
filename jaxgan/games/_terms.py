"""What games with regularisers share: terms that are checked, given a view, and weighted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.core.examples import samples_of
from jaxgan.core.game import Game, Losses
from jaxgan.core.penalty import Penalty, Term, View
from jaxgan.core.schedules import at
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, Key, PlayerTree, PyTree, Scene


def checked_terms(game: Game, penalty: Penalty, player: str | None) -> tuple[Term, ...]:
    """The terms of a penalty, checked against the game that they join.

    Args:
      game: the game.
      penalty: one or several terms.
      player: whose loss they all join; each term's own `players` by default.

    Returns:
      The terms, with `players` as asked.

    Raises:
      ValueError: if the game has no such player, or a player would have two terms of one name.

    Example:
      >>> from jaxgan.games import dirac
      >>> from jaxgan.penalties import r1
      >>> [term.players for term in checked_terms(dirac(), r1(), "gen")]
      [('gen',)]
    """
    terms = penalty.terms
    if player is not None:
        terms = tuple(replace(term, players=(player,)) for term in terms)
    players = game.players
    for term in terms:
        for name in set(term.players) - set(players):
            raise ValueError(f"player is {name!r}; the game's players are {list(players)}")
    names = game.terms + _names(terms)
    for player, name in names:
        if names.count((player, name)) > 1:
            raise ValueError(
                f"penalty {name!r} is given {player!r} twice; each name may appear once"
            )
    return terms


def with_terms(game: Game, terms: tuple[Term, ...], losses: Losses, couples: bool) -> Game:
    """A game with other losses, which have the terms, and with the states of the terms.

    Args:
      game: the game.
      terms: as `checked_terms` returns them.
      losses: of the new game.
      couples: whether they couple the examples of a batch.

    Returns:
      A `Game`, which is not zero-sum.

    Example:
      >>> from jaxgan.games import bilinear
      >>> from jaxgan.penalties import r1
      >>> game = bilinear()
      >>> with_terms(game, r1().terms, game.losses, couples=False).terms
      (('disc', 'r1'),)
    """
    return game._replace(
        init=partial(_init, game, terms),
        losses=losses,
        couples_batch=couples,
        is_zero_sum=False,
        terms=game.terms + _names(terms),
    )


def view_of(
    game: Game,
    params: PlayerTree,
    net_state: PlayerTree,
    scene: Scene,
    context: Context,
    outputs: dict[str, Any],
    player: str = "disc",
) -> View:
    """What a term looks at.

    Args:
      game: the game.
      params: all players' parameters.
      net_state: of their networks.
      scene: as `game.generate` returns it.
      context: of the step.
      outputs: of the discriminator, as `game.losses` returns them.
      player: whose loss the term joins.

    Returns:
      A `View`.

    Example:
      >>> from jaxgan.games import dirac
      >>> game, context = dirac(), Context(jax.random.key(0))
      >>> _, net_state = game.init(context.key)
      >>> params = {"gen": jnp.ones(1), "disc": jnp.full((1,), 3.0)}
      >>> view = view_of(game, params, net_state, {}, context, {})
      >>> view.critic(jnp.full((1, 1), 2.0)).tolist()
      [6.0]
    """
    return View(
        params=params,
        discriminator=lambda inputs: game.critic(params, net_state, inputs, scene, context),
        scene=scene,
        context=context,
        player=player,
        outputs=outputs,
        generator=_generator(game, params, net_state, scene, context),
        slope_scale=game.slope_scale,
    )


def contribution(term: Term, view: View, state: PyTree, player: str) -> tuple[Array, PyTree]:
    """What a term adds to a loss: n w(step) E[value] where it is due, every n-th update, else 0.

    Args:
      term: the term.
      view: what it looks at.
      state: what it remembers.
      player: whose updates are counted.

    Returns:
      (a scalar, the new state).

    Example:
      >>> from jaxgan.core.penalty import Term
      >>> view = View(params={}, discriminator=None, scene={},
      ...             context=Context(jax.random.key(0), step=3), player="gen")
      >>> value = lambda view, state: (jnp.ones(4), state)
      >>> terms = [Term(name="one", values=value, weight=0.5, every=n) for n in (1, 2, 3)]
      >>> [float(contribution(term, view, (), "gen")[0]) for term in terms]
      [0.5, 0.0, 1.5]
    """

    def evaluate(state: PyTree) -> tuple[Array, PyTree]:
        values, state = term.values(view, state)
        weight = jnp.asarray(at(term.weight, view.context.step), values.dtype)
        return term.every * weight * jnp.mean(values), state

    if term.every == 1:
        return evaluate(state)
    shape = jax.eval_shape(evaluate, state)[0]
    is_due = view.context.num_updates(player) % term.every == 0
    result: tuple[Array, PyTree] = lax.cond(
        is_due, evaluate, lambda state: (jnp.zeros((), shape.dtype), state), state
    )
    return result


def _names(terms: tuple[Term, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((player, term.name) for term in terms for player in term.players)


def _init(game: Game, terms: tuple[Term, ...], key: Key) -> tuple[PlayerTree, PlayerTree]:
    params, net_state = game.init(key)
    net_state = {player: dict(own) for player, own in net_state.items()}
    for term in terms:
        own = net_state[term.players[0]]
        if (state := term.init(params)) != ():
            if term.name in own:
                raise ValueError(f"penalty {term.name!r}: {term.players[0]} has one of that name")
            own[term.name] = state
    return params, net_state


def _generator(
    game: Game, params: PlayerTree, net_state: PlayerTree, scene: Scene, context: Context
) -> Callable[[PyTree], PyTree]:
    def generator(latent: PyTree) -> PyTree:
        made = ("real", "fake", "latent", "w")
        batch = {name: entry for name, entry in scene.items() if name not in made}
        given = latent if isinstance(latent, dict) else {"latent": latent}
        here, _ = game.generate(params, net_state, {**batch, **given}, context)
        return samples_of(here["fake"])

    return generator
