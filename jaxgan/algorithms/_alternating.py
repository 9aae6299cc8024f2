"""Alternating play."""

from __future__ import annotations

from jaxgan.algorithms._sequence import sequence
from jaxgan.core.algorithm import Algorithm, Optimizers
from jaxgan.core.field import Field
from jaxgan.core.ranges import Repeats, checked


@checked
def alternating(
    field: Field, *, optimizers: Optimizers, n_critic: Repeats = 1, critic: str = "disc"
) -> Algorithm:
    """The discriminator moves `n_critic` times, then every other player once.

    ψ ← ψ - η ξ_ψ(θ, ψ), n_critic times;  θ ← θ - η ξ_θ(θ, ψ). Each update has fresh latents and a
    fresh real batch, so a step consumes n_critic + 1 batches. What an update does not change (the
    other player's gradient, batch statistics and metrics) is not computed.

    Args:
      field: such as `gradient(game)`.
      optimizers: one Optax transformation per player.
      n_critic: updates of the discriminator per step.
      critic: the player that moves first and more often.

    Returns:
      An `Algorithm` with `num_batches == (n_critic + 1,)`; the discriminator's metrics are means
      over its updates.

    Raises:
      ValueError: if `n_critic` is not positive, the game has no player `critic`, or the optimizers
        are not those of the game's players.

    Example:
      On the bilinear game it stays on a cycle, neither leaving nor reaching the origin:

      >>> import jax
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import bilinear
      >>> from jaxgan.optimizers import sgd
      >>> sgds = {"gen": sgd(0.5), "disc": sgd(0.5)}
      >>> algorithm = alternating(gradient(bilinear()), optimizers=sgds)
      >>> state = algorithm.init(jax.random.key(0))
      >>> for step in range(60):
      ...     state, metrics = algorithm.step(state, {})
      ...     if step % 20 == 19:
      ...         x, y = float(state.params["gen"][0]), float(state.params["disc"][0])
      ...         print(f"distance {(x * x + y * y) ** 0.5:.2f}")
      distance 1.59
      distance 1.81
      distance 1.75

    References:
      Goodfellow et al., 2014 (arXiv:1406.2661), algorithm 1; n_critic: Arjovsky et al., 2017
      (arXiv:1701.07875).
    """
    players = field.game.players
    if critic not in players:
        raise ValueError(f"critic is {critic!r}; the game's players are {list(players)}")
    others = tuple(player for player in players if player != critic)
    return sequence(field, optimizers=optimizers, pattern=(*(critic,) * n_critic, others))
