"""What is played: the contract of a game, and the combinators that make games of games."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial, reduce
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.checks import check_number
from jaxgan.derivatives import held
from jaxgan.examples import samples_of
from jaxgan.penalties.base import Penalty, Term, View, plain_lengths
from jaxgan.schedules import at
from jaxgan.state import Context
from jaxgan.typing import Array, Batch, Key, PlayerTree, PyTree, Scene

Played = tuple[dict[str, Array], tuple[PlayerTree, dict[str, dict[str, Array]], dict[str, Any]]]
"""Every player's loss, and beside them new states of networks, metrics and D's outputs."""

_Losses = Callable[[PlayerTree, PlayerTree, Scene, Context], Played]

MAX_BALANCE = 1e4
"""The largest weight that `balanced` gives to its terms."""


class Game(NamedTuple):
    """A differentiable game of any number of players, each minimising its own loss.

    No optimizer step, no device and no loop in here: pure functions over `{player: pytree}`.

    Attributes:
      init: (key) -> (params, net_state), each with one entry per player.
      generate: (params, net_state, batch, context) -> (scene, net_state): all that the
        discriminator will look at (real, fake, latent, labels). It may be called without real
        data, for samples, with `latent` or labels alone: the scene's `real` is None then. It may
        depend on any player; a lookahead calls it once where it does not depend on the opponent.
      losses: (params, net_state, scene, context) -> ({player: scalar}, (net_state, metrics,
        outputs)) with metrics `{player: {name: scalar}}` and outputs what the discriminator said,
        `{"real": ..., "fake": ...}` or `{}`, for penalties. Entries of `net_state` that a game does
        not know are passed on untouched.
      critic: (params, net_state, inputs, scene, context) -> outputs: the discriminator as a
        function of its inputs, for penalties.
      couples_batch: whether an example's loss depends on the other examples of its batch.
      is_zero_sum: whether it has two players and L_gen = -L_disc, for methods that need that.
      foresees: whether a loss looks ahead through another player's steps.
      slope_scale: inputs -> what penalties multiply the critic's gradient at them by: 1, unless
        they stand for larger images in which each pixel is repeated, as in a game that grows.
      terms: (player, name) of every regulariser in the losses.
      detached: names of parts with `lax.stop_gradient` in place of `derivatives.held`, in which
        Jacobians of fields are wrong.
    """

    init: Callable[[Key], tuple[PlayerTree, PlayerTree]]
    generate: Callable[[PlayerTree, PlayerTree, Batch, Context], tuple[Scene, PlayerTree]]
    losses: _Losses
    critic: Callable[[PlayerTree, PlayerTree, PyTree, Scene, Context], Any]
    couples_batch: bool = False
    is_zero_sum: bool = False
    foresees: bool = False
    slope_scale: Callable[[PyTree], float] = plain_lengths
    terms: tuple[tuple[str, str], ...] = ()
    detached: tuple[str, ...] = ()

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
      ValueError: if the game has no such player, or a player would have two terms of one name.

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
    terms = _terms(game, penalty, player)

    def losses(params: PlayerTree, net_state: PlayerTree, scene: Scene, context: Context) -> Played:
        values, (new_state, metrics, outputs) = game.losses(params, net_state, scene, context)
        view = _view(game, params, net_state, scene, context, outputs)
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
    return _played_with(game, terms, losses, couples)


def balanced(game: Game, penalty: Penalty, ratio: float = 1.0, player: str = "gen") -> Game:
    """Adds terms to a player's loss, as strong as the loss itself where both meet: at the images.

    L_player + w A with A the weighted terms and

      w = ratio · ‖∇_fake L_player‖ / ‖∇_fake A‖, clipped to [0, 10⁴] and constant in the gradient,

    both gradients with respect to the whole batch of generated examples, `scene["fake"]`. w is 0
    where A does not change with them: balancing is no use for a term that looks elsewhere, such as
    `path_length`. VQGAN takes both gradients with respect to the generator's last layer, which a
    game does not know, adds 10⁻⁴ to the denominator, and weights the adversarial loss instead.

    w is logged as `TERM_weight`, contributions with it under the terms' names. Discriminator and
    terms are evaluated once; each of the two gradients is one more backward pass through them.

    Args:
      game: the game.
      penalty: one or several terms; their own weights count among themselves only.
      ratio: how strong they are together.
      player: whose loss they join.

    Returns:
      A `Game`, which couples the examples of a batch.

    Raises:
      ValueError: if the ratio is negative, the game has no such player, two terms share a name or
        one is lazy, of which w would undo the n times larger weight.

    Example:
      >>> from jaxgan.games import dirac
      >>> from jaxgan.penalties import Penalty, Term
      >>> near_one = Term("near_one", lambda view, state: (5.0 * (view.scene["fake"] - 1.0), state))
      >>> game = balanced(dirac(), Penalty((near_one,)))
      >>> params = {"gen": jnp.zeros(1), "disc": jnp.ones(1)}
      >>> context, batch = Context(jax.random.key(0)), {"image": jnp.zeros((1, 1))}
      >>> _, net_state = game.init(context.key)
      >>> scene, _ = game.generate(params, net_state, batch, context)
      >>> _, (_, metrics, _) = game.losses(params, net_state, scene, context)
      >>> round(float(metrics["gen"]["near_one_weight"]), 4)  # slopes f'(0) = ½ and 5
      0.1

    References:
      Esser et al., 2021 (arXiv:2012.09841), eq. 7.
    """
    check_number("ratio", ratio, at_least=0)
    terms = _terms(game, penalty, player)
    if lazy := [term.name for term in terms if term.every > 1]:
        raise ValueError(f"{lazy[0]}: every is above 1; a balanced term acts in every update")

    def losses(params: PlayerTree, net_state: PlayerTree, scene: Scene, context: Context) -> Played:
        if scene.get("fake") is None:
            raise ValueError("balanced needs a game with generated examples, such as `gan`")

        def both(fake: PyTree) -> tuple[tuple[Array, Array], Any]:
            here = {**scene, "fake": fake}
            played = game.losses(params, net_state, here, context)
            view = _view(game, params, net_state, here, context, played[1][2], player)
            found = {}
            for term in terms:
                state = net_state[player].get(term.name, ())
                found[term.name] = _contribution(term, view, state, player)
            auxiliary = reduce(operator.add, (value for value, _ in found.values()))
            return (played[0][player], auxiliary), (played, found)

        (loss, auxiliary), push, (played, found) = jax.linearize(both, scene["fake"], has_aux=True)
        theirs = _pulled_norm(push, 0, scene["fake"], loss)
        own = _pulled_norm(push, 1, scene["fake"], auxiliary)
        weight = held(_clipped_ratio(jnp.asarray(ratio, theirs.dtype) * theirs, own), params)
        values, (new_state, metrics, outputs) = played
        own_state, own_metrics = dict(new_state[player]), dict(metrics[player])
        for term in terms:
            contribution, moved = found[term.name]
            own_metrics[term.name] = weight.astype(contribution.dtype) * contribution
            if moved != ():
                own_state[term.name] = moved
        own_metrics["_".join([*(term.name for term in terms), "weight"])] = weight
        added = loss + (weight.astype(auxiliary.dtype) * auxiliary).astype(loss.dtype)
        new_state, metrics = {**new_state, player: own_state}, {**metrics, player: own_metrics}
        return {**values, player: added}, (new_state, metrics, outputs)

    return _played_with(game, terms, losses, couples=True)


def _played_with(game: Game, terms: tuple[Term, ...], losses: _Losses, couples: bool) -> Game:
    return game._replace(
        init=partial(_init, game, terms),
        losses=losses,
        couples_batch=couples,
        is_zero_sum=False,
        terms=game.terms + _names(terms),
    )


def warn_if_detached(game: Game, asker: str) -> None:
    """Warns if Jacobians of the game's fields are not those of the fields.

    Args:
      game: any game.
      asker: who needs them.

    Example:
      >>> from jaxgan.games import bilinear
      >>> warn_if_detached(bilinear(), "consensus")
    """
    if game.detached:
        warnings.warn(
            f"{asker}: {', '.join(game.detached)} stops derivatives of all orders, so the second "
            "ones, used here, are wrong; models.layers.spectral_norm, derivatives.held have them",
            stacklevel=3,
        )


def _pulled_norm(push: Callable[[PyTree], Any], index: int, inputs: PyTree, output: Array) -> Array:
    """The norm of one output's gradient, by a transposition of its own: nothing of the other's."""
    (pulled,) = jax.linear_transpose(lambda tangent: push(tangent)[index], inputs)(
        jnp.ones_like(output)
    )
    squared = sum(jnp.sum(jnp.square(leaf)) for leaf in jax.tree.leaves(pulled))
    is_zero = squared == 0  # where the root has no derivative
    return jnp.where(is_zero, 0.0, jnp.sqrt(jnp.where(is_zero, 1.0, squared)))


def _clipped_ratio(numerator: Array, denominator: Array) -> Array:
    is_flat = denominator == 0
    found = numerator / jnp.where(is_flat, 1.0, denominator)
    return jnp.where(is_flat, 0.0, jnp.clip(found, 0.0, MAX_BALANCE))


def _terms(game: Game, penalty: Penalty, player: str | None) -> tuple[Term, ...]:
    """The penalty's terms, for that player if there is one, checked against the game."""
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


def _view(
    game: Game,
    params: PlayerTree,
    net_state: PlayerTree,
    scene: Scene,
    context: Context,
    outputs: dict[str, Any],
    player: str = "disc",
) -> View:
    return View(
        params,
        lambda inputs: game.critic(params, net_state, inputs, scene, context),
        scene,
        context,
        player,
        outputs,
        _generator(game, params, net_state, scene, context),
        game.slope_scale,
    )


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
