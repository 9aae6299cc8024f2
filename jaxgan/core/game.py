"""What is played: the contract of a game."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp

from jaxgan.core.penalty import plain_lengths
from jaxgan.core.show import counts_of, rows
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, Batch, Key, PlayerTree, PyTree, Scene

Played = tuple[dict[str, Array], tuple[PlayerTree, dict[str, dict[str, Array]], dict[str, Any]]]
"""Every player's loss, and beside them new states of networks, metrics and outputs."""

Losses = Callable[[PlayerTree, PlayerTree, Scene, Context], Played]


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
        outputs)) with metrics `{player: {name: scalar}}` and outputs `{}` or the discriminator's:
        `real` and `fake`, for penalties, and `slopes`, the derivatives of its objective at both,
        for `with_signals`. Entries of `net_state` that a game does not know are passed on
        untouched.
      critic: (params, net_state, inputs, scene, context) -> outputs: the discriminator as a
        function of its inputs, for penalties; a game without one takes no penalty on it.
      couples_batch: whether an example's loss depends on the other examples of its batch.
      is_zero_sum: whether it has two players and L_gen = -L_disc, for methods that need that.
      is_unrolled: whether a loss looks ahead through another player's steps.
      slope_scale: inputs -> what penalties multiply the critic's gradient at them by: 1, unless
        they stand for larger images in which each pixel is repeated, as in a game that grows.
      terms: (player, name) of every regulariser in the losses.
      detached: names of parts with `lax.stop_gradient` in place of `derivatives.held`, in which
        Jacobians of fields are wrong.
    """

    init: Callable[[Key], tuple[PlayerTree, PlayerTree]]
    generate: Callable[[PlayerTree, PlayerTree, Batch, Context], tuple[Scene, PlayerTree]]
    losses: Losses
    critic: Callable[[PlayerTree, PlayerTree, PyTree, Scene, Context], Any] = no_critic
    couples_batch: bool = False
    is_zero_sum: bool = False
    is_unrolled: bool = False
    slope_scale: Callable[[PyTree], float] = plain_lengths
    terms: tuple[tuple[str, str], ...] = ()
    detached: tuple[str, ...] = ()

    @property
    def players(self) -> tuple[str, ...]:
        """The players' names, in alphabetical order."""
        params, _ = jax.eval_shape(self.init, jax.random.key(0))
        return tuple(params)

    def __repr__(self) -> str:
        params, _ = jax.eval_shape(self.init, jax.random.key(0))
        said = {
            "couples_batch": self.couples_batch,
            "is_zero_sum": self.is_zero_sum,
            "is_unrolled": self.is_unrolled,
        }
        parts = {
            "parameters": counts_of(params),
            "terms": ", ".join(f"{name} of {player}" for player, name in self.terms),
            "is": ", ".join(name for name, value in said.items() if value),
            "detached": ", ".join(self.detached),
        }
        return rows("Game", parts)


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
      >>> import jax.numpy as jnp
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

    return Game(init=game_init, generate=generate, losses=losses, is_zero_sum=True)


def warn_if_detached(game: Game, caller: str) -> None:
    """Warns if Jacobians of the game's fields are not those of the fields.

    Args:
      game: any game.
      caller: who needs them.

    Example:
      >>> from jaxgan.games import bilinear
      >>> warn_if_detached(bilinear(), "consensus")
    """
    if game.detached:
        warnings.warn(
            f"{caller}: {', '.join(game.detached)} stops derivatives of all orders, so the second "
            "ones, used here, are wrong; models.layers.spectral_norm, derivatives.held have them",
            stacklevel=3,
        )


def general_sum(
    init: Callable[[Key], PlayerTree],
    losses: Callable[[PlayerTree, Batch, Context], dict[str, Array]],
) -> Game:
    """The game of any number of players in which each has a loss of its own.

    Args:
      init: (key) -> {player: parameters}.
      losses: (params, batch, context) -> {player: scalar}, of the same players.

    Returns:
      A `Game`.

    Raises:
      ValueError: when played, if there is not one scalar for each player.

    Example:
      >>> import jax.numpy as jnp
      >>> game = general_sum(
      ...     lambda key: {"a": jnp.ones(()), "b": jnp.ones(())},
      ...     lambda params, batch, context: {
      ...         "a": (params["a"] - params["b"]) ** 2, "b": params["a"] * params["b"]})
      >>> params, net_state = game.init(jax.random.key(0))
      >>> losses, _ = game.losses(params, net_state, {}, Context(jax.random.key(0)))
      >>> {player: float(loss) for player, loss in losses.items()}
      {'a': 0.0, 'b': 1.0}
    """

    def game_init(key: Key) -> tuple[PlayerTree, PlayerTree]:
        params = init(key)
        return params, {player: {} for player in params}

    def generate(
        params: PlayerTree, net_state: PlayerTree, batch: Batch, context: Context
    ) -> tuple[Scene, PlayerTree]:
        return dict(batch), net_state

    def play(params: PlayerTree, net_state: PlayerTree, scene: Scene, context: Context) -> Played:
        values = losses(params, scene, context)
        found = {player: jnp.shape(value) for player, value in values.items()}
        if found != dict.fromkeys(params, ()):
            raise ValueError(
                f"losses gives {found}; it must give a scalar for each of {', '.join(params)}"
            )
        return values, (net_state, {player: {} for player in params}, {})

    return Game(init=game_init, generate=generate, losses=play)
