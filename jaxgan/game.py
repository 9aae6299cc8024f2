"""What is played: the contract of a game, and the combinators that make games of games."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.penalties.base import Penalty, Term, View
from jaxgan.schedules import at
from jaxgan.state import Context
from jaxgan.typing import Array, Batch, Key, PlayerTree, PyTree, Scene

Played = tuple[dict[str, Array], tuple[PlayerTree, dict[str, dict[str, Array]], dict[str, Any]]]
"""Every player's loss, and beside them new states of networks, metrics and D's outputs."""


class Game(NamedTuple):
    """A differentiable game of any number of players, each minimising its own loss.

    No optimizer step, no device and no loop in here: pure functions over `{player: pytree}`.

    Attributes:
      init: (key) -> (params, net_state), each with one entry per player.
      generate: (params, net_state, batch, context) -> (scene, net_state): all that the
        discriminator will look at (real, fake, latent, labels). It depends on every player but
        the discriminator, so a lookahead over the discriminator calls it once.
      losses: (params, net_state, scene, context) -> ({player: scalar}, (net_state, metrics,
        outputs)) with metrics `{player: {name: scalar}}` and outputs what the discriminator said,
        `{"real": ..., "fake": ...}` or `{}`, for penalties. Entries of `net_state` that a game does
        not know are passed on untouched.
      critic: (params, net_state, inputs, scene, context) -> outputs: the discriminator as a
        function of its inputs, for penalties.
      couples_batch: whether an example's loss depends on the other examples of its batch.
      is_zero_sum: whether it has two players and L_gen = -L_disc, for methods that need that.
      foresees: whether a loss looks ahead through another player's steps.
    """

    init: Callable[[Key], tuple[PlayerTree, PlayerTree]]
    generate: Callable[[PlayerTree, PlayerTree, Batch, Context], tuple[Scene, PlayerTree]]
    losses: Callable[[PlayerTree, PlayerTree, Scene, Context], Played]
    critic: Callable[[PlayerTree, PlayerTree, PyTree, Scene, Context], Any]
    couples_batch: bool = False
    is_zero_sum: bool = False
    foresees: bool = False

    @property
    def players(self) -> tuple[str, ...]:
        """The players' names, in alphabetical order."""
        params, _ = jax.eval_shape(self.init, jax.random.key(0))
        return tuple(params)


def no_critic(
    params: PlayerTree, net_state: PlayerTree, inputs: PyTree, scene: Scene, context: Context
) -> Any:
    """The `critic` of a game that has no discriminator.

    Raises:
      TypeError: always; a penalty on the critic makes no sense in such a game.

    Example:
      >>> no_critic({}, {}, None, {}, None)
      Traceback (most recent call last):
      ...
      TypeError: this game has no critic: it takes no penalty on the discriminator's input
    """
    raise TypeError("this game has no critic: it takes no penalty on the discriminator's input")


def zero_sum(
    init: Callable[[Key], PlayerTree], value: Callable[[PlayerTree, Batch, Context], Array]
) -> Game:
    """The two-player game in which `gen` minimises a value and `disc` maximises it.

    L_gen = f(x, y),  L_disc = -f(x, y).

    Args:
      init: (key) -> `{"gen": x, "disc": y}`.
      value: (params, batch, context) -> f, a scalar.

    Returns:
      A `Game`.

    Example:
      >>> game = zero_sum(lambda key: {"gen": jnp.ones(()), "disc": jnp.ones(())},
      ...                 lambda params, batch, context: params["gen"] * params["disc"])
      >>> params, net_state = game.init(jax.random.key(0))
      >>> losses, _ = game.losses(params, net_state, {}, Context(jax.random.key(0)))
      >>> {player: float(loss) for player, loss in losses.items()}
      {'gen': 1.0, 'disc': -1.0}
    """

    def game_init(key: Key) -> tuple[PlayerTree, PlayerTree]:
        params = init(key)
        if set(params) != {"gen", "disc"}:
            raise ValueError(f"init gives players {sorted(params)}; a zero-sum game has gen, disc")
        return params, {"gen": {}, "disc": {}}

    def generate(
        params: PlayerTree, net_state: PlayerTree, batch: Batch, context: Context
    ) -> tuple[Scene, PlayerTree]:
        return dict(batch), net_state

    def losses(params: PlayerTree, net_state: PlayerTree, scene: Scene, context: Context) -> Played:
        f = value(params, scene, context)
        chex.assert_rank(f, 0)
        return {"gen": f, "disc": -f}, (net_state, {"gen": {}, "disc": {}}, {})

    return Game(game_init, generate, losses, no_critic, is_zero_sum=True)


