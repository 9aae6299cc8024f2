"""What a discriminator's outputs tell of the game's health, in units that no objective sets."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.core.game import Game, Played
from jaxgan.core.heads import logits_of
from jaxgan.core.ranges import checked
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, PlayerTree, PyTree, Scene
from jaxgan.games._adversarial import disc_loss
from jaxgan.losses import Loss

_LEAST_VARIANCE = 1e-12


def signals(
    loss: Loss, real_out: PyTree, fake_out: PyTree, state: PyTree, context: Context
) -> dict[str, Array]:
    """Three numbers about one batch, with B logits r_i of real and f_i of generated examples.

      real_sign   = E[sign r]: how much of the data looks real to the discriminator, the r_t of
                    ADA; it means something where 0 is the boundary.
      separation  = (E[r] - E[f]) / √(½ Var[r] + ½ Var[f]): the gap in standard deviations, the
                    same whatever is added to all logits or multiplied with them.
      loss_slope  = ½ ‖∂L_D / ∂outputs‖₁, over all outputs: how much the objective still asks of
                    the discriminator. It is the mean probability of the wrong answer for the
                    logistic losses, ½ at a draw; half the examples within the margin, twice over,
                    for the hinge, 1 at a draw; 1 always for Wasserstein critics. Where it comes
                    to 0 the discriminator has nothing left to learn.

    Args:
      loss: the objective.
      real_out: the discriminator's output on real examples.
      fake_out: its output on generated ones.
      state: the objective's state.
      context: that of the update, so that the objective draws what it drew for its values.

    Returns:
      float32 scalars without a derivative. They cost a backward pass through the objective alone.

    Example:
      >>> from jaxgan.losses import non_saturating
      >>> context, logits = Context(jax.random.key(0)), jnp.array([-1.0, 1.0])
      >>> draw = signals(non_saturating(), logits, logits, (), context)
      >>> {name: round(float(value), 4) for name, value in draw.items()}
      {'real_sign': 0.0, 'separation': 0.0, 'loss_slope': 0.5}
      >>> won = signals(non_saturating(), logits + 7.0, logits - 7.0, (), context)
      >>> round(float(won["separation"])), round(float(won["loss_slope"]), 4)
      (14, 0.0014)

    References:
      r_t: Karras et al., 2020 (arXiv:2006.06676), section 3.1. The separation is the sensitivity
      index d' of Green & Swets, 1966.
    """
    outs = lax.stop_gradient((real_out, fake_out))
    slopes = disc_loss(loss, *outs, state, context).slopes
    return _numbers({"real": outs[0], "fake": outs[1], "slopes": slopes})


@checked
def with_signals(game: Game) -> Game:
    """Logs the `signals` of every batch among the discriminator's metrics.

    The outputs, and the evaluation of the objective, are those of the loss itself. In `cyclegan`,
    `loss_slope` is of the mean of both critics' losses, on the images that the pools show them.

    Args:
      game: such as a `gan`; put penalties, augmentation and lookahead around the result.

    Returns:
      A `Game` with the same losses.

    Raises:
      ValueError: when played, if the game's outputs have no slopes of its objective.

    Example:
      >>> import flax.linen as nn
      >>> from jaxgan.games import gan
      >>> from jaxgan.losses import hinge
      >>> from jaxgan.core.network import Network
      >>> from jaxgan.models.adapters import from_linen
      >>> gen = from_linen(nn.Dense(2), jnp.zeros((1, 8)))
      >>> disc = Network(init=lambda key: (jnp.ones(2), {}),
      ...                apply=lambda w, state, x, train=True, key=None: (x @ w, state))
      >>> game = with_signals(gan(gen, disc, latent=8, loss=hinge()))
      >>> params, net_state = game.init(jax.random.key(0))
      >>> context, batch = Context(jax.random.key(1)), {"image": jnp.ones((5, 2))}
      >>> scene, _ = game.generate(params, net_state, batch, context)
      >>> _, (_, metrics, _) = game.losses(params, net_state, scene, context)
      >>> sorted(metrics["disc"])
      ['fake_out', 'loss_slope', 'real_out', 'real_sign', 'separation']

    References:
      See `signals`.
    """

    def losses(params: PlayerTree, net_state: PlayerTree, scene: Scene, context: Context) -> Played:
        values, (new_state, metrics, outputs) = game.losses(params, net_state, scene, context)
        if "slopes" not in outputs:
            raise ValueError("with_signals needs a game with a discriminator's loss, such as `gan`")
        metrics = {**metrics, "disc": {**metrics["disc"], **_numbers(outputs)}}
        return values, (new_state, metrics, outputs)

    return game._replace(losses=losses)


def _numbers(outputs: dict[str, PyTree]) -> dict[str, Array]:
    """The signals, of outputs and slopes."""
    outputs = lax.stop_gradient(outputs)
    steep = jax.tree.leaves([outputs["slopes"]["real"], outputs["slopes"]["fake"]])
    loss_slope = sum((jnp.sum(jnp.abs(x).astype(jnp.float32)) for x in steep), jnp.float32(0.0))
    real, fake = (_flat(logits_of(outputs[name])) for name in ("real", "fake"))
    spread = 0.5 * (jnp.var(real) + jnp.var(fake))
    gap = jnp.mean(real) - jnp.mean(fake)
    return {
        "real_sign": jnp.mean(jnp.sign(real)),
        "separation": gap / jnp.sqrt(spread + _LEAST_VARIANCE),
        "loss_slope": 0.5 * loss_slope,
    }


def _flat(logits: PyTree) -> Array:
    return jnp.concatenate([jnp.ravel(x).astype(jnp.float32) for x in jax.tree.leaves(logits)])
