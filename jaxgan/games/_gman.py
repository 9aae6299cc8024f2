"""One generator against several discriminators, the harsher ones counting more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from jaxgan.core.errors import bad_value
from jaxgan.core.game import Game, Played
from jaxgan.core.network import Network, detached_of
from jaxgan.core.ranges import NonNegativeSchedule, Width, checked
from jaxgan.core.schedules import at
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, Key, PlayerTree, ScalarOrSchedule, Scene
from jaxgan.games._adversarial import Discriminator, gen_loss
from jaxgan.games._gan import Latent, gan
from jaxgan.losses import Loss, minimax


@checked
def gman(
    gen: Network,
    discs: Sequence[Network],
    *,
    latent: Width | Latent,
    loss: Loss | None = None,
    sharpness: NonNegativeSchedule = 1.0,
) -> Game:
    r"""A game of one generator and N discriminators, each of which plays for itself.

    .. math::
        L_{gen} = \sum_i w_i V_i, \quad w_i = \frac{e^{\lambda V_i}}{\sum_j e^{\lambda V_j}},

    with the generator's loss V_i against discriminator i, weighted by a softmax of these losses:
    λ = 0 is their mean, and λ → ∞ their maximum, that of the harshest. The gradient goes through
    the weights too. Each discriminator minimises its own loss on the same batch.

    Args:
      gen: z -> image.
      discs: image -> logits: the players `disc0`, `disc1`, ... They should differ, in their
        networks or at least in their start, which is each one's own.
      latent: the dimension of standard normal latents, or a function that draws them.
      loss: an adversarial objective; minimax by default, as in the paper.
      sharpness: λ, a number or a schedule of the step.

    Returns:
      A `Game` with the players `gen` and one for each discriminator. The generator logs the
      weights, `disc0_weight` and so on. It has no `critic`, so penalties on one are refused.

    Raises:
      ValueError: for fewer than two discriminators, or what `gan` refuses.

    Example:
      >>> import flax.linen as nn
      >>> from jaxgan.models.adapters import from_linen
      >>> gen = from_linen(nn.Dense(2), jnp.zeros((1, 8)))
      >>> disc = Network(init=lambda key: (jax.random.normal(key, (2,)), {}),
      ...                apply=lambda w, state, x, train=True, key=None: (x @ w, state))
      >>> game = gman(gen, [disc, disc], latent=8)
      >>> params, net_state = game.init(jax.random.key(0))
      >>> context, batch = Context(jax.random.key(1)), {"image": jnp.ones((5, 2))}
      >>> scene, _ = game.generate(params, net_state, batch, context)
      >>> values, (_, metrics, _) = game.losses(params, net_state, scene, context)
      >>> game.players, round(sum(float(weight) for weight in metrics["gen"].values()), 6)
      (('disc0', 'disc1', 'gen'), 1.0)

    References:
      Durugkar et al., 2017 (arXiv:1611.01673), section 4.1.
    """
    if len(discs) < 2:
        raise ValueError(bad_value("the number of discriminators", len(discs), "at least 2"))
    objective = minimax() if loss is None else loss
    one = gan(gen, discs[0], latent=latent, loss=objective)
    players = tuple(
        Discriminator(disc, objective, player=f"disc{i}") for i, disc in enumerate(discs)
    )
    game = _Gman(one, players, sharpness)
    return Game(
        init=game.init,
        generate=one.generate,
        losses=game.losses,
        couples_batch=one.couples_batch or any(disc.couples_batch for disc in discs),
        detached=detached_of(gen, *discs),
    )


@dataclass(frozen=True, eq=False)
class _Gman:
    one: Game
    discs: tuple[Discriminator, ...]
    sharpness: ScalarOrSchedule

    def init(self, key: Key) -> tuple[PlayerTree, PlayerTree]:
        params, net_state = self.one.init(key)
        params, net_state = {"gen": params["gen"]}, {"gen": net_state["gen"]}
        for disc in self.discs:
            params[disc.player], net_state[disc.player] = disc.init(key)
        return params, net_state

    def losses(
        self, params: PlayerTree, net_state: PlayerTree, scene: Scene, context: Context
    ) -> Played:
        values: dict[str, Array] = {}
        metrics: dict[str, dict[str, Array]] = {}
        new_state, against = dict(net_state), []
        for disc in self.discs:
            found = disc.losses(params, net_state, scene, context)
            values[disc.player], metrics[disc.player] = found.loss, found.metrics
            new_state[disc.player] = found.state
            state = net_state[disc.player]["loss"]
            loss, _ = gen_loss(
                disc.objective, found.outs["real"], found.outs["fake"], state, context
            )
            against.append(loss)
        each = jnp.stack(against)
        weights = jax.nn.softmax(jnp.asarray(at(self.sharpness, context.step), each.dtype) * each)
        values["gen"] = jnp.sum(weights * each)
        names = (f"{disc.player}_weight" for disc in self.discs)
        metrics["gen"] = dict(zip(names, weights, strict=True))
        return values, (new_state, metrics, {})