def with_penalty(game: Game, penalty: Penalty, player: str | None = None) -> Game:
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
      ValueError: if the game has no such player, or two terms share a name.

    Example:
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
    terms = penalty.terms
    if player is not None:
        terms = tuple(replace(term, players=(player,)) for term in terms)
    players = game.players
    for term in terms:
        for name in set(term.players) - set(players):
            raise ValueError(f"player is {name!r}; the game's players are {list(players)}")
    names = [term.name for term in terms]
    if len(set(names)) < len(names):
        raise ValueError(f"penalty has terms {names}; each name may appear once")

    def init(key: Key) -> tuple[PlayerTree, PlayerTree]:
        params, net_state = game.init(key)
        net_state = {player: dict(own) for player, own in net_state.items()}
        for term in terms:
            own = net_state[term.players[0]]
            if (state := term.init(params)) != ():
                if term.name in own:
                    raise ValueError(f"penalty {term.name!r}: {player} has one of that name")
                own[term.name] = state
        return params, net_state

    def losses(params: PlayerTree, net_state: PlayerTree, scene: Scene, context: Context) -> Played:
        values, (new_state, metrics, outputs) = game.losses(params, net_state, scene, context)
        view = View(
            params,
            lambda inputs: game.critic(params, net_state, inputs, scene, context),
            scene,
            context,
            outputs=outputs,
            generator=_generator(game, params, net_state, scene, context),
        )
        values = dict(values)
        new_state = {player: dict(own) for player, own in new_state.items()}
        metrics = {player: dict(logged) for player, logged in metrics.items()}
        for term in terms:
            state = net_state[term.players[0]].get(term.name, ())
            for player in term.players:
                here = view._replace(player=player)
                contribution, moved = _contribution(term, here, state, player)
                values[player] += contribution.astype(values[player].dtype)
                metrics[player][term.name] = contribution
                if state != () and player == term.players[0]:
                    new_state[player][term.name] = moved
        return values, (new_state, metrics, outputs)

    couples = game.couples_batch or any(term.couples_batch for term in terms)
    return game._replace(init=init, losses=losses, couples_batch=couples, is_zero_sum=False)


def _generator(
    game: Game, params: PlayerTree, net_state: PlayerTree, scene: Scene, context: Context
) -> Callable[[PyTree], PyTree]:
    def generator(latent: PyTree) -> PyTree:
        batch = {name: entry for name, entry in scene.items() if name not in ("real", "fake")}
        made, _ = game.generate(params, net_state, {**batch, "latent": latent}, context)
        return made["fake"]

    return generator


def _contribution(term: Term, view: View, state: PyTree, player: str) -> tuple[Array, PyTree]:
    def evaluate(state: PyTree) -> tuple[Array, PyTree]:
        values, state = term.values(view, state)
        weight = jnp.asarray(at(term.weight, view.context.step), values.dtype)
        return term.every * weight * jnp.mean(values), state

    if term.every == 1:
        return evaluate(state)
    shape = jax.eval_shape(evaluate, state)[0]
    is_due = view.context.num_updates(player) % term.every == 0
    return lax.cond(is_due, evaluate, lambda state: (jnp.zeros((), shape.dtype), state), state)
